"""Whatever call of a stage fails, nothing is lost, and its next run mends it; else the harness sees it."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.imports import local_imports
from tests.pipeline.every_failure import SMALL, table, try_stage
from tests.pipeline.faults import Stage, build
from tests.pipeline.test_dvc_yaml import STAGES, stage_file
from tests.pipeline.trials import Trial
from tests.workspace import Workspace

pytestmark = [
    pytest.mark.campaign,
    pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD and /proc are Linux's"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler"),
]
RUNTIME = Path("ladder/training/runtime.py")
ALL = ("generate-celsius-data",)


def sample(name):
    """How many failures of a stage are tried here, 0 for all; every_failure.py tries all of any."""
    slow = RUNTIME in local_imports(stage_file(name), inside_functions=False)
    return 0 if name in ALL else 1 if slow else 6


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return build(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace(tmp_path_factory.mktemp("failures"), SMALL)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_loses_nothing_and_its_next_run_mends(name, workspace, library):
    found = try_stage(name, workspace, library, sample=sample(name))
    assert found["differences"] == []
    tried, points = (sum(counts) for counts in zip(*found["tried"].values(), strict=True))
    assert tried == (sample(name) or points) > 0
    assert f"{tried} of {points} failures tried: 0 differences" in table({name: found})


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('open("data/celsius.csv", "w").write("a part")', "data/celsius.csv: neither old nor new"),
        ('open("runs.txt", "a").write("run")', "runs.txt: left, changed or lost"),
        (
            "import pathlib; pathlib.Path('data/celsius.csv').unlink(missing_ok=True)",
            "data/celsius.csv: lost",
        ),
        ("try: open('metrics/other.json', 'w')\n    except OSError: exit(1)", "exit code 1: "),
    ],
)
def test_a_stage_that_keeps_no_promise_is_found(line, expected, library, tmp_path):
    Workspace(tmp_path, SMALL)
    stage = tmp_path / "stages/generate_celsius_data.py"
    text = stage.read_text("utf-8")
    stage.write_text(text.replace("def main() -> None:\n", f"def main() -> None:\n    {line}\n"), "utf-8")
    with Stage("generate-celsius-data", tmp_path, library) as process, Trial(process, tmp_path) as trial:
        points = [point for point in trial.points if point.kind == "EIO"]
        found = [line for point in points for line in trial.failures(point)]
    assert [line for line in found if expected in line]
