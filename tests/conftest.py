"""What several test modules share: clones in which the real pipeline runs."""

import os

import pytest

from tools.clones import clone_origin, make_origin, run_in
from tools.job_summary import SUMMARY


@pytest.fixture(scope="session", autouse=True)
def no_job_summary():
    """What tests let tools print is not of the job that runs them."""
    os.environ.pop(SUMMARY, None)


@pytest.fixture(scope="session", autouse=True)
def notes_of_dvc(tmp_path_factory):
    """DVC's notes on the clones of the tests go with the clones."""
    os.environ["DVC_SITE_CACHE_DIR"] = str(tmp_path_factory.mktemp("notes"))


def clone_that_has_run(origin, folder):
    """A git clone in which DVC has run the pipeline once, by itself; that dvc.lock is committed."""
    clone_origin(origin, folder)
    run_in(folder, "dvc", "repro")
    run_in(folder, "git", "add", "--all")
    run_in(folder, "git", "commit", "--quiet", "--message", "the pipeline has run")
    return folder


@pytest.fixture(scope="session")
def clone(tmp_path_factory):
    """A clone in which the whole pipeline has run."""
    folder = tmp_path_factory.mktemp("whole")
    make_origin(folder / "origin")
    return clone_that_has_run(folder / "origin", folder / "clone")


@pytest.fixture(scope="session")
def short_origin(tmp_path_factory):
    """A git repository whose pipeline has two short branches."""
    folder = tmp_path_factory.mktemp("short") / "origin"
    make_origin(folder, ["generate-celsius-data", "train-linreg", "prepare-digits", "train-mnist"])
    return folder


@pytest.fixture(scope="session")
def short_clone(short_origin):
    """A clone in which that pipeline has run."""
    return clone_that_has_run(short_origin, short_origin.with_name("serial"))


@pytest.fixture(scope="session")
def light_clone(tmp_path_factory):
    """A clone in which a pipeline without TensorFlow has run."""
    folder = tmp_path_factory.mktemp("light")
    make_origin(folder / "origin", ["generate-celsius-data", "train-linreg", "prepare-digits"])
    return clone_that_has_run(folder / "origin", folder / "clone")
