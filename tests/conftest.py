"""What several test modules share: clones in which the real pipeline runs."""

import pytest

from tools.clones import clone_origin, make_origin, run_in


@pytest.fixture(scope="session")
def origin(tmp_path_factory):
    """A git repository whose params.yaml makes every stage take seconds."""
    folder = tmp_path_factory.mktemp("origin")
    make_origin(folder)
    return folder


@pytest.fixture(scope="session")
def clone(origin, tmp_path_factory):
    """A git clone in which the whole pipeline has run once, by DVC alone; that dvc.lock is committed."""
    folder = tmp_path_factory.mktemp("clones") / "serial"
    clone_origin(origin, folder)
    run_in(folder, "dvc", "repro")
    run_in(folder, "git", "add", "--all")
    run_in(folder, "git", "commit", "--quiet", "--message", "the pipeline has run")
    return folder
