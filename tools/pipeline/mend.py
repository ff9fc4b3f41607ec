"""What a kill can leave of a run of the pipeline, or a merge of dvc.lock, and its mend.

DVC writes dvc.lock and .dvc/tmp/rwlock in place. Killed meanwhile, it leaves a part of them; killed at any
other time, entries in rwlock that name its process, whose number another process may get. Stages and DVC
write outputs under a temporary name beside them, which stays.
"""

import fcntl
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from dvc.utils.serialize import YAMLError, dumps_yaml, parse_yaml
from voluptuous import Invalid

LOCK = Path("dvc.lock")
COPY = Path(".dvc/tmp/dvc.lock.whole")
RWLOCK = Path(".dvc/tmp/rwlock")
DVC_MUTEX = Path(".dvc/tmp/lock")
WRITTEN = ("data", "models", "metrics", "plots", "report", ".checkpoints", ".dvc/cache")
# .NAME.PID.tmp, with a suffix or .old, is a stage's (ladder/files/outputs.py); .TOKEN.tmp is DVC's.
TEMPORARY = re.compile(r"\..+?(\.(?P<pid>\d+))?(\.old)?\.tmp(\.[^.]+)?")


@contextmanager
def exclusive(path: Path, tick: Callable[[], None], waiting: str) -> Iterator[int]:
    """Hold a lock file, which the kernel frees when its last holder dies; yields its file descriptor.

    Parameters
    ----------
    tick : called several times a second meanwhile; it may raise.
    waiting : printed once if another process holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        said = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not said:
                    print(waiting, flush=True)
                said = True
            tick()
            time.sleep(0.1)
        yield file.fileno()


def is_whole(lock: bytes) -> bool:
    """Whether dvc.lock is as DVC wrote it, or lacks only what DVC finds missing and adds again.

    A dvc.lock cut short can be valid. DVC runs a stage again, or takes it from its cache of runs, if an entry
    or an output's hash is missing; but it never looks at sizes, which follow the hash.
    """
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA  # seldom needed, and slow to import

    try:
        content = COMPILED_LOCKFILE_SCHEMA(parse_yaml(lock.decode(), LOCK))
    except (UnicodeDecodeError, YAMLError, Invalid):
        return False
    files = [
        file
        for stage in content.get("stages", {}).values()
        for kind in ("deps", "outs")
        for file in stage.get(kind, [])
    ]
    return lock.endswith(b"\n") and all(
        "size" in file and ("nfiles" in file or not file["md5"].endswith(".dir"))
        for file in files
        if "md5" in file
    )


def write(path: Path, content: bytes) -> None:
    from ladder.files.outputs import replacing  # seldom needed, and slow to import

    with replacing(path) as temporary:
        temporary.write_bytes(content)


def keep_copy() -> bool:
    """Copy dvc.lock to .dvc/tmp/, if it is whole and not copied yet; returns whether it is whole."""
    try:
        lock = LOCK.read_bytes()
    except FileNotFoundError:
        return False
    if COPY.exists() and COPY.read_bytes() == lock:
        return True
    if not is_whole(lock):
        return False
    write(COPY, lock)
    return True


def in_git(revision: str) -> bytes:
    """dvc.lock of a revision, or of a side of a merge; empty if there is none."""
    return subprocess.run(["git", "show", f"{revision}:./{LOCK}"], capture_output=True, check=False).stdout


def merge_lock() -> bytes:
    """dvc.lock of the merge that is going on: each stage as the side has it that changed it.

    Where both sides did, it is ours: DVC sees whether that fits the merged parameters and files. Empty if git
    has nothing left to merge in dvc.lock.
    """
    versions = [in_git(f":{number}") for number in (1, 2, 3)]
    if not all(map(is_whole, versions)):
        return b""
    base, ours, theirs = (parse_yaml(version.decode(), LOCK)["stages"] for version in versions)
    sides = {name: theirs if ours.get(name) == base.get(name) else ours for name in ours | theirs}
    stages = {name: side[name] for name, side in sides.items() if name in side}
    return dumps_yaml({"schema": "2.0", "stages": stages}).encode()


def mend_lock() -> list[str]:
    """Put a merged dvc.lock in place of one with conflicts, and the last whole one in place of a part of one.

    The latter may be older: what has run since then, DVC finds in its cache of runs.
    """
    if not LOCK.exists() or keep_copy():
        return []
    if merged := merge_lock():
        write(LOCK, merged)
        return ["dvc.lock was in conflict: each stage taken from the side that changed it"]
    for source, content in (
        ("its last whole copy", COPY.read_bytes() if COPY.exists() else b""),
        ("git's HEAD", in_git("HEAD")),
    ):
        if is_whole(content):
            write(LOCK, content)
            return [f"dvc.lock was cut short: restored from {source}"]
    LOCK.unlink()
    return ["dvc.lock was cut short: removed, for DVC to write it anew"]


def runs_here(process: psutil.Process, program: str) -> bool:
    """Whether a process is `program` (such as dvc), started in this repository."""
    try:
        command = [Path(part).name for part in process.cmdline()[:3]]
        return program in command and Path(process.cwd()).is_relative_to(Path.cwd())
    except psutil.Error:
        return False


def is_stage(pid: int) -> bool:
    try:
        return any(part.startswith("stages.") for part in psutil.Process(pid).cmdline())
    except psutil.Error:
        return False


def possible_temporaries() -> Iterator[Path]:
    """What lies where stages and DVC write, folders before what they hold."""
    yield from Path().iterdir()
    for folder in WRITTEN:
        for parent, folders, files in os.walk(folder):
            yield from (Path(parent, name) for name in [*folders, *files])
            folders[:] = [name for name in folders if Path(parent, name).exists()]


def sweep() -> list[str]:
    """Remove DVC's list of locked paths and all temporary files, unless a process of theirs is alive."""
    if any(runs_here(process, "dvc") for process in psutil.process_iter()):
        return []
    said = []
    if RWLOCK.exists():
        try:
            held = RWLOCK.read_text("utf-8") not in ("{}", '{"write": {}, "read": {}}')
        except UnicodeDecodeError:
            held = True
        RWLOCK.unlink()
        if held:
            said.append("locks of a killed DVC removed")
    count = 0
    for path in possible_temporaries():
        fits = TEMPORARY.fullmatch(path.name)
        if fits and not (fits["pid"] and is_stage(int(fits["pid"]))):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            count += 1
    if count:
        said.append(f"{count} temporary file{'s' * (count > 1)} removed")
    return said


def mend(tick: Callable[[], None]) -> list[str]:
    """Mend this repository, the current folder; returns what was mended, in words."""
    with exclusive(DVC_MUTEX, tick, "waiting for another DVC process here"):
        return mend_lock() + sweep()
