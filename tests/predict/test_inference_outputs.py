"""Outputs by name: those in the working tree, and those of two revisions with models of their own."""

import json
import shutil
import sys

import pytest

from ladder.files.errors import InputError
from ladder.predict.celsius import load_line
from ladder.predict.outputs import Outputs
from tools.pipeline.clones import change_params, clone_origin, run_in

LINE = "models/linreg.npz"


@pytest.fixture(scope="module")
def two_runs(line_clone, tmp_path_factory):
    """A clone with three commits: without outputs, with a line, and with another line, HEAD."""
    clone = tmp_path_factory.mktemp("revisions") / "clone"
    shutil.copytree(line_clone, clone, symlinks=True)
    change_params(clone, {"celsius": {"noise": 5.0}})
    run_in(clone, "dvc", "repro")
    run_in(clone, "git", "commit", "--quiet", "--all", "--message", "more noise")
    return clone


@pytest.fixture
def clone(two_runs, monkeypatch):
    """The same, as the current folder; the model is put back after the test."""
    monkeypatch.chdir(two_runs)
    kept = (two_runs / LINE).read_bytes()
    yield two_runs
    (two_runs / LINE).unlink()  # it may be a link to DVC's cache
    (two_runs / LINE).write_bytes(kept)


def committed_weight(clone, revision):
    shown = run_in(clone, "git", "show", f"{revision}:metrics/train_linreg.json").stdout
    return json.loads(shown)["weight"]


def commit_of(clone, revision):
    return run_in(clone, "git", "rev-parse", revision).stdout[:7]


def test_each_revision_has_its_own_line_and_metrics(clone):
    weights = [committed_weight(clone, revision) for revision in ("HEAD~1", "HEAD")]
    assert weights[0] != weights[1]
    for revision, weight in zip(("HEAD~1", "HEAD"), weights, strict=True):
        with Outputs(revision) as outputs:
            assert load_line(outputs)[0] == pytest.approx(weight, rel=1e-5)
            assert outputs.metrics("train_linreg")["weight"] == weight
            assert outputs.origin(LINE) == f"{LINE} of commit {commit_of(clone, revision)}"
            fetched = outputs.path(LINE)
            assert fetched.is_file() and clone not in fetched.parents
        assert not fetched.exists()
    assert load_line(Outputs())[0] == pytest.approx(weights[1], rel=1e-5)


def test_the_working_tree_is_compared_with_the_commit(clone):
    head = commit_of(clone, "HEAD")
    assert Outputs().origin(LINE) == f"{LINE} of commit {head}"
    with Outputs("HEAD~1") as earlier:
        content = earlier.path(LINE).read_bytes()
    (clone / LINE).unlink()
    (clone / LINE).write_bytes(content)
    expected = f"{LINE} of the working tree, not the one that commit {head} recorded"
    assert Outputs().origin(LINE) == expected
    assert load_line(Outputs())[0] == pytest.approx(committed_weight(clone, "HEAD~1"), rel=1e-5)


@pytest.mark.parametrize(
    ("revision", "words"),
    [
        ("nowhere", ["'nowhere' is no revision", "git log"]),
        ("--help", ["'--help' is no revision"]),
        ("HEAD~2", [f"{LINE}: commit ", "has none", "dvc repro"]),
    ],
)
def test_a_revision_without_a_model_is_one_line_that_names_the_mend(clone, revision, words):
    with Outputs(revision) as outputs, pytest.raises(InputError) as refused:
        load_line(outputs)
    assert [word for word in words if word not in str(refused.value)] == []


def test_the_command_line_answers_with_the_model_of_a_revision(clone):
    for revision in ("HEAD", "HEAD~1"):
        command = ["-m", "ladder.predict", "celsius", "1000", "0", "--format", "json", "--rev", revision]
        done = run_in(clone, sys.executable, *command)
        hot, cold = (json.loads(line)["fahrenheit"] for line in done.stdout.splitlines())
        assert hot - cold == pytest.approx(1000 * committed_weight(clone, revision), rel=1e-3)
        assert f"{LINE} of commit {commit_of(clone, revision)}\n" in done.stderr


def test_an_output_comes_from_a_remote_or_the_mend_is_named(clone, tmp_path):
    cache, aside = clone / ".dvc/cache", tmp_path / "aside"
    run_in(clone, "dvc", "remote", "add", "--local", "--default", "storage", str(tmp_path / "storage"))
    run_in(clone, "dvc", "push", "--all-commits")
    shutil.move(cache, aside)
    try:
        with Outputs("HEAD~1") as outputs:
            assert load_line(outputs)[0] == pytest.approx(committed_weight(clone, "HEAD~1"), rel=1e-5)
        shutil.rmtree(cache, ignore_errors=True)
        run_in(clone, "dvc", "remote", "remove", "--local", "storage")
        with Outputs("HEAD~1") as outputs, pytest.raises(InputError, match="dvc fetch --all-commits"):
            load_line(outputs)
    finally:
        shutil.rmtree(cache, ignore_errors=True)
        shutil.move(aside, cache)


def test_a_remote_that_was_set_up_after_the_revision_is_asked_too(two_runs, tmp_path, monkeypatch):
    run_in(two_runs, "dvc", "remote", "add", "--local", "--default", "storage", str(tmp_path / "storage"))
    run_in(two_runs, "dvc", "push")
    run_in(two_runs, "dvc", "remote", "remove", "--local", "storage")
    clone_origin(two_runs, tmp_path / "clone")
    run_in(tmp_path / "clone", "dvc", "remote", "add", "--default", "storage", str(tmp_path / "storage"))
    run_in(tmp_path / "clone", "git", "commit", "--quiet", "--all", "--message", "a remote")
    monkeypatch.chdir(tmp_path / "clone")
    with Outputs("HEAD~1") as outputs:
        assert load_line(outputs)[0] == pytest.approx(committed_weight(two_runs, "HEAD"), rel=1e-5)


def test_the_project_may_be_a_folder_of_a_larger_repository(two_runs, tmp_path, monkeypatch):
    shutil.copytree(two_runs, tmp_path / "large/project", symlinks=True)
    (tmp_path / "large/project/.git").rename(tmp_path / "large/.git")
    run_in(tmp_path / "large", "git", "add", "--all")
    run_in(tmp_path / "large", "git", "commit", "--quiet", "--message", "a project among others")
    monkeypatch.chdir(tmp_path / "large/project")
    with Outputs("HEAD") as outputs:
        assert load_line(outputs)[0] == pytest.approx(committed_weight(two_runs, "HEAD"), rel=1e-5)
        assert outputs.origin(LINE) == f"{LINE} of commit {commit_of(tmp_path / 'large', 'HEAD')}"


def test_a_missing_model_names_the_mend(clone):
    with pytest.raises(InputError, match=r"models/mnist\.keras: no such file; `dvc repro` makes it"):
        Outputs().path("models/mnist.keras")


def test_a_folder_without_a_commit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").touch()
    assert Outputs().origin("model") == "model of the working tree, which has no commit"


@pytest.mark.parametrize("content", ["[1]", "{", ""])
def test_metrics_that_are_no_object_are_refused(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/train_mnist.json").write_text(content)
    with pytest.raises(InputError, match=r"^metrics/train_mnist\.json: "):
        Outputs().metrics("train_mnist")
