"""Tools in what is not a whole git clone: they work, or one line says what helps."""

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ladder.files.errors import InputError
from tests.conftest import LINE
from tests.imports import ROOT
from tools.experiments.compare import predictions_at
from tools.pipeline import clones
from tools.pipeline.clones import clone_origin, differences, make_origin, run_in, tree
from tools.pipeline.git import check_revision, git

IDENTITY = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "origin"
    make_origin(folder, LINE)
    return folder


@pytest.fixture
def download(origin, tmp_path):
    """What a zip of the repository holds."""
    shutil.copytree(origin, tmp_path / "zip", ignore=shutil.ignore_patterns(".git"))
    return tmp_path / "zip"


def refusal(folder, *command):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert done.returncode and len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.mark.skipif(sys.platform == "win32", reason="a script for sh")
def test_make_refuses_a_download_before_it_sets_up(download):
    for target in ("repro", "lock-check"):
        assert "no git repository, which DVC needs; `git init`" in refusal(download, "make", target)
    assert not (download / ".venv").exists()


@pytest.mark.parametrize("module", ["pipeline.verify", "pipeline.check_cache", "pipeline.reproduce_check"])
def test_a_tool_refuses_a_download_in_one_line(download, module):
    line = refusal(download, sys.executable, "-m", f"tools.{module}")
    assert "git repository" in line and str(download) in line


def test_a_repository_without_a_commit_is_named(download, tmp_path):
    run_in(download, "git", "init", "--quiet")
    with pytest.raises(InputError, match="no commit yet; `git add --all && git commit`"):
        clone_origin(download, tmp_path / "clone")


def test_a_clone_of_the_latest_commit_says_how_to_get_the_others(origin, tmp_path):
    run_in(tmp_path, "git", "clone", "--quiet", "--depth", "1", origin.as_uri(), "shallow")
    check_revision(tmp_path / "shallow", "HEAD")
    with pytest.raises(InputError, match="'HEAD~1' is no revision") as refused:
        check_revision(tmp_path / "shallow", "HEAD~1")
    assert ("--unshallow" in str(refused.value)) == (tmp_path / "shallow/.git/shallow").exists()


def test_a_copy_of_what_may_only_be_read_may_be_written_to(origin, tmp_path, monkeypatch):
    shutil.copytree(origin, tmp_path / "read-only")
    run_in(tmp_path / "read-only", "chmod", "-R", "a-w", ".")
    monkeypatch.setattr(clones, "ROOT", tmp_path / "read-only")
    clones.copy_repository(tmp_path / "copy")
    assert all((tmp_path / "copy" / path).stat().st_mode & stat.S_IWUSR for path in tree(tmp_path / "copy"))


def test_a_folder_of_a_larger_repository_is_cloned_with_it(download, tmp_path):
    (tmp_path / "large").mkdir()
    download.rename(tmp_path / "large/project")
    run_in(tmp_path / "large", "git", "init", "--quiet")
    run_in(tmp_path / "large", "git", "add", "--all")
    run_in(tmp_path / "large", "git", *IDENTITY, "commit", "--quiet", "--message", "a project among others")
    clone_origin(tmp_path / "large/project", tmp_path / "clone")
    assert differences(tmp_path / "large/project", tmp_path / "clone") == []
    run_in(tmp_path / "clone", sys.executable, "-m", "tools.pipeline.repro")
    assert (tmp_path / "clone/models/linreg.npz").exists()


def test_a_repository_of_another_owner_is_refused_with_what_helps(origin, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own tests use it
    for ask in (lambda: git(origin, "status"), lambda: check_revision(origin, "HEAD")):
        with pytest.raises(
            InputError, match=r"(?s)dubious ownership.*git config --global --add safe.directory"
        ):
            ask()


def test_a_broken_object_is_not_taken_for_a_model_without_predictions(origin, tmp_path, monkeypatch):
    shutil.copytree(origin, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    path = Path("plots/train_mnist/predictions.csv")
    assert predictions_at("HEAD", Path("plots/train_mnist/none.csv")) is None
    blob = git(Path(), "rev-parse", f"HEAD:{path}").strip()
    (tmp_path / f"copy/.git/objects/{blob[:2]}/{blob[2:]}").unlink()
    with pytest.raises(InputError, match="git show: fatal: bad object"):
        predictions_at("HEAD", path)


def test_the_user_s_git_settings_and_a_hook_s_variables_do_not_reach_a_copy(tmp_path, monkeypatch):
    (tmp_path / "settings").write_text(
        "[commit]\ngpgSign = true\n[gpg]\nprogram = false\n"
        f"[core]\nhooksPath = {tmp_path}/hooks\nexcludesFile = {tmp_path}/ignored\n"
    )
    (tmp_path / "ignored").write_text("*.csv\n*.npz\n*.md\n")
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks/pre-commit").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "hooks/pre-commit").chmod(0o755)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "settings"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    make_origin(tmp_path / "origin", LINE)
    assert not (tmp_path / "elsewhere").exists()
    committed = git(tmp_path / "origin", "ls-files").splitlines()
    assert "README.md" in committed
    assert set(committed) | {"dvc.lock"} >= set(git(ROOT, "ls-files").splitlines())


def test_a_checkout_with_windows_line_ends_and_no_links_has_the_same_bytes(tmp_path):
    """Scripts run, and dvc.lock's hashes hold."""
    run_in(tmp_path, "git", "clone", "--quiet", str(ROOT), "plain")
    settings = ["-c", "core.autocrlf=true", "-c", "core.symlinks=false"]
    run_in(tmp_path, "git", *settings, "clone", "--quiet", str(ROOT), "other")
    assert differences(tmp_path / "plain", tmp_path / "other") == []
