"""`make repro PULL=1`: DVC's `repro`, safe after any kill.

    python -m tools.pipeline.repro [--pull]

First what a kill has left is mended (tools/pipeline/mend.py). A second run in the same repository waits for
the first.
With --pull, outputs that the default remote holds are fetched, and the others computed.
SIGINT, SIGTERM and SIGHUP end DVC and its stages too. Exit code: DVC's, or 128 and the number of the signal.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ladder.files.errors import InputError, run_command
from tools.pipeline import mend

ROOT = Path(__file__).resolve().parents[2]
MUTEX = Path(".dvc/tmp/repro.lock")
TICK = 0.05  # s
GRACE = 1.0  # s that a stage has to end by itself
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """A signal asks to stop; its number is the argument."""


received: list[int] = []


def tick() -> None:
    """Raise `Stopped` if a signal has arrived: only here, so that no process is lost from sight."""
    if received:
        raise Stopped(received[0])


def exit_with(work: Callable[[], int], goes_on: str) -> None:
    """Exit with the code that `work` returns, or with 128 and the number of the signal that `tick` found.

    Parameters
    ----------
    goes_on : said of a stop: how to go on.
    """
    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # as nohup has set it
            signal.signal(number, lambda number, frame: received.append(number))
    try:
        code = work()
    except Stopped as stopped:
        print(f"stopped by {signal.Signals(stopped.args[0]).name}; {goes_on}", file=sys.stderr)
        code = 128 + stopped.args[0]
    sys.exit(code)


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


def end(dvc: subprocess.Popen) -> None:
    """End what is left of DVC and its stages: politely, then surely."""
    with suppress(ProcessLookupError, PermissionError):  # none is left; on macOS the latter: only zombies
        if dvc.poll() is None:
            os.killpg(dvc.pid, signal.SIGTERM)
            deadline = time.monotonic() + GRACE
            while time.monotonic() < deadline:
                time.sleep(TICK)
                dvc.poll()  # a process that nobody has waited for counts as one
                os.killpg(dvc.pid, 0)
        os.killpg(dvc.pid, signal.SIGKILL)  # a stage that outlives its DVC, too


def run(options: list[str], mutex: int) -> int:
    """Run `dvc repro`, and copy dvc.lock as often as it is written; returns the exit code.

    DVC leads a session of its own, by which its stages are reached too.
    """
    dvc = subprocess.Popen(
        [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", *options],
        start_new_session=True,
        pass_fds=[mutex],  # if this runner is killed alone, the next one waits for DVC
    )
    copied = 0  # of which time
    try:
        while dvc.poll() is None:
            tick()
            time.sleep(TICK)
            written = mend.LOCK.stat().st_mtime_ns if mend.LOCK.exists() else 0
            if written != copied:
                mend.keep_copy()
            copied = written
    finally:
        end(dvc)
    return dvc.returncode if dvc.returncode >= 0 else 128 - dvc.returncode


def repro(pull: bool) -> int:
    """Mend and run, alone in this repository."""
    if pull:
        check_remote()
    with mend.exclusive(MUTEX, tick, "another `make repro` runs here: waiting for it to end") as mutex:
        if mended := mend.mend(tick):
            print("mended: " + "; ".join(mended), flush=True)
        try:
            code = run(["--pull"] if pull else [], mutex)
        except Stopped:
            mend.mend(lambda: None)
            raise
        mend.keep_copy()
        return code


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.pipeline.repro", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--pull", action="store_true", help="fetch from the remote what it holds")
    pull = parser.parse_args(arguments).pull
    os.chdir(ROOT)
    exit_with(lambda: repro(pull), "`make repro` goes on from here")


if __name__ == "__main__":
    run_command(main)
