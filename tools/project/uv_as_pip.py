"""Run `uv pip install` with the package index, the certificates and the proxy that pip is told to use.

    .venv/bin/python tools/project/uv_as_pip.py uv pip install ...

uv reads neither pip's variables nor its files; its own variables win over them. Nothing is installed yet when
this runs: it needs just Python and pip. uv takes its place, and its exit code is uv's.
"""

import ast
import os
import subprocess
import sys

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
    return {name: value for section in SECTIONS for name, value in found[section].items()}


def uv_variables(settings: dict[str, str]) -> dict[str, str]:
    """pip's settings as variables for uv."""
    found = {}
    for name, variables in VARIABLES.items():
        if name in settings:
            separator = "," if name == "find-links" else " "
            found |= dict.fromkeys(variables, separator.join(settings[name].split()))
    return found


def main() -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    listed = subprocess.run(pip, check=True, stdout=subprocess.PIPE, text=True).stdout
    settings = pip_settings(listed)
    command = sys.argv[1:]
    if settings.get("no-index", "").lower() in TRUE:
        command.append("--no-index")
    own = {name: value for name, value in os.environ.items() if name.startswith("UV_")}
    os.execvpe(command[0], command, os.environ | EVERY_INDEX | uv_variables(settings) | own)


if __name__ == "__main__":
    main()
