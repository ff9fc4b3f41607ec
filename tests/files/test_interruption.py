"""Told to stop, a stage does so at once, wherever it is, with one line; nor does it outlive its DVC."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tools.pipeline.clones import TINY, change_params, copy_repository

SECONDS = 2.0  # of its processor time: others may keep the machine busy


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A copy of the repository where training takes long."""
    folder = tmp_path_factory.mktemp("interruption")
    copy_repository(folder)
    change_params(folder, TINY | {"mnist": TINY["mnist"] | {"epochs": 100_000, "patience": 100_000}})
    subprocess.run([sys.executable, "-m", "stages.prepare_digits"], cwd=folder, check=True)
    return folder


@pytest.fixture
def start(workspace):
    """A function that starts the stage, which is killed when the test ends."""
    started = []

    def start_stage(sigint=signal.SIG_DFL):
        process = subprocess.Popen(
            [sys.executable, "-m", "stages.train_mnist"],
            cwd=workspace,
            preexec_fn=lambda: signal.signal(
                signal.SIGINT, sigint
            ),  # whatever the tests themselves were given
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start_stage
    for process in started:
        process.kill()


def wait_until_it_watches(pid, threads=2):
    """It does from its first moments on, in threads of its own; TensorFlow's import takes seconds more."""
    wait_for(lambda: psutil.Process(pid).num_threads() >= threads)


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def seconds_of_the_ended():
    """Processor time of the processes that this one has waited for."""
    times = os.times()
    return times.children_user + times.children_system


@pytest.mark.parametrize(("moment", "signal_name"), [("importing", "SIGTERM"), ("training", "SIGINT")])
def test_a_signal_stops_a_stage_at_once_with_one_line(workspace, start, signal_name, moment):
    metrics = (workspace / "metrics" / "train_mnist.json").read_bytes()
    checkpoint = workspace / ".checkpoints" / "train-mnist.npz"
    checkpoint.unlink(missing_ok=True)
    process = start()
    if moment == "importing":
        wait_until_it_watches(process.pid)
    else:
        wait_for(checkpoint.exists)
    of_others, until_then = seconds_of_the_ended(), sum(psutil.Process(process.pid).cpu_times()[:2])
    process.send_signal(signal.Signals[signal_name])
    _, errors = process.communicate(timeout=60)
    assert seconds_of_the_ended() - of_others - until_then < SECONDS
    assert errors == f"train-mnist: stopped ({signal_name})\n"
    assert process.returncode == 128 + signal.Signals[signal_name]
    assert (workspace / "metrics" / "train_mnist.json").read_bytes() == metrics


@pytest.mark.parametrize("module", ["tools.experiments.compare", "tools.experiments.gate"])
def test_ctrl_c_while_a_tool_is_imported_is_one_line(module):
    """`-X importtime` tells when the tool's own imports have begun."""
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", module, "--help"],
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # as above
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while "| tools" not in (line := process.stderr.readline()):
        assert line, "it has ended without importing anything"
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    said = [line for line in errors.splitlines() if not line.startswith("import time:")]
    assert (output, said, process.returncode) == ("", ["stopped"], -signal.SIGINT)


def test_ctrl_c_does_not_reach_a_background_job(start):
    """Shells start those with SIGINT ignored, so that Ctrl-C stops what is in front of them."""
    process = start(signal.SIG_IGN)
    wait_until_it_watches(process.pid)
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.0)
    process.terminate()
    assert process.communicate(timeout=30)[1].startswith("train-mnist: stopped (SIGTERM)")


def test_a_stage_does_not_outlive_the_dvc_that_started_it(workspace):
    """Killed, DVC cannot pass anything on; an orphan would write over the outputs of the next run."""
    said = workspace / "said.txt"
    script = (
        "import subprocess, sys; stage = subprocess.Popen([sys.executable, '-m', 'stages.train_mnist'], "
        f"stderr=open({str(said)!r}, 'w')); print(stage.pid, flush=True); stage.wait()"
    )
    environment = os.environ | {"DVC_STAGE": "train-mnist"}
    parent = subprocess.Popen(
        [sys.executable, "-c", script], cwd=workspace, env=environment, stdout=subprocess.PIPE, text=True
    )
    stage = int(parent.stdout.readline())
    wait_until_it_watches(stage, threads=3)
    parent.kill()
    parent.communicate()
    wait_for(lambda: said.read_text() != "")
    assert said.read_text() == "train-mnist: stopped (DVC is gone); `make repro` goes on from here\n"
    wait_for(lambda: not is_running(stage))


def is_running(pid):
    """A zombie, which stays where nobody waits for the orphan, is not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
