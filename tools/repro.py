"""`make repro JOBS=3 PULL=1`: DVC's `repro`, safe after any kill, with branches of the pipeline side by side.

    python -m tools.repro [--jobs N] [--pull]

First what a kill has left is mended (tools/mend.py). A second run in the same repository waits for the first.
With --pull, outputs that the default remote holds are fetched, and the others computed.
SIGINT, SIGTERM and SIGHUP end DVC and its stages too. Exit code: DVC's, or 128 and the number of the signal.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from ruamel.yaml import YAML

from stages.core.errors import InputError, run_command
from tools import mend
from tools.stopping import Stopped, exit_with, read_jobs, tick

ROOT = Path(__file__).resolve().parent.parent
MUTEX = Path(".dvc/tmp/repro.lock")
TICK = 0.05  # s
GRACE = 1.0  # s that a stage has to end by itself


def branches(stages: Sequence[str]) -> list[list[str]]:
    """The parts of the pipeline that share no data: the connected components of its graph, in its order."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.repo.graph import get_pipelines

    try:
        parts = get_pipelines(Repo().index.graph)
    except DvcException as error:
        raise InputError(str(error)) from None
    return sorted(
        (sorted((stage.name for stage in part), key=stages.index) for part in parts),
        key=lambda names: stages.index(names[0]),
    )


def check_remote() -> None:
    """Refuse to fetch from no remote, or from one whose objects DVC would take as they are.

    Raises
    ------
    InputError
        There is no default remote, its settings are invalid, or DVC is not told to compare what comes from it
        with the hashes of dvc.lock.
    """
    from dvc.config import Config, ConfigError

    try:
        config = Config.from_cwd()
    except ConfigError as error:
        raise InputError(str(error)) from None
    name = config["core"].get("remote")
    if not name:
        raise InputError("--pull: no remote is set up here; `dvc remote add --default NAME URL` does that")
    if name not in config["remote"]:
        raise InputError(f"--pull: .dvc/config: core.remote: {name!r}: no such remote")
    if not config["remote"][name].get("verify"):
        raise InputError(
            f"--pull: DVC would take damaged objects from remote {name!r}; "
            f"`dvc remote modify {name} verify true` makes it check them"
        )


class Dvc:
    """One `dvc repro`, the leader of a session, by which its stages are reached too."""

    def __init__(self, arguments: Sequence[str], mutex: int, prefix: str = "") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", *arguments],
            start_new_session=True,
            pass_fds=[mutex],  # if this runner is killed alone, the next one waits for DVC
            **({"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} if prefix else {}),
        )
        self._printing = threading.Thread(target=self._print, args=[prefix]) if prefix else None
        if self._printing:
            self._printing.start()

    def _print(self, prefix: str) -> None:
        for line in self.process.stdout:
            print(prefix + line.decode(errors="replace"), end="", flush=True)

    def signal(self, number: int) -> bool:
        """Send a signal to DVC and its stages; False if none is left."""
        self.process.poll()  # a process that nobody has waited for counts as one
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):  # macOS: the latter where only zombies are left
            return False
        return True

    def exit_code(self) -> int | None:
        """None as long as it runs; 128 and the signal's number if one has ended it."""
        code = self.process.poll()
        if code is None:
            return None
        self.signal(signal.SIGKILL)  # a stage that outlives its DVC
        if self._printing:
            self._printing.join()
        return code if code >= 0 else 128 - code


def run(groups: list[Sequence[str]], jobs: int, mutex: int) -> int:
    """Run a DVC with each group of arguments, `jobs` at a time; returns the first exit code that is not 0."""
    waiting = list(enumerate(groups, 1))
    running: list[Dvc] = []
    codes: list[int] = []
    seen = 0  # when dvc.lock was last written
    try:
        while waiting or running:
            tick()
            while waiting and len(running) < jobs:
                number, arguments = waiting.pop(0)
                running.append(Dvc(arguments, mutex, f"{number}| " if len(groups) > 1 else ""))
            time.sleep(TICK)
            now = mend.LOCK.stat().st_mtime_ns if mend.LOCK.exists() else 0
            if now != seen:
                mend.keep_copy()
            seen = now
            ended = [dvc for dvc in running if dvc.exit_code() is not None]
            codes += [dvc.exit_code() for dvc in ended]
            running = [dvc for dvc in running if dvc not in ended]
    finally:
        stop(running)
    return next((code for code in codes if code), 0)


def stop(running: list[Dvc]) -> None:
    """End these DVCs and their stages: politely, then surely."""
    deadline = time.monotonic() + GRACE
    left = [dvc for dvc in running if dvc.signal(signal.SIGTERM)]
    while left and time.monotonic() < deadline:
        time.sleep(TICK)
        left = [dvc for dvc in left if dvc.signal(0)]
    for dvc in left:
        dvc.signal(signal.SIGKILL)


def repro(jobs: int, pull: bool) -> int:
    """Mend, run and tidy up, alone in this repository."""
    if pull:
        check_remote()
    try:
        stages = list(YAML(typ="safe").load(Path("dvc.yaml"))["stages"])
    except Exception:  # DVC says what is wrong with it
        stages = []
    with mend.exclusive(MUTEX, tick, "another `make repro` runs here: waiting for it to end") as mutex:
        mended = mend.mend(tick)
        if mended:
            print("mended: " + "; ".join(mended), flush=True)
        groups = branches(stages) if jobs > 1 and stages else [[]]
        if len(groups) > 1:
            for number, names in enumerate(groups, 1):
                print(f"{number}| {', '.join(names)}", flush=True)
        try:
            code = run([[*(["--pull"] if pull else []), *names] for names in groups], jobs, mutex)
        except Stopped:
            mend.mend(lambda: None)
            raise
        mend.sort_lock(stages, tick)
        return code


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.repro", description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", default="1", metavar="N", help="branches that run side by side")
    parser.add_argument("--pull", action="store_true", help="fetch from the remote what it holds")
    options = parser.parse_args(arguments)
    jobs = read_jobs(options.jobs)
    os.chdir(ROOT)
    exit_with(lambda: repro(jobs, options.pull), "`make repro` goes on from here")


if __name__ == "__main__":
    run_command(main)
