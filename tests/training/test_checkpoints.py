"""A training that is cut off goes on where it was, and ends with the bytes of one that was not."""

from pathlib import Path

import numpy as np
import pytest

from ladder.training import checkpoints
from ladder.training.checkpoints import FOLDER, Checkpoint, fingerprint
from tests.pipeline.test_dvc_yaml import declared_outputs
from tests.workspace import Workspace, run
from tools.pipeline.clones import TINY

EPOCHS = 3
LONGER = TINY | {
    "moons": TINY["moons"] | {"epochs": EPOCHS},
    "mlp": {"epochs": EPOCHS, "momentum": 0.9},
    "mnist": TINY["mnist"] | {"epochs": EPOCHS, "dropout": 0.2, "batch_normalization": True},
    "vgg_head": {"units": 8, "epochs": 2},
}
# Stage → the checkpoints that it offers, of all its trainings.
OFFERS = {
    "train-moons": EPOCHS,
    "train-mlp": 2 * EPOCHS,
    "train-mnist": EPOCHS,
    "pretrain-vgg-base": 3,
    "train-vgg-head": 2 * 2 + TINY["split"]["folds"],
    "finetune-vgg": 2,
}


@pytest.fixture(autouse=True)
def always_due(monkeypatch):
    """A checkpoint after each epoch, however long writing takes."""
    monkeypatch.setattr(checkpoints, "SHARE", 0)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace(tmp_path_factory.mktemp("checkpoints"), LONGER)


def contents(name):
    return {path: Path(path).read_bytes() for path in declared_outputs(name)}


class CutOff(Exception):
    """Stands for a kill."""


@pytest.mark.parametrize(
    "name",
    [
        "train-mnist",
        *(pytest.param(name, marks=pytest.mark.campaign) for name in OFFERS if name != "train-mnist"),
    ],
)
def test_cut_off_after_every_epoch_it_ends_with_the_same_bytes(name, workspace, monkeypatch, capsys):
    monkeypatch.chdir(workspace.folder)
    monkeypatch.setattr("stages.pretrain_vgg_base.LOGGED_STEPS", 1)
    workspace.prepare(name)
    capsys.readouterr()
    undisturbed = contents(name)
    assert not FOLDER.exists()  # a stage that succeeds leaves none
    offer, offered = Checkpoint.save_if_due, []

    def offer_once(self, state):
        offered.append(self)
        if len(offered) > 1:
            raise CutOff
        offer(self, state)

    monkeypatch.setattr(Checkpoint, "save_if_due", offer_once)
    for _ in range(OFFERS[name] - 1):
        with pytest.raises(CutOff):
            run(name)
        offered.clear()
    run(name)
    assert capsys.readouterr().out.count("goes on after") >= OFFERS[name] - 1
    assert [path for path, content in contents(name).items() if content != undisturbed[path]] == []
    assert not FOLDER.exists()


def test_a_checkpoint_of_other_params_data_or_code_is_of_no_use(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data, folder = Path("data.txt"), Path("folder")
    data.write_text("a")
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "part.txt").write_text("a")
    state = {"variable_0": np.arange(3)}
    Checkpoint("some", fingerprint(1, data, folder)).save_if_due(lambda: state)
    loaded = Checkpoint("some", fingerprint(1, data, folder)).load()
    assert loaded.keys() == state.keys() and np.array_equal(loaded["variable_0"], state["variable_0"])

    def is_of_use(*parts):
        return Checkpoint("some", fingerprint(*parts)).load() is not None

    assert not is_of_use(2, data, folder) and not is_of_use(1, data)
    data.write_text("b")
    assert not is_of_use(1, data, folder)
    data.write_text("a")
    assert is_of_use(1, data, folder)
    (folder / "deep" / "part.txt").write_text("b")
    assert not is_of_use(1, data, folder)
    (folder / "deep" / "part.txt").write_text("a")
    (tmp_path / "code.py").write_text("pass")
    monkeypatch.setattr(checkpoints, "CODE", [tmp_path])
    assert not is_of_use(1, data, folder)


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_a_damaged_checkpoint_is_none(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    checkpoint = Checkpoint("some", fingerprint())
    checkpoint.save_if_due(lambda: {"variable_0": np.arange(100)})
    path = FOLDER / "some.npz"
    whole = path.read_bytes()
    assert checkpoint.load()
    for damaged in (content, whole[: len(whole) // 2], whole[:200] + b"\xff" + whole[201:]):
        path.write_bytes(damaged)
        assert checkpoint.load() is None


def test_writing_takes_its_share_of_the_time_at_most(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoints, "SHARE", 20)
    clock = [100.0]
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: clock[0])
    saved = []

    def state():
        clock[0] += 2.0  # so long it takes
        saved.append(clock[0])
        return {}

    checkpoint = Checkpoint("some", fingerprint())
    while clock[0] < 200:
        checkpoint.save_if_due(state)
        clock[0] += 1.0
    assert saved == [102.0, 144.0, 186.0]


def test_without_room_training_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def full(*_):
        raise checkpoints.InputError("x.npz: cannot be written: No space left on device")

    monkeypatch.setattr(checkpoints, "write_arrays", full)
    Checkpoint("some", fingerprint()).save_if_due(dict)
    assert capsys.readouterr().out == "no checkpoint: x.npz: cannot be written: No space left on device\n"
