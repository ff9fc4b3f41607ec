"""Real processes joined by JAX: they compute what one computes, and none goes on where one is lost."""

import json
import math
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tools.pipeline.clones import ROOT, change_params

pytestmark = [
    pytest.mark.campaign,
    pytest.mark.skipif(find_spec("jax") is None, reason="JAX is an extra: make distributed-setup"),
    pytest.mark.skipif(sys.platform != "linux", reason="tried on Linux alone"),
]

TRAINING = "tests.processes.joined_training"
LONGEST = 300  # seconds, before a test gives a process up
NOTICED = 120  # seconds, until the others have ended where one is lost


def prepared(folder):
    """Where processes run: with parameters for several."""
    shutil.copy(ROOT / "params.yaml", folder)
    change_params(folder, {"runtime": {"distribution": "data_parallel"}})
    return folder


@pytest.fixture
def folder(tmp_path):
    return prepared(tmp_path)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(folder, index, count, address, module=TRAINING, command=(), **variables):
    """Start one of several processes; `command` is put before it."""
    environment = os.environ | {
        "KERAS_BACKEND": "jax",
        "PYTHONPATH": str(ROOT),
        "PROCESS_INDEX": str(index),
        "PROCESS_COUNT": str(count),
        "COORDINATOR_ADDRESS": address,
        **variables,
    }
    return subprocess.Popen(
        [*command, sys.executable, "-m", module],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end_of(started):
    """(exit code, stdout, stderr) of each."""
    try:
        return [(process.wait(LONGEST), *process.communicate()) for process in started]
    finally:
        for process in started:
            process.kill()


def run(folder, count, **variables):
    """All of `count` processes on this host, to their end, which must be a good one."""
    address = f"127.0.0.1:{free_port()}"
    ends = end_of([start(folder, index, count, address, **variables) for index in range(count)])
    assert [code for code, _, _ in ends] == [0] * count, ends
    assert not any("epoch" in stdout for _, stdout, _ in ends[1:]), "process 0 speaks for all"
    return ends[0][1]


def history(folder):
    return json.loads((folder / "history.json").read_text("utf-8"))


def ended(folder, index=0):
    with np.load(folder / f"ended-{index}.npz") as arrays:
        return dict(arrays)


def assert_close(found, expected):
    """To 2e-6 of the largest: sums of float32 in another order."""
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=2e-6 * max(1, np.abs(values).max()))


@pytest.fixture(scope="module")
def of_one(tmp_path_factory):
    """What one process ends with: history, weights and answers."""
    folder = prepared(tmp_path_factory.mktemp("one"))
    run(folder, 1)
    return history(folder), ended(folder)


@pytest.fixture(scope="module")
def of_three(tmp_path_factory):
    """The folder of three processes that were left alone."""
    folder = prepared(tmp_path_factory.mktemp("three"))
    run(folder, 3)
    return folder


def test_several_processes_learn_what_one_learns(of_three, of_one):
    found = ended(of_three)
    for index in (1, 2):
        for name, values in ended(of_three, index).items():
            np.testing.assert_array_equal(values, found[name])
    assert_close(found, of_one[1])
    assert_close(history(of_three), of_one[0])


@pytest.mark.parametrize(("victim", "stroke"), [(0, signal.SIGKILL), (1, signal.SIGSTOP)])
def test_where_a_process_is_lost_the_others_end_and_all_go_on_from_the_last_epoch(
    folder, of_three, victim, stroke
):
    address = f"127.0.0.1:{free_port()}"
    started = [start(folder, index, 3, address, SECONDS_PER_BATCH="0.5") for index in range(3)]
    while not re.search(r"epoch 2/3", started[0].stdout.readline()):
        assert started[0].poll() is None
    time.sleep(0.7)  # into the third epoch
    started[victim].send_signal(stroke)
    others = [process for process in started if process is not started[victim]]
    codes = [process.wait(NOTICED) for process in others]
    started[victim].kill()
    for process in started:
        process.communicate()
    assert all(code != 0 for code in codes)
    assert re.search("goes on after epoch [12]", run(folder, 3))
    undisturbed = ended(of_three)
    for name, values in ended(folder).items():
        np.testing.assert_array_equal(values, undisturbed[name])
    assert not (folder / ".checkpoints").exists()


def refusals(folder, started):
    """What each process calls an error; nothing may have been written."""
    before = {"params.yaml"}
    ends = end_of(started)
    assert [code for code, _, _ in ends] == [1] * len(ends), ends
    assert {path.name for path in folder.iterdir()} == before
    lines = [re.findall("^error: .*", stderr, re.MULTILINE) for _, _, stderr in ends]
    assert all(len(found) == 1 for found in lines), ends
    return [found[0] for found in lines]


def test_other_data_in_one_process_is_refused_by_all(folder):
    address = f"127.0.0.1:{free_port()}"
    started = [start(folder, index, 2, address, DATA_SEED=str(index)) for index in range(2)]
    assert set(refusals(folder, started)) == {"error: process 1: its data differ from those of process 0"}


@pytest.mark.parametrize(
    ("distribution", "backend", "line"),
    [
        ("none", "jax", "KERAS_BACKEND: jax: runtime.distribution: none needs tensorflow"),
        (
            "data_parallel",
            "tensorflow",
            "KERAS_BACKEND: tensorflow: runtime.distribution: data_parallel needs",
        ),
        (
            "none",
            "tensorflow",
            "params.yaml: runtime.distribution: none: for one process, and this is number 1",
        ),
    ],
)
def test_backend_and_distribution_must_fit(folder, distribution, backend, line):
    change_params(folder, {"runtime": {"distribution": distribution}})
    (refusal,) = refusals(folder, [start(folder, 1, 2, "127.0.0.1:7171", KERAS_BACKEND=backend)])
    assert refusal.startswith(f"error: {line}")


@pytest.fixture
def two_hosts():
    """Two network namespaces with an address each: the commands that run a program there.

    In each the host's name stands for its address, as on the hosts of a cluster.
    """
    names, addresses = [f"ladder-{os.getpid()}-{end}" for end in "ab"], ["10.217.0.1", "10.217.0.2"]

    def ip(*arguments):
        return subprocess.run(["ip", *arguments], check=True, capture_output=True)

    try:
        for name in names:
            ip("netns", "add", name)
        ends = [f"ld{os.getpid() % 100000}{end}" for end in "ab"]
        ip("link", "add", ends[0], "netns", names[0], "type", "veth", "peer", ends[1], "netns", names[1])
        for name, end, address in zip(names, ends, addresses, strict=True):
            ip("-n", name, "address", "add", f"{address}/24", "dev", end)
            ip("-n", name, "link", "set", end, "up")
            ip("-n", name, "link", "set", "lo", "up")  # by it a host reaches its own address
            names_there = Path("/etc/netns", name, "hosts")
            names_there.parent.mkdir(parents=True)
            names_there.write_text(f"127.0.0.1 localhost\n{address} {socket.gethostname()}\n")
    except (OSError, subprocess.CalledProcessError):
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        pytest.skip("no network namespaces can be made here")
    yield [(["ip", "netns", "exec", name], address) for name, address in zip(names, addresses, strict=True)]
    for name in names:
        ip("netns", "del", name)
        shutil.rmtree(Path("/etc/netns", name))


def test_two_hosts_with_their_own_addresses_learn_what_one_learns(folder, of_one, two_hosts):
    address = f"{two_hosts[0][1]}:7171"
    started = [start(folder, index, 2, address, command=host) for index, (host, _) in enumerate(two_hosts)]
    assert [code for code, _, _ in end_of(started)] == [0, 0]
    assert_close(ended(folder), of_one[1])
    assert_close(history(folder), of_one[0])


@pytest.fixture(scope="module")
def workspace(ran_once):
    """A clone in which the stages before those that several processes share have run."""
    folder = ran_once("whole")
    # 100 images in batches of 30: neither batches nor their number can be halved.
    changes = {"vgg": {"batch_size": 30}, "finetune": {"schedule": "cosine", "epochs": 2, "batch_size": 30}}
    change_params(folder, changes | {"runtime": {"precision": "float32", "distribution": "data_parallel"}})
    return folder


def test_the_stages_of_three_processes_write_what_those_of_one_write(workspace):
    written = []
    for count in (1, 3):
        for module in ("stages.extract_vgg_features", "stages.finetune_vgg"):
            run(workspace, count, module=module)
        metrics = json.loads((workspace / "metrics/finetune_vgg.json").read_text("utf-8"))
        files = [path.read_bytes() for path in sorted((workspace / "data/vgg-features").iterdir())]
        written.append((files, metrics, (workspace / "plots/finetune_vgg/curves.csv").read_text("utf-8")))
    (of_one, metrics, curves), (of_three, found, other_curves) = written
    assert of_three == of_one
    assert found.keys() == metrics.keys()
    for name, value in metrics.items():
        # The file rounds each number, which may part two by a unit of the sixth digit.
        unit = 10.0 ** (math.floor(math.log10(abs(value))) - 5) if value else 0.0
        assert abs(found[name] - value) <= 2e-6 * max(1, abs(value)) + unit, name
    values, expected = (np.loadtxt(text.splitlines()[1:], delimiter=",") for text in (other_curves, curves))
    np.testing.assert_allclose(values, expected, rtol=1e-5)
