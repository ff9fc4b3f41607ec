"""`make verify`: what was committed, recomputed, within the tolerances for other machines."""

import json
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest
from ruamel.yaml import YAML

from ladder.files.params import read_settings
from tests.imports import ROOT
from tools.experiments.compare import TOLERANCES, Tolerances
from tools.pipeline.clones import change_params, environment, run_in
from tools.pipeline.verify import OUTSIDE, Row, compare_metrics, metrics_in, tolerance_of

VERIFY = [sys.executable, "-m", "tools.pipeline.verify"]
PLAIN = {"significance": 0.05, "accuracy": 0.0, "loss": 0.0}


def tolerances(**patterns):
    allowed = {
        pattern: {"absolute": absolute, "relative": relative}
        for pattern, (absolute, relative) in patterns.items()
    }
    return Tolerances.model_validate(PLAIN | {"other_machines": allowed})


def test_the_first_pattern_that_fits_decides():
    both = tolerances(**{"a/*accuracy": (0.02, 0.0), "*": (0.5, 0.1)})
    assert tolerance_of("a/test_accuracy", 0.9, both) == 0.02
    assert tolerance_of("b/test_accuracy", -20.0, both) == 2.5
    assert tolerance_of("b/test_accuracy", 0.9, tolerances(**{"a/*": (1.0, 1.0)})) == 0.0


def test_just_what_differs_is_listed_and_a_metric_must_be_there_on_both_sides():
    committed = {"a/same": 1.0, "a/near": 1.0, "a/far": 1.0, "a/gone": 1.0}
    here = {"a/same": 1.0, "a/near": 1.25, "a/far": 1.3, "a/new": 1.0}
    rows = compare_metrics(committed, here, tolerances(**{"*": (0.25, 0.0)}))
    assert [(row.metric, row.is_within()) for row in rows] == [
        ("a/far", False),
        ("a/gone", False),
        ("a/near", True),
        ("a/new", False),
    ]


def test_what_is_counted_must_be_the_same_and_what_is_measured_may_differ():
    committed = read_settings(ROOT / TOLERANCES, Tolerances)
    counted = ("images", "drivers", "/pairs", "parameters", "vectors", "is_trained", "duplicate")
    for metric, value in metrics_in(ROOT).items():
        allowed = tolerance_of(metric, value, committed)
        assert (allowed == 0) == any(word in metric for word in counted), metric


def test_a_row_without_tolerance_is_outside_unless_equal():
    assert not Row("a/b", 1.0, 1.1, 0.0).is_within() and Row("a/b", 1.0, 1.1, 0.2).is_within()


@pytest.fixture
def folder(line_clone, tmp_path):
    """A repository with the metrics of its pipeline committed."""
    shutil.copytree(line_clone, tmp_path / "clone", symlinks=True)
    return tmp_path / "clone"


def test_a_metric_that_cannot_be_recomputed_is_found_and_every_other_is_as_committed(folder):
    path = folder / "metrics" / "train_linreg.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"test_loss": 0.1}))
    run_in(folder, "git", "commit", "--quiet", "--all", "--message", "a flattering metric")
    done = run_in(folder, *VERIFY, "--json", "rows.json", check=False)
    assert done.returncode == OUTSIDE
    assert done.stderr.endswith("outside tools/pipeline/tolerances.yaml: train_linreg/test_loss\n")
    (row,) = json.loads((folder / "rows.json").read_text())
    assert row["metric"] == "train_linreg/test_loss" and row["committed"] == 0.1


def test_a_frozen_stage_stays_listed_with_the_code_that_made_its_outputs(folder):
    yaml = YAML()
    pipeline = yaml.load(folder / "dvc.yaml")
    pipeline["stages"]["generate-celsius-data"]["frozen"] = True
    yaml.dump(pipeline, folder / "dvc.yaml")
    with (folder / "stages" / "generate_celsius_data.py").open("a") as file:
        file.write("# written after its outputs were\n")
    run_in(folder, "git", "commit", "--quiet", "--all", "--message", "a frozen stage")
    run_in(folder, *VERIFY, "--here")
    assert run_in(folder, "git", "status", "--porcelain").stdout == ""


@pytest.mark.parametrize(("options", "name"), [(["--here"], "SIGTERM"), ([], "SIGINT")])
def test_stopped_midway_it_leaves_nothing_behind(folder, tmp_path, options, name):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    change_params(folder, {"linreg": {"epochs": 1_000_000}})
    run_in(folder, "git", "commit", "--quiet", "--all", "--message", "a long training")
    before = (folder / "dvc.lock").read_bytes()
    variables = environment() | {"TMPDIR": str(temporary)}
    verify = subprocess.Popen(
        [*VERIFY, *options],
        cwd=folder,
        env=variables,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # whatever the tests were given
    )
    while not any("stages.train_linreg" in command for command in commands_below(tmp_path)):
        assert verify.poll() is None
        time.sleep(0.1)
    verify.send_signal(signal.Signals[name])
    verify.communicate(timeout=60)
    assert verify.returncode == 128 + signal.Signals[name]
    assert commands_below(tmp_path) == []
    assert (folder / "dvc.lock").read_bytes() == before
    assert list(temporary.iterdir()) == []


def commands_below(folder):
    """The command lines of the processes that work in this folder or below."""
    working = psutil.process_iter(["cwd", "cmdline"])
    return [process.info["cmdline"] for process in working if str(folder) in (process.info["cwd"] or "")]
