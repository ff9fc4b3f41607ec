"""What a newcomer meets first: `make help`, the version of Python, the dev container, how to cite."""

import json
import re
import subprocess
import tomllib

import pytest
from ruamel.yaml import YAML

from tests.imports import ROOT

MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
TARGETS = re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)
INTERNAL = {"repository", "writable"}  # checks that others begin with


@pytest.fixture(scope="module")
def help_lines():
    return subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def test_help_has_a_line_for_every_target_in_groups(help_lines):
    rows = [line.split(maxsplit=2) for line in help_lines if line.startswith("  make ")]
    assert sorted(row[1] for row in rows) == sorted(set(TARGETS) - INTERNAL)
    groups = [line for line in help_lines if line and not line.startswith(" ")]
    assert len(groups) == MAKEFILE.count("\n##@ ") >= 5
    assert all(len(line) <= 112 and line.endswith((".", "?")) for line in help_lines if line.startswith("  "))


def test_every_target_is_phony():
    phony = re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)
    assert sorted(" ".join(phony).split()) == sorted(TARGETS)


def test_the_python_of_other_tools_is_the_one_that_the_locks_are_made_for():
    version = (ROOT / ".python-version").read_text("utf-8").strip()
    assert f"--python-version {version} " in MAKEFILE
    assert PROJECT["requires-python"].startswith(f">={version},")


def test_the_dev_container_has_this_python_and_sets_up_by_make():
    settings = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text("utf-8"))
    version = (ROOT / ".python-version").read_text("utf-8").strip()
    assert settings["image"].endswith(f"/python:{version}")
    assert settings["postCreateCommand"].removeprefix("make ") in TARGETS
    assert settings["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"].endswith(
        "/.venv/bin/python"
    )


def test_the_citation_says_what_the_package_says():
    citation = YAML(typ="safe").load(ROOT / "CITATION.cff")
    assert (str(citation["version"]), citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert citation["title"] == (ROOT / "README.md").read_text("utf-8").splitlines()[0].removeprefix("# ")
    assert citation["abstract"].rstrip(".") == PROJECT["description"]
    assert citation["authors"] == [{"name": f"{PROJECT['name']} contributors"}]
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
