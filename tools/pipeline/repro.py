"""`make repro`: repair what a kill or a merge has left of DVC's files, then run `dvc repro`.

    python -m tools.pipeline.repro [OPTION OF DVC ...]

DVC writes dvc.lock and .dvc/tmp/rwlock in place. A kill can leave a part of them, or locks of a process that
is gone and whose number another one may get. Stages and DVC write outputs under a temporary name beside them,
which then stays. What has run since the dvc.lock of git's HEAD, DVC finds in its cache of runs.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from dvc.exceptions import DvcException
from dvc.lock import LockError
from dvc.repo import Repo
from dvc.utils.serialize import YAMLError, parse_yaml

from ladder.files.errors import InputError, run_command
from ladder.files.outputs import replacing
from tools.pipeline.git import ask
from tools.pipeline.inputs import check_inputs

ROOT = Path(__file__).resolve().parents[2]
LOCK, RWLOCK = Path("dvc.lock"), Path(".dvc/tmp/rwlock")
WRITTEN = ("data", "models", "metrics", "plots", "report", ".checkpoints", ".dvc/cache")
# .NAME.PID.tmp, with a suffix or .old, is a stage's (ladder/files/outputs.py); .TOKEN.tmp is DVC's.
TEMPORARY = re.compile(r"\..+?(\.(?P<pid>\d+))?(\.old)?\.tmp(\.[^.]+)?")

received: list[int] = []  # numbers of signals that ask to stop


def is_whole(lock: bytes) -> bool:
    """Whether dvc.lock is as DVC wrote it, or lacks only entries, which DVC finds missing and adds again.

    A dvc.lock cut short can be valid YAML. DVC would not add a size, which comes last in an entry.
    """
    try:
        stages = (parse_yaml(lock.decode(), LOCK) or {})["stages"].values()
        files = [file for stage in stages for kind in ("deps", "outs") for file in stage.get(kind, [])]
        sized = all("size" in file and ("nfiles" in file or ".dir" not in file["md5"]) for file in files)
    except (UnicodeDecodeError, YAMLError, KeyError, TypeError, AttributeError):
        return False
    return lock.endswith(b"\n") and sized


def committed_lock() -> bytes:
    """dvc.lock of git's HEAD; empty if there is none."""
    return ask(Path(), "show", f"HEAD:./{LOCK}").stdout.encode()


def mend_lock() -> list[str]:
    if not LOCK.exists() or is_whole(LOCK.read_bytes()):
        return []
    if not is_whole(committed := committed_lock()):
        LOCK.unlink()
        return ["dvc.lock was not whole: removed, for DVC to write it anew"]
    with replacing(LOCK) as temporary:
        temporary.write_bytes(committed)
    return ["dvc.lock was not whole: restored from git's HEAD"]


def processes_here() -> dict[int, list[str]]:
    """Number and command line of each process in this repository or below, as far as they may be seen."""
    found = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(Path.cwd()):
                found[process.pid] = process.cmdline()
    return found


def is_dvc(command: list[str]) -> bool:
    return "dvc" in [Path(part).name for part in command[:3]]


def names_paths(rwlock: bytes) -> bool:
    """Whether DVC's list of locked paths has entries, or is damaged."""
    try:
        return any(json.loads(rwlock).values())
    except (ValueError, AttributeError):
        return True


def sweep() -> list[str]:
    """Remove DVC's list of locked paths and all temporary files, unless a process of theirs is alive."""
    if running():
        return []
    here = processes_here()
    said = []
    if RWLOCK.exists() and names_paths(RWLOCK.read_bytes()):
        RWLOCK.unlink()
        said.append("locks of a killed DVC removed")
    beside = [*Path().glob(".*"), *(path for folder in WRITTEN for path in Path(folder).rglob(".*"))]
    found = [(path, fits["pid"]) for path in beside if (fits := TEMPORARY.fullmatch(path.name))]
    left = [path for path, pid in found if not (pid and int(pid) in here)]
    for path in left:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)  # it went with its folder
    return said + [f"{len(left)} temporary file{'s' * (len(left) > 1)} removed"] * bool(left)


def running() -> list[list[str]]:
    """The command line of each DVC in this repository or below."""
    return [command for command in processes_here().values() if is_dvc(command)]


@contextmanager
def alone() -> Iterator[None]:
    """Hold DVC's lock on this repository, the current folder, once no `dvc repro` runs here.

    Raises
    ------
    InputError
        The lock stays, though no DVC of this machine holds it: one by hard links does so after a kill.
    """
    said, unexplained = False, 0
    while True:
        lock = Repo().lock
        try:
            lock.lock()
        except LockError:
            unexplained = 0 if running() else unexplained + 1  # it may have ended just now
            if unexplained == 3:
                raise InputError(
                    ".dvc/tmp/lock: taken, but not by a DVC of this machine; if none runs elsewhere, "
                    "`rm .dvc/tmp/lock .dvc/tmp/rwlock.lock`"
                ) from None
        else:
            try:
                if not any("repro" in command for command in running()):
                    yield
                    return
            finally:
                lock.unlock()
        if received:
            sys.exit(128 + received[0])
        if running() and not said:
            print("another DVC runs here: waiting for it to end", flush=True)
            said = True
        time.sleep(0.5)


def start(options: list[str]) -> subprocess.Popen:
    """Mend, then start `dvc repro`, which leads a session: by that its stages are reached too."""
    with alone():
        if mended := mend_lock() + sweep():
            print("mended: " + "; ".join(mended), flush=True)
        check_inputs(Repo())
        command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", *options]
        return subprocess.Popen(command, start_new_session=True)


def main() -> None:
    os.chdir(ROOT)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # as nohup has set it
            signal.signal(number, lambda number, frame: received.append(number))
    try:
        dvc = start(sys.argv[1:])
    except DvcException as error:
        raise InputError(str(error)) from None
    while (code := dvc.poll()) is None:
        if received:
            dvc.terminate()
        time.sleep(0.05)
    with suppress(ProcessLookupError, PermissionError):  # none is left; on macOS the latter: only zombies
        os.killpg(dvc.pid, signal.SIGKILL)  # a stage that outlives its DVC
    if received:
        with alone():
            mend_lock() + sweep()
        name = signal.Signals(received[0]).name
        print(f"stopped by {name}; `make repro` goes on from here", file=sys.stderr)
        code = -received[0]
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    run_command(main)
