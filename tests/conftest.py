"""What several test modules share: clones in which the real pipeline runs."""

import os
import shutil
from collections.abc import Collection
from pathlib import Path

import pytest
from filelock import FileLock

from tools.experiments.job_summary import SUMMARY
from tools.pipeline.clones import clone_origin, make_origin, run_in
from tools.pipeline.git import OF_A_HOOK

LINE = ("generate-celsius-data", "train-linreg")
LIGHT = (*LINE, "prepare-digits")  # without TensorFlow
SHORT = (*LIGHT, "train-mnist")  # two short branches
# These come first, so that no worker is left alone with one of them at the end.
LONGEST = ("test_distributed", "test_vgg_stages", "test_pipeline", "test_stages", "test_checkpoints")


def pytest_configure():
    """A thread for each worker: TensorFlow and OpenBLAS ask for their number when they are imported."""
    for library in ("TF_NUM_INTRAOP", "TF_NUM_INTEROP", "OMP_NUM", "OPENBLAS_NUM"):
        os.environ.setdefault(f"{library}_THREADS", "1")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.stem not in LONGEST)


@pytest.fixture(scope="session", autouse=True)
def no_job_summary():
    """What tests let tools print is not of the job that runs them."""
    os.environ.pop(SUMMARY, None)


@pytest.fixture(scope="session", autouse=True)
def no_repository_of_a_hook():
    """A git hook that runs the tests means the user's repository; the tests' own are others."""
    for name in OF_A_HOOK:
        os.environ.pop(name, None)


@pytest.fixture(scope="session", autouse=True)
def notes_of_dvc(tmp_path_factory):
    """DVC's notes on the clones of the tests go with the clones."""
    os.environ["DVC_SITE_CACHE_DIR"] = str(tmp_path_factory.mktemp("notes"))


@pytest.fixture(scope="session")
def ran_once(tmp_path_factory):
    """A function that makes a clone in which DVC has run some stages, or all, and dvc.lock is committed.

    They run once, whichever worker asks first; each gets a copy. Beside it are "origin", the repository that
    was cloned, and "stdout" and "stderr", what DVC and the stages have said.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def copy(name: str, stages: Collection[str] = ()) -> Path:
        made = shared / f"ran-{name}"
        with FileLock(shared / f"{name}.lock"):
            if not made.exists():
                making = shared / f"{name}-is-made"
                shutil.rmtree(making, ignore_errors=True)  # another worker's, which failed
                make_origin(making / "origin", stages)
                clone_origin(making / "origin", making / "clone")
                done = run_in(making / "clone", "dvc", "repro")
                (making / "stdout").write_text(done.stdout, "utf-8")
                (making / "stderr").write_text(done.stderr, "utf-8")
                run_in(making / "clone", "git", "add", "--all")
                run_in(making / "clone", "git", "commit", "--quiet", "--message", "the pipeline has run")
                making.rename(made)
        folder = tmp_path_factory.mktemp(name)
        shutil.copytree(made, folder, symlinks=True, dirs_exist_ok=True)
        return folder / "clone"

    return copy


@pytest.fixture(scope="session")
def short_clone(ran_once):
    """A clone in which a pipeline with two short branches has run."""
    return ran_once("short", SHORT)


@pytest.fixture(scope="session")
def short_origin(short_clone):
    """A git repository with that pipeline, in which nothing has run."""
    return short_clone.with_name("origin")


@pytest.fixture(scope="session")
def light_clone(ran_once):
    """A clone in which a pipeline without TensorFlow has run."""
    return ran_once("light", LIGHT)


@pytest.fixture(scope="session")
def line_clone(ran_once):
    """A clone in which the two stages of the single neuron have run."""
    return ran_once("line", LINE)
