"""Each hook of .pre-commit-config.yaml lets the committed files pass, and stops what it is there for."""

import importlib.util
import re
import shlex
import sys

import pytest
from ruamel.yaml import YAML

from tests.imports import ROOT
from tools.pipeline.clones import copy_repository, run_in

HOOKS = {
    hook["id"]: hook for hook in YAML(typ="safe").load(ROOT / ".pre-commit-config.yaml")["repos"][0]["hooks"]
}
NEW = "ladder/scratch/new.py"


def append(path, text):
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def replace(path, old, new):
    content = path.read_text("utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), "utf-8")


def same_output_twice(folder):
    replace(folder / "dvc.yaml", "- models/linreg.npz", "- data/digits.npz")


# What breaks a rule, the files that the hook is called with, and what it says.
VIOLATIONS = {
    "ruff-check": (lambda folder: append(folder / NEW, "import os\n"), [NEW], "`os` imported but unused"),
    "ruff-format": (lambda folder: append(folder / NEW, "x = [1,2]\n"), [NEW], "1 file would be reformatted"),
    "types": (lambda folder: append(folder / NEW, "x: int = ''\n"), [], "invalid-assignment"),
    "pipeline": (same_output_twice, [], "output 'data/digits.npz' is specified in"),
    "code-deps": (
        lambda folder: replace(folder / "dvc.yaml", "      - ladder/scratch\n", ""),
        [],
        "test_the_rooms_that_a_stage_lists_are_those_that_it_imports[train-linreg]",
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A repository with this one's files and environment."""
    folder = tmp_path_factory.mktemp("hooks")
    copy_repository(folder)
    (folder / ".venv").symlink_to(sys.prefix)
    run_in(folder, "git", "init", "--quiet")
    append(folder / ".git/info/exclude", "/.venv\n")
    run_in(folder, "git", "add", "--all")
    identity = ["-c", "user.name=tests", "-c", "user.email=tests@localhost"]
    run_in(folder, "git", *identity, "commit", "--quiet", "--message", "files")
    return folder


@pytest.fixture(autouse=True)
def clean(folder):
    yield
    run_in(folder, "git", "reset", "--quiet", "--hard")
    run_in(folder, "git", "clean", "--quiet", "--force", "-d")


def call(folder, hook, files):
    return run_in(folder, *shlex.split(HOOKS[hook]["entry"]), *files, check=False)


@pytest.mark.parametrize("hook", VIOLATIONS)
def test_a_hook_s_command_passes_what_is_committed_and_stops_what_it_is_there_for(hook, folder):
    violate, files, message = VIOLATIONS[hook]
    there = [path for path in files if (folder / path).exists()] or ["stages/train_linreg.py"] * bool(files)
    passed = call(folder, hook, there)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    violate(folder)
    stopped = call(folder, hook, files)
    assert stopped.returncode != 0
    assert message in stopped.stdout + stopped.stderr


def test_a_notebook_is_what_the_last_hook_forbids():
    assert HOOKS.keys() - VIOLATIONS.keys() == {"notebooks"}
    hook = HOOKS["notebooks"]
    assert hook["language"] == "fail"
    assert re.search(hook["files"], "stages/try.ipynb") and not re.search(hook["files"], "stages/ipynb.py")


def test_a_merge_that_was_not_finished_is_no_pipeline(folder):
    append(folder / "dvc.lock", "<<<<<<< HEAD\n")
    assert call(folder, "pipeline", []).returncode != 0


@pytest.mark.skipif(importlib.util.find_spec("pre_commit") is None, reason="pre-commit is not installed")
def test_pre_commit_runs_every_hook(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path))
    run = [sys.executable, "-m", "pre_commit", "run", "--all-files", "--color", "never"]
    names = [hook["name"] for hook in HOOKS.values()]
    passed = run_in(folder, *run).stdout
    assert [
        name for name in names if not re.search(rf"^{re.escape(name)}\.+.*(Passed|Skipped)$", passed, re.M)
    ] == []

    for violate, _, _ in VIOLATIONS.values():
        violate(folder)
    (folder / "try.ipynb").write_text("{}\n", "utf-8")
    run_in(folder, "git", "add", "--all")
    failed = run_in(folder, *run, check=False)
    assert failed.returncode == 1
    assert [
        name for name in names if not re.search(rf"^{re.escape(name)}\.+Failed$", failed.stdout, re.M)
    ] == []
