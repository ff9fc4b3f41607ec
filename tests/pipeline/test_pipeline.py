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


@pytest.fixture(scope="module", params=["short", pytest.param("whole", marks=pytest.mark.campaign)])
def clone(request, ran_once):
    """A clone in which a short pipeline has run, and one in which the whole has."""
    return ran_once(request.param, PIPELINES[request.param])


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
    ("group", "key", "value", "directly"),
    [
        ("celsius", "noise", 2.0, {"generate-celsius-data"}),
        ("linreg", "epochs", 60, {"train-linreg"}),
        ("digits", "test_share", 0.3, {"prepare-digits"}),
        ("mlp", "epochs", 4, {"train-mlp"}),
        ("mnist", "batch_size", 30, {"train-mnist"}),
        ("drivers", "height", 40, {"generate-driver-images"}),
        (
            "split",
            "by",
            "driver",
            {"train-vgg-head", "finetune-vgg", "write-model-card", "draw-drivers", "report"},
        ),
        ("split", "test_share", 0.2, {"split-driver-images"}),
        ("vgg", "augmented_views", 2, {"extract-vgg-features"}),
        ("vgg", "features", "live", {"extract-vgg-features", "train-vgg-head"}),
        (
            "vgg",
            "image_size",
            40,
            {
                "split-driver-images",
                "probe-leakage",
                "prepare-vgg-base",
                "extract-vgg-features",
                "train-vgg-head",
                "finetune-vgg",
                "write-model-card",
                "draw-drivers",
            },
        ),
        ("augment", "rotation", 20.0, {"extract-vgg-features", "train-vgg-head", "finetune-vgg"}),
        ("vgg_head", "units", 9, {"train-vgg-head"}),
        ("finetune", "learning_rate", 2e-5, {"finetune-vgg"}),
    ],
)
def test_a_parameter_makes_just_the_stages_stale_that_read_it(restored, group, key, value, directly):
    change_params(restored, {group: {key: value}})
    assert planned_stages(restored) == directly & stages_in(restored).keys()


@pytest.mark.parametrize(
    "module", ["ladder/scratch/neuron.py", "ladder/training/runtime.py", "ladder/files/outputs.py"]
)
def test_an_edit_to_a_room_makes_just_the_stages_stale_that_import_it(restored, module):
    with (restored / module).open("a") as file:
        file.write("# edited\n")
    importers = {name for name in stages_in(restored) if Path(module).parent.as_posix() in rooms_of(name)}
    assert planned_stages(restored) == importers


def test_an_experiment_changes_a_parameter_and_shows_its_metrics(restored):
    run = ["dvc", "exp", "run", "--temp", "--name", "short", "-S", "linreg.epochs=10", "train-linreg"]
    done = run_in(restored, *run)
    assert "Running stage 'train-linreg'" in done.stdout
    assert "Running stage 'generate-celsius-data'" not in done.stdout
    shown = run_in(restored, "dvc", "metrics", "diff", "--json", "HEAD", "short").stdout
    losses = json.loads(shown)["metrics/train_linreg.json"]["train_loss"]
    assert losses["new"] > losses["old"]


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


def test_a_second_clone_writes_the_same_bytes(clone, tmp_path):
    run_pipeline(clone.with_name("origin"), tmp_path / "second")
    assert differences(clone, tmp_path / "second") == []
    assert {"linreg.npz", "mnist.keras"} <= {path.name for path in (tmp_path / "second/models").iterdir()}
