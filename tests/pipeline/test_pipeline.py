"""The real `dvc repro` in a clone: what runs, what is skipped, what a bad parameter does."""

import contextlib
import json
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML

from tests.conftest import SHORT
from tests.pipeline.test_dvc_yaml import declared_outputs, rooms_of
from tools.pipeline.clones import TINY, change_params, differences, run_in, run_pipeline

# DVC calls what a library of its is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")

PIPELINES = {"short": SHORT, "whole": ()}


WHOLE = pytest.param("whole", marks=pytest.mark.campaign)


@pytest.fixture(scope="module", params=["short", WHOLE])
def clone(request, ran_once):
    """A clone in which a short pipeline has run, and one in which the whole has."""
    return ran_once(request.param, PIPELINES[request.param])


def in_whole(*values):
    """A row of a table for the clone in which the whole pipeline has run."""
    return pytest.param("whole", *values, marks=pytest.mark.campaign)


def planned_stages(folder):
    """The stages that DVC would run now; those after them follow where the outputs then differ."""
    with contextlib.chdir(folder), Repo() as repo:
        return {stage.addressing for stage in repo.reproduce(dry=True)}


@pytest.fixture
def restored(clone):
    """The clone; whatever a test changed in tracked sources is put back."""
    kept = {path: path.read_bytes() for path in [clone / "params.yaml", *clone.glob("ladder/**/*.py")]}
    yield clone
    for path, content in kept.items():
        if path.read_bytes() != content:
            path.write_bytes(content)


def stages_in(folder):
    """Those that are not frozen, by name."""
    stages = YAML(typ="safe").load(folder / "dvc.yaml")["stages"]
    return {name: stage for name, stage in stages.items() if not stage.get("frozen")}


def test_second_repro_changes_nothing(clone):
    lock = (clone / "dvc.lock").read_bytes()
    again = run_in(clone, "dvc", "repro")
    assert "Data and pipelines are up to date." in again.stdout
    assert (clone / "dvc.lock").read_bytes() == lock


def test_training_without_a_terminal_prints_no_chatter(clone):
    of_stages = [
        line
        for line in clone.with_name("stderr").read_text("utf-8").splitlines()
        if not line.endswith("is frozen. Its dependencies are not going to be reproduced.")  # DVC's own
    ]
    assert of_stages == []
    _, _, said = clone.with_name("stdout").read_text("utf-8").partition("> python -m stages.train_mnist\n")
    last = TINY["mnist"]["epochs"]
    *epochs, seconds = said.splitlines()[: last + 1]
    expected = [["train-mnist", f"epoch {n}/{last}"] for n in range(1, last + 1)]
    assert [line.split("  ")[:2] for line in epochs] == expected
    assert seconds.startswith("train-mnist: ") and seconds.endswith(" s")


@pytest.mark.parametrize(
    ("clone", "group", "key", "value", "directly"),
    [
        ("short", "celsius", "noise", 2.0, {"generate-celsius-data"}),
        ("short", "linreg", "epochs", 60, {"train-linreg"}),
        ("short", "digits", "test_share", 0.3, {"prepare-digits"}),
        ("short", "mnist", "batch_size", 30, {"train-mnist"}),
        ("short", "drivers", "height", 40, set()),
        in_whole("mlp", "epochs", 4, {"train-mlp"}),
        in_whole("drivers", "height", 40, {"generate-driver-images"}),
        in_whole(
            *("split", "by", "driver"),
            {"train-vgg-head", "finetune-vgg", "write-model-card", "draw-drivers", "report"},
        ),
        in_whole("split", "test_share", 0.2, {"split-driver-images"}),
        in_whole("vgg", "augmented_views", 2, {"extract-vgg-features"}),
        in_whole("vgg", "features", "live", {"extract-vgg-features", "train-vgg-head"}),
        in_whole(
            *("vgg", "image_size", 40),
            {
                *("split-driver-images", "probe-leakage", "prepare-vgg-base", "extract-vgg-features"),
                *("train-vgg-head", "finetune-vgg", "write-model-card", "draw-drivers"),
            },
        ),
        in_whole("augment", "rotation", 20.0, {"extract-vgg-features", "train-vgg-head", "finetune-vgg"}),
        in_whole("vgg_head", "units", 9, {"train-vgg-head"}),
        in_whole("finetune", "learning_rate", 2e-5, {"finetune-vgg"}),
    ],
    indirect=["clone"],
)
def test_a_parameter_makes_just_the_stages_stale_that_read_it(restored, group, key, value, directly):
    change_params(restored, {group: {key: value}})
    assert planned_stages(restored) == directly


@pytest.mark.parametrize(
    ("clone", "module"),
    [
        ("short", "ladder/scratch/neuron.py"),
        ("short", "ladder/training/runtime.py"),
        in_whole("ladder/files/outputs.py"),
    ],
    indirect=["clone"],
)
def test_an_edit_to_a_room_makes_just_the_stages_stale_that_import_it(restored, module):
    with (restored / module).open("a") as file:
        file.write("# edited\n")
    importers = {name for name in stages_in(restored) if Path(module).parent.as_posix() in rooms_of(name)}
    assert planned_stages(restored) == importers


@pytest.mark.parametrize("clone", ["short"], indirect=True)
def test_an_experiment_changes_a_parameter_and_shows_its_metrics(restored):
    run = ["dvc", "exp", "run", "--temp", "--name", "short", "-S", "linreg.epochs=10", "train-linreg"]
    done = run_in(restored, *run)
    assert "Running stage 'train-linreg'" in done.stdout
    assert "Running stage 'generate-celsius-data'" not in done.stdout
    shown = run_in(restored, "dvc", "metrics", "diff", "--json", "HEAD", "short").stdout
    losses = json.loads(shown)["metrics/train_linreg.json"]["train_loss"]
    assert losses["new"] > losses["old"]


@pytest.mark.parametrize("clone", ["short"], indirect=True)
def test_a_bad_parameter_is_one_line_and_nothing_is_lost(restored):
    outputs = [restored / path for path in ["dvc.lock", *declared_outputs("train-linreg")]]
    earlier = [path.read_bytes() for path in outputs]
    good = (restored / "params.yaml").read_bytes()
    change_params(restored, {"linreg": {"epochs": -1}})
    failed = run_in(restored, sys.executable, "-m", "stages.train_linreg", check=False)
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: params.yaml: linreg.epochs: -1: ")
    assert failed.stderr.count("\n") == 1
    assert [path.read_bytes() for path in outputs] == earlier

    assert run_in(restored, "dvc", "repro", check=False).returncode != 0
    (restored / "params.yaml").write_bytes(good)
    again = run_in(restored, "dvc", "repro")
    assert "Stage 'train-linreg' is cached - skipping run, checking out outputs" in again.stdout
    assert [path.read_bytes() for path in outputs] == earlier


@pytest.mark.parametrize("clone", [WHOLE], indirect=True)
def test_a_second_clone_writes_the_same_bytes(clone, tmp_path):
    run_pipeline(clone.with_name("origin"), tmp_path / "second")
    assert differences(clone, tmp_path / "second") == []
    assert {"linreg.npz", "mnist.keras"} <= {path.name for path in (tmp_path / "second/models").iterdir()}
