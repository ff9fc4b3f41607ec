"""Two branches have run different things; what git makes of dvc.lock, and that nothing is computed twice."""

import shutil
import sys

import pytest

from tools.pipeline.clones import change_params, run_in

BRANCHES = {
    "more-pairs": {"celsius": {"count": 21}},
    "more-epochs": {"linreg": {"epochs": 60}},
    "more-tests": {"digits": {"test_share": 0.3}},
}


@pytest.fixture(scope="module")
def folder(light_clone, tmp_path_factory):
    """A clone with a branch for each change, in which the pipeline has run and was committed."""
    folder = tmp_path_factory.mktemp("merged") / "clone"
    shutil.copytree(light_clone, folder, symlinks=True)
    start = run_in(folder, "git", "rev-parse", "HEAD").stdout.strip()
    for branch, changes in BRANCHES.items():
        run_in(folder, "git", "checkout", "--quiet", "-b", branch, start)
        change_params(folder, changes)
        run_in(folder, "dvc", "repro")
        run_in(folder, "git", "commit", "--quiet", "--all", "--message", branch)
    return folder


def merge(folder, ours, theirs, result):
    """Merge on a new branch; returns the files that git leaves to the user."""
    run_in(folder, "git", "checkout", "--quiet", "-b", result, ours)
    run_in(folder, "git", "merge", "--quiet", "--no-edit", theirs, check=False)
    return run_in(folder, "git", "diff", "--name-only", "--diff-filter=U").stdout.splitlines()


def ran(done):
    return [line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")]


def commit(folder):
    run_in(folder, "git", "commit", "--quiet", "--all", "--message", "merged")
    assert run_in(folder, "git", "status", "--porcelain", "--untracked-files=no").stdout == ""


def test_different_stages_merge_by_themselves_and_nothing_is_computed(folder):
    assert merge(folder, "more-pairs", "more-tests", "apart") == []
    assert ran(run_in(folder, "dvc", "repro")) == []
    assert run_in(folder, "git", "status", "--porcelain").stdout == ""


def test_the_same_stage_is_a_conflict_that_the_runner_settles_by_computing_it(folder):
    left = merge(folder, "more-epochs", "more-pairs", "with-make")
    assert left == [
        "dvc.lock",
        "metrics/train_linreg.json",
        "plots/train_linreg/curves.csv",
        "plots/train_linreg/pairs.csv",
    ]
    done = run_in(folder, sys.executable, "-m", "tools.pipeline.repro")
    assert done.stdout.startswith("mended: dvc.lock was not whole: restored from git's HEAD\n")
    assert ran(done) == ["train-linreg"]  # 21 pairs and 60 epochs: neither branch has it
    commit(folder)
    assert (folder / "plots/train_linreg/curves.csv").read_text("utf-8").count("\n") == 62


def test_plain_dvc_gets_there_from_our_side_and_takes_from_its_cache_what_has_run(folder):
    merge(folder, "more-pairs", "more-epochs", "with-dvc")
    assert run_in(folder, "dvc", "repro", check=False).returncode != 0  # dvc.lock is no YAML
    run_in(folder, "git", "checkout", "--ours", "dvc.lock", "metrics", "plots")
    assert ran(run_in(folder, "dvc", "repro")) == []
    commit(folder)
    assert run_in(folder, "git", "diff", "with-make", "with-dvc").stdout == ""
