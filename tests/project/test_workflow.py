"""The workflow of GitHub Actions: read-only, pinned, and made of steps that run anywhere."""

import re

import pytest
from ruamel.yaml import YAML

from tests.imports import ROOT

PATH = ROOT / ".github" / "workflows" / "ci.yml"
TEXT = PATH.read_text("utf-8")
JOBS = YAML(typ="safe").load(TEXT)["jobs"]
STEPS = [step for job in JOBS.values() for step in job["steps"]]
PIPELINE = JOBS["pipeline"]["steps"]
PINNED = re.compile(r"uses: (actions/[a-z-]+)(?:/[a-z]+)?(@[0-9a-f]{40} # v\d+\.\d+\.\d+)")
TRIM = next(
    step["run"] for step in PIPELINE if "find" in step.get("run", "")
)  # tests/experiments/test_gate.py runs it


def using(action):
    """The step of the pipeline's job that uses an action."""
    return next(step for step in PIPELINE if step.get("uses", "").startswith(f"actions/{action}@"))


def test_it_may_only_read_and_no_run_goes_on_for_long():
    assert YAML(typ="safe").load(TEXT)["permissions"] == {"contents": "read"}
    assert "secrets" not in TEXT and "pull_request_target" not in TEXT
    checkouts = [step for step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == len(JOBS)
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
    assert all("permissions" not in job and 0 < job["timeout-minutes"] <= 60 for job in JOBS.values())


def test_every_action_is_pinned_by_commit_with_its_version_and_one_action_has_one_pin():
    lines = [line.strip().removeprefix("- ") for line in TEXT.splitlines() if "uses:" in line]
    assert len(lines) == sum("uses" in step for step in STEPS)
    pins = [PINNED.fullmatch(line) for line in lines]
    assert all(pins), lines
    assert len({pin[1] for pin in pins}) == len({pin.groups() for pin in pins})


@pytest.mark.parametrize("command", sorted({step["run"] for step in STEPS if "run" in step} - {TRIM}))
def test_every_command_is_a_make_target_and_holds_no_expression(command):
    # An expression would be put into the shell's text before the shell reads it.
    target = re.fullmatch(r"make ([a-z-]+)( [A-Z]+=\w+)*", command)
    assert target, command
    assert re.search(rf"^{target[1]}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


def test_the_tests_run_on_every_supported_python_on_linux_and_on_macos():
    matrix = JOBS["tests"]["strategy"]["matrix"]
    supported = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    assert matrix["python"] == [f"3.{minor}" for minor in range(int(supported[1]), int(supported[2]))]
    systems = [*matrix["os"], *(entry["os"] for entry in matrix["include"])]
    assert [system.partition("-")[0] for system in systems] == ["ubuntu", "macos"]


def test_the_branch_is_judged_before_the_pipeline_writes_metrics_of_this_processor():
    commands = [step["run"] for step in PIPELINE if "run" in step]
    assert commands.index("make lock-check") < commands.index("make verify HERE=1")
    assert commands.index("make gate") < commands.index("make verify HERE=1")
    gate = next(step for step in PIPELINE if step.get("run") == "make gate")
    assert "$(BASE)" in (ROOT / "Makefile").read_text("utf-8") and list(gate["env"]) == ["BASE"]
    assert using("checkout")["with"]["fetch-depth"] == 0  # a push may bring any number of commits


def test_a_run_takes_the_newest_cache_of_the_same_packages_and_saves_its_own():
    restore, save = using("cache/restore"), using("cache/save")
    key, fallbacks = restore["with"]["key"], restore["with"]["restore-keys"].split("\n")[:-1]
    assert key.endswith("-${{ github.run_id }}-${{ github.run_attempt }}")  # a cache can be written once
    assert all(key.startswith(fallback) and fallback.endswith("-") for fallback in fallbacks)
    assert sorted(fallbacks, key=len, reverse=True) == fallbacks
    assert all("hashFiles('requirements/pipeline.lock')" in fallback for fallback in fallbacks)
    assert save["with"]["key"] == f"${{{{ steps.{restore['id']}.outputs.cache-primary-key }}}}"
    assert save["with"]["path"] == restore["with"]["path"] == ".dvc/cache"
