"""`make why`: what has changed since a stage ran, of a small pipeline and of the committed dvc.lock."""

import re
import shutil
import subprocess
import sys

import pytest
from ruamel.yaml import YAML

from tests.imports import ROOT
from tests.pipeline.test_dvc_yaml import STAGES
from tools.pipeline.clones import change_params, clone_origin, environment, run_in
from tools.pipeline.why import HELD, changed_params, flattened

ROOM = "ladder/scratch"


@pytest.fixture
def folder(line_clone, tmp_path):
    """A clone in which the two stages of the single neuron have run."""
    shutil.copytree(line_clone, tmp_path / "clone", symlinks=True)
    return tmp_path / "clone"


def why(folder, *stage):
    """What it prints, as a line per reason below each stage; nothing else may change."""
    before = run_in(folder, "git", "status", "--porcelain").stdout
    done = run_in(folder, sys.executable, "-m", "tools.pipeline.why", *stage)
    assert run_in(folder, "git", "status", "--porcelain").stdout == before and done.stderr == ""
    if done.stdout.endswith(" is current\n"):
        return {}
    blocks = re.findall(r"^(\S+)\n((?:  .+\n)+)", done.stdout, re.MULTILINE)
    return {name: [line.strip() for line in lines.splitlines()] for name, lines in blocks}


def edit(folder, path):
    with (folder / path).open("a", encoding="utf-8") as file:
        file.write("# edited\n")


def commit(folder, message):
    run_in(folder, "git", "commit", "--quiet", "--all", "--message", message)
    return run_in(folder, "git", "log", "-1", "--format=%h %s").stdout.strip()


def test_where_all_has_run_every_stage_is_current(folder):
    assert why(folder) == why(folder, "train-linreg") == {}


def test_a_parameter_is_shown_old_and_new_and_what_follows_says_so(folder):
    change_params(folder, {"celsius": {"count": 21}, "linreg": {"learning_rate": 0.2}})
    assert why(folder) == {
        "generate-celsius-data": ["params.yaml: celsius.count: 20 → 21"],
        "train-linreg": [
            "params.yaml: linreg.learning_rate: 0.1 → 0.2",
            "because generate-celsius-data runs",
        ],
    }
    assert list(why(folder, "generate-celsius-data")) == ["generate-celsius-data"]
    assert list(why(folder, "train-linreg")) == ["generate-celsius-data", "train-linreg"]


def test_code_is_shown_with_its_edits_and_with_the_commits_since_the_lock(folder):
    edit(folder, f"{ROOM}/neuron.py")
    (folder / ROOM / "new.py").write_text("", "utf-8")
    edited = f"{ROOM}: uncommitted edit of {ROOM}/neuron.py, {ROOM}/new.py"
    assert why(folder) == {"train-linreg": [edited]}
    (folder / ROOM / "new.py").unlink()
    first = commit(folder, "The neuron has a comment")
    edit(folder, "stages/train_linreg.py")
    second = commit(folder, "So has its stage")
    assert why(folder) == {
        "train-linreg": [f"{ROOM}: commit {first}", f"stages/train_linreg.py: commit {second}"]
    }


def test_of_a_lock_that_was_committed_stale_the_last_commit_is_named(folder):
    edit(folder, f"{ROOM}/neuron.py")
    edit(folder, "dvc.lock")
    both = commit(folder, "Both at once")
    assert why(folder) == {"train-linreg": [f"{ROOM}: changed, last by commit {both}"]}


def test_outputs_and_inputs_that_are_missing_or_changed_are_named(folder):
    edit(folder, "models/linreg.npz")
    (folder / "plots/train_linreg/curves.csv").unlink()
    assert sorted(why(folder)["train-linreg"]) == [
        "models/linreg.npz: output changed by another than the stage",
        "plots/train_linreg/curves.csv: output missing",
    ]
    run_in(folder, "git", "checkout", "plots")
    run_in(folder, "dvc", "checkout", "--force")
    (folder / "data/celsius.csv").unlink()
    held = {"generate-celsius-data": [f"data/celsius.csv: {HELD}"]}
    assert why(folder) == held  # nothing runs: train-linreg is as it was
    (folder / "models/linreg.npz").unlink()
    assert why(folder) == held | {"train-linreg": [f"models/linreg.npz: {HELD}"]}
    shutil.rmtree(folder / ".dvc/cache")
    missing = ["models/linreg.npz: output missing", "because generate-celsius-data runs"]
    assert why(folder) == {
        "generate-celsius-data": ["data/celsius.csv: output missing"],
        "train-linreg": missing,
    }


def test_a_stage_that_has_never_run_and_another_command_are_named(folder):
    lock = YAML(typ="safe").load(folder / "dvc.lock")
    del lock["stages"]["generate-celsius-data"]
    lock["stages"]["train-linreg"]["cmd"] = "python old.py"
    YAML(typ="safe").dump(lock, folder / "dvc.lock")
    found = why(folder)
    assert found["generate-celsius-data"] == ["it has never run"]
    assert found["train-linreg"] == ["its command was 'python old.py'", "because generate-celsius-data runs"]
    (folder / "dvc.lock").unlink()
    assert why(folder)["train-linreg"][0] == "it has never run"


LINE = re.compile(
    r"because \S+ runs|it has never run|its command was .+|\S+: (output missing|commit .+|changed.*|.+ → .+)"
)


def test_the_committed_lock_is_read_whole(tmp_path):
    """In a clone nothing lies beside the code, and in no cache: of every stage something is missing."""
    clone_origin(ROOT, tmp_path / "clone")
    found = why(tmp_path / "clone")
    assert found.keys() >= {name for name in STAGES if name not in ("pretrain-vgg-base", "write-model-card")}
    assert found["train-linreg"][-1] == "because generate-celsius-data runs"
    assert all(LINE.fullmatch(line) for lines in found.values() for line in lines), found


def test_settings_are_compared_key_by_key(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    now = {"a": {"b": 1, "c": [2], "e": 3}, "ab": 3}
    YAML(typ="safe").dump(now, tmp_path / "params.yaml")
    assert list(changed_params(["a"], {"a": {"b": 1, "c": [1]}, "ab": 2})) == [
        "params.yaml: a.c: [1] → [2]",
        "params.yaml: a.e: not there → 3",
    ]
    assert flattened(now) == {"a.b": 1, "a.c": [2], "a.e": 3, "ab": 3}


def test_an_unknown_stage_and_a_lock_in_conflict_are_one_line(folder):
    def refusal(*stage):
        command = [sys.executable, "-m", "tools.pipeline.why", *stage]
        done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
        assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    known = "generate-celsius-data, train-linreg"
    assert refusal("nope") == f"error: STAGE=nope: no such stage; those are {known}\n"
    (folder / "dvc.lock").write_text("<<<<<<< HEAD\n", "utf-8")
    assert "dvc.lock" in refusal()
