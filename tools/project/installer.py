"""Run pip or uv with those of the user's settings that say where packages come from, and with no other.

    .venv/bin/python tools/project/installer.py uv pip install ...

Settings that lead packages elsewhere than into .venv, such as pip's target, are not passed on. uv reads
neither pip's variables nor its files: it gets them as its own variables, unless those are set. Nothing is
installed yet when this runs: it needs just Python and pip. The command takes its place, and its exit code is
the command's.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Mapping

# pip's settings that decide where a package comes from, and uv's variables for the same.
VARIABLES = {
    "index-url": ["UV_DEFAULT_INDEX"],
    "pypi-url": ["UV_DEFAULT_INDEX"],  # pip's other name for it
    "extra-index-url": ["UV_INDEX"],
    "find-links": ["UV_FIND_LINKS"],
    "cert": ["SSL_CERT_FILE"],
    "client-cert": ["SSL_CLIENT_CERT"],
    "trusted-host": ["UV_INSECURE_HOST"],
    "proxy": ["HTTP_PROXY", "HTTPS_PROXY"],
    "timeout": ["UV_HTTP_TIMEOUT"],
    "default-timeout": ["UV_HTTP_TIMEOUT"],
    "retries": ["UV_HTTP_RETRIES"],
}
# What has no variable for uv; use-feature and use-deprecated choose between stores of certificates.
PIP_ALONE = {"no-index", "keyring-provider", "cache-dir", "no-cache-dir", "use-feature", "use-deprecated"}
UV_KEPT = re.compile(
    "UV_(DEFAULT_INDEX|INDEX|EXTRA_INDEX|FIND_LINKS|NO_INDEX|OFFLINE|INSECURE_HOST|HTTP_|REQUEST_|CONCURRENT_"
    "|NATIVE_TLS|SYSTEM_CERTS|KEYRING|CREDENTIALS|CACHE|NO_CACHE|LINK_MODE|CONFIG_FILE|NO_CONFIG)"
)
SECTIONS = ("global", "install", ":env:")  # a later one wins; a setting that is empty counts as none
TRUE = {"y", "yes", "t", "true", "on", "1"}
# pip looks for a version on every index. uv may do so too: what is installed is held against a hash.
EVERY_INDEX = {"UV_INDEX_STRATEGY": "unsafe-best-match"}


def pip_settings(listed: str) -> dict[str, str]:
    """What `pip config list` prints, such as global.index-url='https://…', as it holds for `pip install`."""
    found: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if section in found and (text := ast.literal_eval(value)):
            found[section][name] = text
    merged = {name: value for section in SECTIONS for name, value in found[section].items()}
    return {name: value for name, value in merged.items() if name in VARIABLES or name in PIP_ALONE}


def pip_variable(name: str) -> str:
    """The variable by which pip takes a setting."""
    return "PIP_" + name.upper().replace("-", "_")


def uv_variables(settings: Mapping[str, str]) -> dict[str, str]:
    """pip's settings as variables for uv."""
    found = {}
    for name, variables in VARIABLES.items():
        if name in settings:
            separator = "," if name == "find-links" else " "
            found |= dict.fromkeys(variables, separator.join(settings[name].split()))
    return found


def kept_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """What is neither pip's nor uv's, and of theirs what says where packages come from."""
    of_pip = {pip_variable(name) for name in (*VARIABLES, *PIP_ALONE)} | {"PIP_CONFIG_FILE"}
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(("PIP_", "UV_")) or name in of_pip or UV_KEPT.match(name)
    }


def main() -> None:
    kept = kept_variables(os.environ)
    # A file may hold these as well, and they would change what is listed, or who lists it.
    asked = kept | dict.fromkeys(map(pip_variable, ("quiet", "user", "global", "site")), "0")
    asked |= {"PIP_PYTHON": sys.executable}
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    listed = subprocess.run(pip, check=False, env=asked, stdout=subprocess.PIPE, text=True)
    if listed.returncode:
        sys.exit(listed.returncode)  # pip has said why
    settings = pip_settings(listed.stdout)
    command = sys.argv[1:]
    if settings.get("no-index", "").lower() in TRUE:
        command.append("--no-index")
    own = {name: value for name, value in kept.items() if name.startswith("UV_")}
    for_pip = {pip_variable(name): value for name, value in settings.items()}
    for_pip |= {"PIP_CONFIG_FILE": os.devnull}
    os.execvpe(command[0], command, kept | for_pip | EVERY_INDEX | uv_variables(settings) | own)


if __name__ == "__main__":
    main()
