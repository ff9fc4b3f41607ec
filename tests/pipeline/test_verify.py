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


@pytest.fixture(scope="module")
def committed(short_clone):
    """A repository with the metrics of its pipeline committed."""
    folder = short_clone.with_name("verified")
    shutil.copytree(short_clone, folder)
    return folder


@pytest.mark.campaign
def test_on_this_machine_every_metric_is_as_committed(committed):
    done = run_in(committed, *VERIFY)
    count = len(metrics_in(committed))
    assert done.stdout.endswith(f"{count} of {count} metrics are as committed\n")


@pytest.mark.campaign
def test_a_metric_that_cannot_be_recomputed_is_found(committed):
    path = committed / "metrics" / "train_mnist.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"test_accuracy": 0.999}))
    run_in(committed, "git", "commit", "--quiet", "--all", "--message", "a flattering metric")
    done = run_in(committed, *VERIFY, "--json", "rows.json", check=False)
    assert done.returncode == OUTSIDE
    assert done.stderr.endswith("outside tools/pipeline/tolerances.yaml: train_mnist/test_accuracy\n")
    (row,) = json.loads((committed / "rows.json").read_text())
    assert row["metric"] == "train_mnist/test_accuracy" and row["committed"] == 0.999


def test_a_frozen_stage_stays_listed_with_the_code_that_made_its_outputs(short_clone, tmp_path):
    folder = tmp_path / "frozen"
    shutil.copytree(short_clone, folder)
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
def test_stopped_midway_it_leaves_nothing_behind(short_clone, tmp_path, options, name):
    folder, temporary = tmp_path / "clone", tmp_path / "temporary"
    shutil.copytree(short_clone, folder)
    temporary.mkdir()
    change_params(folder, {"mnist": {"epochs": 1_000_000, "patience": 1_000_000}})
    run_in(folder, "git", "commit", "--quiet", "--all", "--message", "hours of training")
    before = (folder / "dvc.lock").read_bytes()
    variables = environment() | {"TMPDIR": str(temporary)}
    verify = subprocess.Popen(
        [*VERIFY, *options],
        cwd=folder,
        env=variables,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # whatever the tests were given
    )
    while not list(tmp_path.rglob(".checkpoints/train-mnist*.npz")):
        assert verify.poll() is None
        time.sleep(0.1)
    verify.send_signal(signal.Signals[name])
    verify.communicate(timeout=60)
    assert verify.returncode == 128 + signal.Signals[name]
    working = psutil.process_iter(["cwd"])
    assert [process for process in working if str(tmp_path) in (process.info["cwd"] or "")] == []
    assert (folder / "dvc.lock").read_bytes() == before
    assert list(temporary.glob("tmp*")) == []  # TensorFlow leaves files of other names
