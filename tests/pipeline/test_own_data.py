"""Files of a user's own: tracked by DVC they come along; a missing one is said before anything is deleted."""

import sys

import numpy as np
import pytest

from tests.digits.test_digits import write_idx
from tools.pipeline.clones import change_params, clone_origin, make_origin, run_in, run_pipeline

REPRO = [sys.executable, "-m", "tools.pipeline.repro"]
METRICS = "metrics/prepare_digits.json"


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """A repository with IDX files in data/raw/own, which DVC tracks; it has run, was pushed and committed."""
    folder = tmp_path_factory.mktemp("own") / "origin"
    make_origin(folder, ["prepare-digits"], {"digits": {"source": "own"}})
    rng = np.random.default_rng(0)
    own = folder / "data/raw/own"
    own.mkdir()
    write_idx(own / "train-images-idx3-ubyte", rng.integers(0, 256, (200, 28, 28)).astype(np.uint8))
    write_idx(own / "train-labels-idx1-ubyte", (np.arange(200) % 10).astype(np.uint8))
    run_in(folder, "dvc", "add", "data/raw/own")
    run_in(folder, "dvc", "remote", "add", "--default", "storage", str(folder.with_name("remote")))
    run_in(folder, *REPRO)
    run_in(folder, "dvc", "push")
    run_in(folder, "git", "add", "--all")
    identity = ["-c", "user.name=tests", "-c", "user.email=tests@localhost"]
    run_in(folder, "git", *identity, "commit", "--quiet", "--message", "own digits")
    assert run_in(folder, "git", "ls-files", "data/raw/own").stdout == ""
    return folder


def test_tracked_files_come_along_by_pull(origin, tmp_path):
    clone_origin(origin, tmp_path / "clone")
    run_in(tmp_path / "clone", "dvc", "pull")
    assert "Running stage" not in run_in(tmp_path / "clone", *REPRO).stdout
    assert run_in(tmp_path / "clone", "git", "status", "--porcelain").stdout == ""


def test_tracked_files_come_along_to_a_copy_that_computes_anew(origin, tmp_path):
    run_pipeline(origin, tmp_path / "clone")
    assert (tmp_path / "clone" / METRICS).read_bytes() == (origin / METRICS).read_bytes()


@pytest.mark.campaign
def test_tracked_files_come_along_to_an_experiment_in_a_folder_of_its_own(origin, tmp_path):
    clone_origin(origin, tmp_path / "clone")
    run_in(tmp_path / "clone", "dvc", "pull")
    run_in(tmp_path / "clone", "dvc", "exp", "run", "--temp", "--set-param", "digits.test_share=0.3")


def test_a_missing_file_is_said_before_anything_is_deleted(origin, tmp_path):
    clone_origin(origin, tmp_path / "clone")
    (tmp_path / "clone/data/raw/own.dvc").unlink()
    done = run_in(tmp_path / "clone", *REPRO, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: data/raw/own: no such file or folder, and prepare-digits reads it;")
    assert (tmp_path / "clone" / METRICS).exists()


def test_what_dvc_itself_deletes_where_a_file_is_missing_comes_back(origin, tmp_path):
    """As docs/data.md says."""
    clone = tmp_path / "clone"
    clone_origin(origin, clone)
    run_in(clone, "dvc", "pull")
    change_params(clone, {"digits": {"source": "missing"}})
    assert "data/raw/missing" in run_in(clone, "dvc", "repro", check=False).stderr
    assert not (clone / METRICS).exists() and not (clone / "data/digits.npz").exists()
    run_in(clone, "sh", "-c", "git checkout metrics && dvc checkout")
    assert [(clone / path).read_bytes() for path in (METRICS, "data/digits.npz")] == [
        (origin / path).read_bytes() for path in (METRICS, "data/digits.npz")
    ]
