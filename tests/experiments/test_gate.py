"""`make gate` and `make lock-check` in real repositories: what they let pass, and what they do not."""

import json
import os
import re
import shutil
import sys

import numpy as np
import pandas as pd
import pytest

from ladder.files.errors import InputError
from tests.imports import ROOT
from tests.project.test_workflow import TRIM
from tools.experiments import gate
from tools.experiments.gate import BLOCKED, objections, perfect, warnings
from tools.experiments.job_summary import SUMMARY
from tools.pipeline import lock_check
from tools.pipeline.clones import change_params, make_origin, run_in
from tools.pipeline.lock_check import STALE, stale_stages
from tools.pipeline.verify import OUTSIDE, metrics_in

PREDICTIONS = "plots/train_mnist/predictions.csv"
METRICS = "metrics/train_mnist.json"
VERIFY = [sys.executable, "-m", "tools.pipeline.verify", "--here"]


def commit(folder, message="a change"):
    run_in(folder, "git", "add", "--all")
    run_in(folder, "git", "commit", "--quiet", "--message", message)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository whose pipeline is train-mnist, with the committed metrics and predictions."""
    make_origin(tmp_path, ["train-mnist"])
    for key in ("name", "email"):
        run_in(tmp_path, "git", "config", f"user.{key}", "tests@localhost")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def give_answers(folder, lost):
    """Commit a model that answers `lost` test items wrongly that it had answered rightly."""
    table = pd.read_csv(folder / PREDICTIONS, dtype=str)
    right = np.flatnonzero(table["actual"] == table["predicted"])[:lost]
    for row in right:
        table.loc[row, "predicted"] = str((int(table.loc[row, "actual"]) + 1) % 10)
        table.loc[row, "loss"] = "3.0"
    table.to_csv(folder / PREDICTIONS, index=False)
    path = folder / METRICS
    correct = float((table["actual"] == table["predicted"]).mean())
    path.write_text(json.dumps(json.loads(path.read_text()) | {"test_accuracy": correct}))
    commit(folder)
    return correct


def ran(done):
    return re.findall("Running stage '(.+)'", done.stdout)


def run_gate(*arguments):
    """The exit code."""
    try:
        gate.main([*arguments])
    except SystemExit as end:
        return end.code
    return 0


@pytest.mark.parametrize(("lost", "code"), [(0, 0), (2, 0), (40, BLOCKED)])
def test_noise_passes_and_a_real_loss_is_blocked_and_the_summary_shows_it(
    repository, monkeypatch, capsys, lost, code
):
    (repository / "summary.md").write_text("before\n")
    monkeypatch.setenv(SUMMARY, str(repository / "summary.md"))
    change_params(repository, {"mnist": {"epochs": 7}})
    before = json.loads((repository / METRICS).read_text())["test_accuracy"]
    accuracy = give_answers(repository, lost)
    assert run_gate("HEAD^1") == code
    captured = capsys.readouterr()
    assert (repository / "summary.md").read_text() == f"before\n{captured.out}\n"
    lines = captured.out.splitlines()
    assert lines[0] == "## Against `HEAD^1`"
    assert any(line.startswith(f"| train_mnist | accuracy | {before:.4f} |") for line in lines)
    cells = [line.replace(" ", "") for line in lines]
    assert "|params.yaml|mnist.epochs|3|7|" in cells
    start = f"|{METRICS}|test_accuracy|{round(before, 5)}|"
    rows = [line.split("|") for line in cells if line.startswith(start)]
    assert [float(row[4]) for row in rows] == pytest.approx([accuracy] * (lost > 0), abs=1e-5)
    blocked = "blocked: train_mnist: accuracy is worse; train_mnist: loss is worse\n"
    assert captured.err == (blocked if code else "")
    assert ("- **train_mnist: accuracy is worse**" in lines) == bool(code)


def test_an_unknown_base_is_one_line(repository):
    with pytest.raises(InputError, match="'nowhere' is no revision of this repository"):
        gate.main(["nowhere"])


def test_exactly_all_test_items_right_is_a_leak_unless_a_probe_looks_for_one():
    metrics = {
        "train_mnist/test_accuracy": 1.0,
        "train_mlp/numpy_test_accuracy": 1.0,
        "train_mlp/keras_test_accuracy": 0.999,
        "train_mnist/val_accuracy": 1.0,
        "train_mnist/test_accuracy_high": 1.0,
        "probe_leakage/by_image_nearest_neighbour_test_accuracy": 1.0,
    }
    found = ["train_mnist/test_accuracy", "train_mlp/numpy_test_accuracy"]
    assert perfect(metrics) == found
    same = [{"model": "train_mnist", "figure": "accuracy", "verdict": "same"}]
    assert objections(same, metrics) == [f"{name} is exactly 1, which smells of a leak" for name in found]


@pytest.mark.parametrize(
    ("name", "drivers_in_training", "blocks"),
    [
        ("train_vgg_head/by_image_test_accuracy", 60, False),
        ("train_vgg_head/by_driver_test_accuracy", 0, True),
        ("finetune_vgg/test_accuracy", 60, False),
        ("finetune_vgg/test_accuracy", 0, True),  # split by driver
        ("train_mnist/test_accuracy", None, True),
    ],
)
def test_all_images_of_known_drivers_right_is_a_warning_and_all_of_unknown_ones_a_leak(
    name, drivers_in_training, blocks
):
    metrics = metrics_in(ROOT)
    beside = name.replace("accuracy", "drivers_in_training")
    assert name in metrics and (beside in metrics) == (drivers_in_training is not None)
    metrics = {key: min(value, 0.9) if key.endswith("accuracy") else value for key, value in metrics.items()}
    metrics[name] = 1.0
    if drivers_in_training is not None:
        metrics[beside] = drivers_in_training
    assert objections([], metrics) == [f"{name} is exactly 1, which smells of a leak"] * blocks
    warning = f"{name}: 100 % on test images whose drivers are in training: near-duplicates"
    assert warnings(metrics) == [warning] * (not blocks)


def test_a_warning_is_in_the_summary_and_blocks_nothing(repository, capsys):
    path = repository / "metrics/finetune_vgg.json"
    changes = {"test_accuracy": 1.0, "test_drivers_in_training": 60}
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    commit(repository)
    assert run_gate("HEAD^1") == 0
    captured = capsys.readouterr()
    warning = "100 % on test images whose drivers are in training: near-duplicates"
    assert captured.out.splitlines()[2:5] == [
        "No model got worse beyond the noise.",
        "",
        f"- Warning: finetune_vgg/test_accuracy: {warning}",
    ]
    assert captured.err == ""


def test_the_committed_state_has_no_leak_that_is_unknown_and_the_probe_s_is_there():
    metrics = metrics_in(ROOT)
    assert objections([], metrics) == []
    assert any(name.startswith(gate.PROBE) and name.endswith("test_accuracy") for name in metrics)


@pytest.fixture
def copy(line_clone, tmp_path):
    shutil.copytree(line_clone, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy"


def check(folder):
    done = run_in(folder, sys.executable, "-m", "tools.pipeline.lock_check", check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_fresh_clone_of_a_committed_run_is_current(line_clone, tmp_path):
    run_in(tmp_path, "git", "clone", "--quiet", str(line_clone), "fresh")
    assert check(tmp_path / "fresh") == (0, "dvc.lock is current\n")
    assert not (tmp_path / "fresh" / "models" / "linreg.npz").exists()  # nothing was computed


def change_a_parameter(folder):
    change_params(folder, {"linreg": {"epochs": 51}})


def edit_a_dependency(folder):
    with (folder / "stages" / "train_linreg.py").open("a") as file:
        file.write("# another line\n")


def flatter_a_metric(folder):
    path = folder / "metrics" / "train_linreg.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"test_loss": 0.1}))


@pytest.mark.parametrize("change", [change_a_parameter, edit_a_dependency, flatter_a_metric])
def test_a_change_without_its_run_is_stale(copy, change):
    change(copy)
    commit(copy)
    run_in(copy.parent, "git", "clone", "--quiet", str(copy), "fresh")  # without any data, as in CI
    code, said = check(copy.parent / "fresh")
    assert code == STALE and said.startswith("dvc.lock is stale: train-linreg would run"), said


def test_a_metric_that_was_forged_with_its_lock_is_found_by_running_the_pipeline(copy):
    flatter_a_metric(copy)
    run_in(copy, "dvc", "commit", "--force", "train-linreg")
    commit(copy)
    assert check(copy)[0] == 0
    shutil.rmtree(copy / ".dvc" / "cache")  # a clone without a cache has to compute
    (copy / "models" / "linreg.npz").unlink()
    found = run_in(copy, *VERIFY, check=False)
    assert found.returncode == OUTSIDE
    assert found.stderr.endswith("outside tools/pipeline/tolerances.yaml: train_linreg/test_loss\n")
    commit(copy, "the metric of the run")
    assert run_in(copy, *VERIFY).stdout.endswith("metrics are as committed\n")


@pytest.mark.campaign
def test_what_another_machine_committed_is_computed_here_once_and_then_comes_from_the_cache(
    copy, tmp_path, monkeypatch
):
    monkeypatch.setenv(SUMMARY, str(tmp_path / "summary.md"))
    model, metrics = copy / "models" / "linreg.npz", copy / "metrics" / "train_linreg.json"
    model.write_bytes(model.read_bytes() + b"other bits")
    measured = json.loads(metrics.read_text())
    metrics.write_text(json.dumps(measured | {"test_loss": measured["test_loss"] * (1 + 5e-6)}))
    run_in(copy, "dvc", "commit", "--force", "train-linreg")
    commit(copy)
    shutil.rmtree(copy / ".dvc" / "cache")
    for computes in (True, False):
        model.unlink()
        said = run_in(copy, *VERIFY).stdout
        assert ("> python -m stages.train_linreg" in said) == computes, said
        table = said[said.rindex(" metrics are as committed") :]
        assert "train_linreg/test_loss" in table and "outside" not in table
        assert table in (tmp_path / "summary.md").read_text()
        run_in(copy, "git", "checkout", "--quiet", "--", ".")


@pytest.mark.campaign
def test_the_cache_of_an_older_commit_spares_the_stages_that_are_the_same(line_clone, copy):
    change_a_parameter(copy)
    run_in(copy, "dvc", "repro")
    commit(copy)
    fresh = copy.parent / "fresh"
    run_in(copy.parent, "git", "clone", "--quiet", str(copy), "fresh")
    cache = fresh / ".dvc" / "cache"
    shutil.copytree(line_clone / ".dvc" / "cache", cache)
    for path in cache.rglob("*"):
        long_ago = path.stat().st_mtime - 31 * 24 * 3600
        os.utime(path, (long_ago, long_ago))
    assert ran(run_in(fresh, *VERIFY)) == ["train-linreg"]

    run_in(fresh, *TRIM.split())
    for path in ("data/celsius.csv", "models/linreg.npz"):
        (fresh / path).unlink()
    assert ran(run_in(fresh, *VERIFY)) == ["generate-celsius-data"]


def test_what_dvc_cannot_read_is_one_line(copy):
    (copy / "dvc.yaml").write_text("stages: 1")
    code, said = check(copy)
    assert code == 1 and said.startswith("error: dvc repro --dry: ") and "dvc.yaml' validation failed" in said
    assert said.count("\n") == 1


def test_what_dvc_would_run_or_restore_is_named():
    said = """Stage 'a' didn't change, skipping
Running stage 'b':
> python -m stages.b
Stage 'c' is cached - skipping run, checking out outputs
Running stage 'c':
ERROR: failed to reproduce 'd': [Errno 2] No such file or directory: 'data/d.npz'
"""
    assert stale_stages(said) == ["b", "c", "d"] and lock_check.CURRENT not in said
