"""The runner of the pipeline: mends what a kill leaves, waits for another one, stops when told."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.pipeline.kills import processes_in, temporaries
from tools.pipeline.clones import change_params, clone_origin, differences, environment, run_in
from tools.pipeline.repro import is_whole

REPRO = [sys.executable, "-m", "tools.pipeline.repro"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the runner needs POSIX processes")


@pytest.fixture(scope="module")
def finished(light_clone):
    """A clone in which the pipeline has run, for tests that damage it."""
    folder = light_clone.with_name("damaged")
    shutil.copytree(light_clone, folder)
    run_in(folder, *REPRO)
    return folder


def start(folder):
    return subprocess.Popen(
        REPRO, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(folder, word, runner):
    """Until a process with this word in its command runs in `folder`."""
    deadline = time.monotonic() + 60
    while not any(word in process.cmdline() for process in processes_in(folder)):
        assert time.monotonic() < deadline and runner.poll() is None
        time.sleep(0.1)


def check_mended(folder, reference, done, *phrases):
    """One line says what was mended, nothing has run again, and all is as it was."""
    lines = [line for line in done.stdout.splitlines() if line.startswith("mended")]
    assert len(lines) == 1 and all(phrase in lines[0] for phrase in phrases), done.stdout
    assert "Running stage" not in done.stdout
    assert differences(reference, folder) == []


def cut_after(lock, text):
    return lock[: lock.index(text) + len(text)]


def test_dvc_lock_is_whole_up_to_the_end_of_an_output(light_clone):
    lock = (light_clone / "dvc.lock").read_bytes()
    assert is_whole(lock)
    outs = lock.index(b"    outs:", lock.index(b"  prepare-digits:"))
    lines_of_an_output = {b"path": False, b"hash": False, b"md5": False, b"size": True}
    position = lock.index(b"- path: ", outs)
    for key, whole in lines_of_an_output.items():
        end = lock.index(b"\n", lock.index(key + b": ", position)) + 1
        assert is_whole(lock[:end]) == whole, key
        assert not is_whole(lock[: end - 3]), key


@pytest.mark.parametrize(
    "cut",
    [
        pytest.param(lambda lock: b"", id="emptied"),
        pytest.param(lambda lock: lock[: len(lock) // 2], id="half"),
        pytest.param(lambda lock: cut_after(lock, b"stages:\n"), id="no stage"),
        pytest.param(lambda lock: lock[:-2], id="valid, the last size lacks a digit"),
        pytest.param(lambda lock: cut_after(lock, b"outs:\n    - path:") + b" \xc3", id="half a character"),
    ],
)
def test_a_dvc_lock_cut_short_is_not_whole(light_clone, cut):
    assert not is_whole(cut((light_clone / "dvc.lock").read_bytes()))


def test_a_dvc_lock_cut_short_is_restored(finished, light_clone):
    lock = (finished / "dvc.lock").read_bytes()
    (finished / "dvc.lock").write_bytes(lock[:-2])  # valid, but the last size lacks a digit
    done = run_in(finished, *REPRO)
    check_mended(finished, light_clone, done, "dvc.lock was not whole: restored from git's HEAD")


def test_without_a_commit_of_it_dvc_lock_comes_from_the_cache_of_runs(finished, light_clone):
    run_in(finished, "git", "rm", "--quiet", "--cached", "dvc.lock")
    run_in(finished, "git", "commit", "--quiet", "--message", "no lock")
    (finished / "dvc.lock").write_bytes(b"schema: '2.0")
    done = run_in(finished, *REPRO)
    check_mended(finished, light_clone, done, "removed, for DVC to write it anew")
    assert done.stdout.count("is cached - skipping run") == 3


def test_a_lock_cut_between_two_stages_gets_its_entries_back_in_their_order(finished, light_clone):
    lock = (finished / "dvc.lock").read_bytes()
    (finished / "dvc.lock").write_bytes(lock[: lock.index(b"  train-linreg:")])
    assert is_whole((finished / "dvc.lock").read_bytes())  # nothing to mend
    assert "Running stage" not in run_in(finished, *REPRO).stdout
    assert differences(light_clone, finished) == []


@pytest.mark.parametrize(
    "left",
    [
        pytest.param('{"write": {"/data/digi', id="cut short"),
        # This process's number, as if the killed DVC had had it.
        pytest.param(
            json.dumps({"write": {"OUT": {"pid": os.getpid(), "cmd": "dvc repro"}}}), id="number reused"
        ),
    ],
)
def test_locks_and_temporary_files_of_a_kill_are_removed(finished, light_clone, left):
    (finished / ".dvc/tmp/rwlock").write_text(left.replace("OUT", str(finished / "data/celsius.csv")))
    (finished / "data/celsius.csv").unlink()  # else DVC does not look at its list of locked paths for writing
    gone = subprocess.Popen(["true"])
    gone.wait()
    (finished / f"models/.mnist.{gone.pid}.tmp.keras").write_bytes(b"half")
    (finished / f".MODEL_CARD.{gone.pid}.tmp.md").write_bytes(b"half")
    (finished / f"data/.digits.{gone.pid}.tmp").mkdir()
    (finished / f"data/.digits.{gone.pid}.tmp/part").touch()
    assert run_in(finished, "dvc", "repro", check=False).returncode == 255
    done = run_in(finished, *REPRO)
    check_mended(finished, light_clone, done, "locks of a killed DVC removed", "3 temporary files removed")


@pytest.mark.parametrize("killed", [False, pytest.param(True, marks=pytest.mark.campaign)])
def test_a_second_run_waits_for_the_first_or_its_dvc_and_has_nothing_to_do(light_clone, tmp_path, killed):
    folder = tmp_path / "clone"
    clone_origin(light_clone.with_name("origin"), folder)
    first = start(folder)
    wait_for(folder, "dvc", first)
    if killed:
        first.kill()  # alone
    second = start(folder)
    out, err = second.communicate()
    first.communicate()
    assert (first.returncode, second.returncode) == (-signal.SIGKILL if killed else 0, 0), out + err
    assert "another DVC runs here" in out and "Running stage" not in out
    assert differences(light_clone, folder) == []


def test_the_exit_code_is_that_of_dvc(finished):
    good = (finished / "params.yaml").read_bytes()
    change_params(finished, {"digits": {"test_share": 2.0}})
    done = run_in(finished, *REPRO, check=False)
    (finished / "params.yaml").write_bytes(good)
    assert done.returncode == 255
    assert "error: params.yaml: digits.test_share" in done.stderr


def test_ctrl_c_ends_everything_at_once(finished):
    good = (finished / "params.yaml").read_bytes()
    change_params(finished, {"linreg": {"epochs": 1_000_000}})
    runner = start(finished)
    try:
        wait_for(finished, "stages.train_linreg", runner)
        runner.send_signal(signal.SIGINT)
        out, err = runner.communicate(timeout=60)
        assert runner.returncode == 128 + signal.SIGINT
        assert list(processes_in(finished)) == []
        assert err.splitlines()[-1] == "stopped by SIGINT; `make repro` goes on from here"
        assert "Traceback" not in out + err
        assert temporaries(finished) == []
    finally:
        for process in [psutil.Process(runner.pid)] if runner.poll() is None else []:
            process.kill()
        (finished / "params.yaml").write_bytes(good)
