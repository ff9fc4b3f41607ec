"""The workflow of GitHub Actions: read-only, pinned, and made of steps that run anywhere."""

import re

import pytest
from ruamel.yaml import YAML

from tests.imports import ROOT

PATH = ROOT / ".github" / "workflows" / "ci.yml"
TEXT = PATH.read_text("utf-8")
WORKFLOW = YAML(typ="safe").load(TEXT)
STEPS = [(name, step) for name, job in WORKFLOW["jobs"].items() for step in job["steps"]]
PINNED = re.compile(r"uses: actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def test_the_keys_are_those_of_a_workflow():
    assert set(WORKFLOW) == {"name", "on", "permissions", "concurrency", "jobs"}
    allowed = {"name", "runs-on", "timeout-minutes", "strategy", "steps"}
    for job in WORKFLOW["jobs"].values():
        assert {"runs-on", "timeout-minutes", "steps"} <= set(job) <= allowed
    for _, step in STEPS:
        assert ("run" in step) != ("uses" in step)
        assert set(step) <= {"name", "id", "if", "run", "uses", "with"}


def test_it_runs_for_pull_requests_and_main_and_may_only_read():
    assert WORKFLOW["on"] == {"pull_request": None, "push": {"branches": ["main"]}}
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert "secrets" not in TEXT and "pull_request_target" not in TEXT
    checkouts = [step for _, step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == len(WORKFLOW["jobs"])
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_a_newer_push_ends_the_run_of_a_pull_request_and_no_run_goes_on_for_ever():
    assert WORKFLOW["concurrency"]["group"] == "ci-${{ github.ref }}"
    assert WORKFLOW["concurrency"]["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"
    assert all(0 < job["timeout-minutes"] <= 360 for job in WORKFLOW["jobs"].values())


def test_every_action_is_pinned_by_commit_with_its_version_and_one_action_has_one_pin():
    lines = [line.strip().removeprefix("- ") for line in TEXT.splitlines() if "uses:" in line]
    assert len(lines) == sum("uses" in step for _, step in STEPS)
    assert all(PINNED.fullmatch(line) for line in lines), lines
    assert len({line.partition("@")[0] for line in lines}) == len(set(lines))


@pytest.mark.parametrize("command", sorted({step["run"] for _, step in STEPS if "run" in step}))
def test_every_command_is_a_make_target_and_holds_no_expression(command):
    # An expression would be put into the shell's text before the shell reads it.
    target = re.fullmatch(r"make ([a-z-]+)( [A-Z]+=[\w^]+)*", command)
    assert target, command
    assert re.search(rf"^{target[1]}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


def test_the_tests_run_on_every_supported_python_on_linux_and_on_macos():
    matrix = WORKFLOW["jobs"]["tests"]["strategy"]["matrix"]
    supported = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    assert matrix["python"] == [f"3.{minor}" for minor in range(int(supported[1]), int(supported[2]))]
    systems = [*matrix["os"], *(entry["os"] for entry in matrix["include"])]
    assert [system.partition("-")[0] for system in systems] == ["ubuntu", "macos"]
    assert "make test" in (ROOT / ".ci" / "run").read_text("utf-8")  # the same target


def test_the_branch_is_judged_before_the_pipeline_runs():
    steps = WORKFLOW["jobs"]["pipeline"]["steps"]
    ran = [step["run"].split()[1] for step in steps if "run" in step]
    assert ran == ["lock-check", "gate", "verify"]
    checkout, cache = steps[0], next(step for step in steps if "actions/cache@" in step.get("uses", ""))
    assert checkout["with"]["fetch-depth"] >= 2  # HEAD^1 is there
    assert cache["with"]["path"] == ".dvc/cache" and "hashFiles('dvc.lock')" in cache["with"]["key"]
    assert steps[-1]["with"]["path"] == "report/index.html"
