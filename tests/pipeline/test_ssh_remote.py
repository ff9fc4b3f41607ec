"""A remote on a real OpenSSH server: the round trip, a damaged object, no key, a server that is silent."""

import importlib.util
import shutil
import socket
import sys

import pytest

from tests.pipeline.remotes import check_pull_gives_all, clone_with_remote, damage, objects_of, set_remote
from tests.pipeline.sshd import PROGRAM, make_key, serving
from tools.pipeline.clones import differences, run_in

PULL = [sys.executable, "-m", "tools.pipeline.repro", "--pull"]
MODEL = "models/linreg.npz"

pytestmark = [
    pytest.mark.campaign,
    pytest.mark.skipif(PROGRAM is None, reason="OpenSSH's server is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("dvc_ssh") is None, reason="dvc[ssh] is not installed"),
]


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    """A home without keys, agent or settings of the user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.delenv("SSH_AUTH_SOCK", raising=False)
        yield


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("server") / "sshd") as server:
        yield server


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    return tmp_path_factory.mktemp("stored") / "remote"


@pytest.fixture(scope="module")
def first(light_clone, server, stored, tmp_path_factory):
    """A clone that has pushed to the server's folder `stored`."""
    folder = tmp_path_factory.mktemp("first") / "clone"
    shutil.copytree(light_clone, folder, symlinks=True)
    set_remote(folder, server.url(stored), keyfile=server.key, verify="true", timeout=60)
    run_in(folder, "dvc", "push")
    return folder


def second_clone(first, folder, url, key):
    return clone_with_remote(first, folder, url, keyfile=key, verify="true", timeout=60)


def refused(folder, command):
    """What a command says that fails, without a traceback and without a question; stdin has no answer."""
    done = run_in(folder, *command, check=False)
    assert done.returncode not in (0, None)
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_second_clone_pulls_over_ssh_and_runs_nothing(first, server, stored, tmp_path):
    assert (stored / objects_of(first)[MODEL]).is_file()
    second = second_clone(first, tmp_path / "second", server.url(stored), server.key)
    check_pull_gives_all(second)
    assert differences(first, second) == []


def test_an_object_damaged_on_the_server_is_not_taken_and_computed_instead(first, server, stored, tmp_path):
    shutil.copytree(stored, tmp_path / "remote")
    damage(tmp_path / "remote" / objects_of(first)[MODEL])
    second = second_clone(first, tmp_path / "second", server.url(tmp_path / "remote"), server.key)
    assert "Checkout failed for following targets" in refused(second, ["dvc", "pull", MODEL])
    assert not (second / MODEL).exists()
    done = run_in(second, *PULL)
    assert [line for line in done.stdout.splitlines() if "Running stage" in line] == [
        "Running stage 'train-linreg':"
    ]
    assert differences(first, second) == []


@pytest.mark.parametrize("command", [["dvc", "pull"], PULL], ids=["dvc pull", "make repro PULL=1"])
def test_a_key_that_the_server_does_not_know_is_one_line(first, server, stored, tmp_path, command):
    other = make_key(tmp_path / "other_key")
    second = second_clone(first, tmp_path / "second", server.url(stored), other)
    said = refused(second, command)
    assert [line for line in said.splitlines() if "Permission denied" in line] == said.splitlines()[:1]
    assert not (second / MODEL).exists()


def test_a_server_that_says_nothing_is_given_up_in_time(first, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ssh://127.0.0.1:{silent.getsockname()[1]}/remote"
        second = clone_with_remote(first, tmp_path / "second", url, verify="true", timeout=2)
        assert "ERROR: " in refused(second, ["dvc", "pull"])  # in 2 s; DVC's own limit is half an hour
