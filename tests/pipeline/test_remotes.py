"""Sharing through a remote: a second clone pulls and runs nothing, and takes no damaged object."""

import shutil
import sys

import pytest

from tests.pipeline.remotes import check_pull_gives_all, clone_with_remote, damage, objects_of, set_remote
from tools.pipeline.clones import change_params, differences, run_in

CHECK = [sys.executable, "-m", "tools.pipeline.check_remote"]
PULL = [sys.executable, "-m", "tools.pipeline.repro", "--pull"]
MODEL = "models/linreg.npz"


@pytest.fixture(scope="module")
def first(light_clone, tmp_path_factory):
    """A clone that has run and committed a change, and pushed it to the folder `remote` beside it."""
    folder = tmp_path_factory.mktemp("first") / "clone"
    shutil.copytree(light_clone, folder, symlinks=True)
    run_in(folder, "dvc", "remote", "add", "--default", "storage", str(folder.with_name("remote")))
    run_in(folder, "dvc", "remote", "modify", "storage", "verify", "true")
    change_params(folder, {"celsius": {"count": 21}})
    run_in(folder, "dvc", "repro")
    run_in(folder, "git", "commit", "--all", "--quiet", "--message", "a remote, and more pairs")
    run_in(folder, "dvc", "push")
    return folder


@pytest.fixture
def remote(first, tmp_path):
    """A copy of the remote, for a test that damages it."""
    shutil.copytree(first.with_name("remote"), tmp_path / "remote")
    return tmp_path / "remote"


def ran(done):
    """The stages that have been run and not taken from anywhere."""
    return [line.split("'")[1] for line in done.stdout.splitlines() if "Running stage" in line]


def test_a_second_clone_pulls_and_runs_nothing(first, tmp_path):
    run_in(tmp_path, "git", "clone", "--quiet", str(first), "second")
    check_pull_gives_all(tmp_path / "second")
    assert differences(first, tmp_path / "second") == []


def test_a_damaged_object_is_not_taken_and_computed_instead(first, remote, tmp_path):
    damage(remote / objects_of(first)[MODEL])
    second = clone_with_remote(first, tmp_path / "second", str(remote), verify="true")
    pulled = run_in(second, "dvc", "pull", check=False)
    assert pulled.returncode == 1
    assert f"failed to pull data from the cloud - Checkout failed for following targets:\n{MODEL}" in (
        pulled.stderr
    )
    assert not (second / MODEL).exists()
    assert ran(run_in(second, *PULL)) == ["train-linreg"]
    assert differences(first, second) == []


def test_without_verify_dvc_takes_a_damaged_object_and_make_refuses_such_a_remote(first, remote, tmp_path):
    damage(remote / objects_of(first)[MODEL])
    second = clone_with_remote(first, tmp_path / "second", str(remote), verify="false")
    done = run_in(second, *CHECK, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: PULL=1: DVC would take damaged objects from remote 'storage'; "
        "`dvc remote modify --local storage verify true` makes it check them"
    ]
    run_in(second, "dvc", "pull", MODEL)
    assert (second / MODEL).read_bytes() != (first / MODEL).read_bytes()
    run_in(second, "dvc", "remote", "modify", "--local", "storage", "verify", "true")
    run_in(second, *CHECK)


def test_a_remote_of_all_the_user_s_projects_is_found(light_clone, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path))
    (tmp_path / "config").write_text(f"[core]\nremote = mine\n['remote \"mine\"']\nurl = {tmp_path}/remote\n")
    command = run_in(light_clone, *CHECK, check=False).stderr.split("`")[1]
    assert command == "dvc remote modify --global mine verify true"
    run_in(light_clone, *command.split())
    run_in(light_clone, *CHECK)


@pytest.mark.campaign
def test_what_the_remote_lacks_is_computed(first, remote, tmp_path):
    for output in ("data/digits.npz", "data/celsius.csv"):
        (remote / objects_of(first)[output]).unlink()
    second = clone_with_remote(first, tmp_path / "second", str(remote), verify="true")
    done = run_in(second, *PULL)
    assert sorted(ran(done)) == ["generate-celsius-data", "prepare-digits"]
    assert "Pulling data for stage: 'train-linreg'" in done.stdout.splitlines()
    assert differences(first, second) == []


def test_what_others_have_committed_and_pushed_takes_the_place_of_older_outputs(first, light_clone, tmp_path):
    second = tmp_path / "second"
    shutil.copytree(light_clone, second, symlinks=True)
    run_in(second, "git", "pull", "--quiet", str(first), "HEAD")
    assert ran(run_in(second, *PULL)) == []
    assert differences(first, second) == []


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("", "no remote is set up here; `dvc remote add --default NAME URL` does that"),
        ("[core]\n    remote = gone\n", ".dvc/config: core.remote: 'gone': no such remote"),
    ],
)
def test_without_a_remote_pull_is_refused_in_one_line(light_clone, tmp_path, config, message):
    run_in(tmp_path, "git", "clone", "--quiet", str(light_clone), "second")
    (tmp_path / "second/.dvc/config.local").write_text(config, "utf-8")
    done = run_in(tmp_path / "second", *CHECK, check=False)
    assert done.returncode == 1
    assert (done.stdout, done.stderr) == ("", f"error: PULL=1: {message}\n")


def test_a_remote_that_is_not_there_is_one_line_and_no_traceback(light_clone, tmp_path):
    run_in(tmp_path, "git", "clone", "--quiet", str(light_clone), "second")
    set_remote(tmp_path / "second", "s3://bucket/path", verify="true")
    done = run_in(tmp_path / "second", "dvc", "pull", check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr


def test_make_repro_checks_the_remote_first(light_clone):
    planned = run_in(light_clone, "make", "--dry-run", "repro", "PULL=1").stdout
    checked = planned.index("python -m tools.pipeline.check_remote\n")
    assert checked < planned.index("python -m tools.pipeline.repro --pull\n")
