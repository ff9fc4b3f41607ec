"""Kills of a running pipeline: of the runner, of DVC and of the stage, all at once."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from tools.pipeline.clones import environment, tree
from tools.pipeline.repro import TEMPORARY

LOG = Path(".dvc/tmp/killed.log")


class Run:
    """One start of the runner in a clone."""

    def __init__(self, clone: Path) -> None:
        self.clone = clone
        (clone / LOG).parent.mkdir(parents=True, exist_ok=True)
        with (clone / LOG).open("wb") as log:
            self.runner = subprocess.Popen(
                [sys.executable, "-m", "tools.pipeline.repro"],
                cwd=clone,
                env=environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._dvc: int | None = None
        self._looked = 0.0

    def log(self) -> str:
        return (self.clone / LOG).read_text("utf-8", errors="replace")

    def ended(self) -> bool:
        """Whether it has ended by itself; looks for the process of DVC meanwhile, to hit it at once."""
        if self._dvc is None and time.monotonic() > self._looked + 0.1:
            self._looked = time.monotonic()
            with contextlib.suppress(psutil.Error):  # one has just ended
                children = psutil.Process(self.runner.pid).children()
                self._dvc = next((child.pid for child in children if "dvc" in child.cmdline()), None)
        return self.runner.poll() is not None

    def kill(self) -> None:
        """SIGKILL to the runner, to DVC and to the stage, until none is left."""
        for group in filter(None, (self._dvc, self.runner.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        self.runner.wait()
        while left := list(processes_in(self.clone)):
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended by itself
                    process.kill()
            psutil.wait_procs(left, timeout=1)


def processes_in(folder: Path) -> Iterator[psutil.Process]:
    """Processes whose current folder is this one."""
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()) == folder and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except psutil.Error:
            continue


def temporaries(folder: Path) -> list[str]:
    return [path.name for path in tree(folder) if any(map(TEMPORARY.fullmatch, path.parts))]
