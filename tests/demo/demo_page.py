"""The demo page as a process of its own, in a folder with tiny models."""

import os
import signal
import socket
import subprocess
import sys

import numpy as np

from tests.experiments.test_compare import git, write_predictions
from tests.imports import ROOT
from tools.demo.__main__ import HOST
from tools.experiments.compare import TOLERANCES

PROXIES = {"all_proxy": "socks5://127.0.0.1:9", "no_proxy": "example.org"}  # as behind a company's wall
SECONDS = 300  # at most, until something shows: the machine may be busy


def unused_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def start_page(folder, port):
    """The real program in `folder`, once it says its address; and what it had said before."""
    (folder / "temporary").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.demo", "--port", str(port)],
        cwd=folder,
        env=os.environ | PROXIES | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "temporary")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # as a script's background job
    )
    said = []
    for line in process.stdout:
        said.append(line.rstrip("\n"))
        if "the page is at" in line:
            return process, said
    raise AssertionError(f"{said} {process.communicate()}")


def stop_page(process):
    """What a page that is told to stop says last on stdout and on stderr."""
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=SECONDS)


def make_models(folder):
    """Random models of every kind in `folder`, the current one, and a repository with predictions."""
    from tests.tiny_models import write_driver_classifier, write_small_models

    write_small_models(folder)
    write_driver_classifier(folder)
    (folder / TOLERANCES).parent.mkdir(parents=True)
    (folder / TOLERANCES).write_bytes((ROOT / TOLERANCES).read_bytes())
    git("init", "-q", "-b", "main")
    write_predictions(np.arange(40) % 4 > 0)
    git("add", "plots")
    git("commit", "-qm", "state")
