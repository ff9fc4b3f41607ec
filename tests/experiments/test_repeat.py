"""`make repeat`: several seeds of a real stage, on the same inputs; nothing in the repository changes."""

import json
import statistics
from pathlib import Path

import pytest

from ladder.files.errors import InputError
from stages import generate_celsius_data
from tools.experiments import repeat
from tools.pipeline.clones import TINY, change_params, copy_repository


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repeat")
    copy_repository(folder)
    change_params(folder, TINY)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        generate_celsius_data.main()
    return folder


@pytest.fixture
def here(workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    monkeypatch.setattr(repeat, "ROOT", workspace)
    monkeypatch.setattr("benchmarks.pipeline.stage_runs.PARAMS", workspace / "params.yaml")
    return workspace


def snapshot(folder):
    return {
        path: path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in str(path)
    }


def test_every_seed_runs_on_the_same_data_and_the_repository_stays_as_it_is(here, tmp_path, capsys):
    before = snapshot(here)
    repeat.main(["train-linreg", "--runs", "3", "--json", str(tmp_path / "runs.json")])
    assert snapshot(here) == before
    runs = json.loads((tmp_path / "runs.json").read_text("utf-8"))
    losses = [run["test_loss"] for run in runs]
    assert len(set(losses)) == 3  # the stage's own split differs with the seed
    printed = capsys.readouterr().out
    assert "train-linreg, 3 seeds from 42" in printed
    row = next(line for line in printed.splitlines() if line.startswith("test_loss ")).split()
    expected = (statistics.fmean(losses), statistics.stdev(losses), min(losses), max(losses))
    assert [float(cell) for cell in row[1:]] == pytest.approx(expected, rel=1e-4)


@pytest.mark.campaign
def test_a_seed_gives_what_it_gives_in_the_pipeline(here):
    first, again = repeat.repeat("train-linreg", range(42, 43)), repeat.repeat("train-linreg", range(42, 44))
    assert first[0] == again[0] != again[1]


def test_bounds_of_intervals_are_left_out():
    runs = [{"test_accuracy": 0.5, "test_accuracy_low": 0.1, "only_here": 1.0}, {"test_accuracy": 0.7}]
    figures = repeat.summary(runs)
    assert list(figures) == ["test_accuracy"]
    assert figures["test_accuracy"]["mean"] == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["train-nothing"], "'train-nothing' is no stage that has run; those are generate-celsius-data, "),
        (["train-mnist"], "data/digits.npz: no such file; `make repro` makes it"),
        (["train-linreg", "--runs", "1"], "--runs 1: at least 2"),
    ],
)
def test_what_cannot_be_repeated_is_one_line(here, arguments, wrong):
    assert not Path("data/digits.npz").exists()
    with pytest.raises(InputError) as refused:
        repeat.main(arguments)
    assert str(refused.value).startswith(wrong) and "\n" not in str(refused.value)


def test_where_nothing_has_run_the_lock_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(repeat, "ROOT", tmp_path)
    with pytest.raises(InputError, match=r"dvc\.lock: no such file; `make repro` makes it"):
        repeat.link_inputs("train-linreg", tmp_path / "folder")
