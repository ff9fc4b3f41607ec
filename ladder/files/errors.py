"""Expected errors: bad parameters, bad data, missing files, no room. One line each, never a traceback."""

import errno
import getpass
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# What a disk may say of a file: the user has to make room, to give leave, or to look after the disk.
NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
NO_LEAVE = {errno.EROFS, errno.EACCES, errno.EPERM}
BROKEN = {errno.EIO}


class InputError(Exception):
    """Something the user can mend. The message names the file, the row or key, and what is allowed."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """An error of the disk while a file is read names it; by itself only one of opening it does."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or path
        raise


def run_command(command: Callable[[], None]) -> None:
    """Run a program's `main`; an `InputError` becomes one line on stderr and exit code 1.

    So does a lack of memory, of room on a disk, or of leave to use a file, and a disk that fails. Any other
    exception is a bug and keeps its traceback. Told to end, the program leaves its `with` blocks on the way
    out, as after Ctrl-C, so that its temporary files go.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, lambda number, frame: sys.exit(128 + number))
    _name_the_user()
    try:
        command()
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if isinstance(error, InputError):
            message = str(error)
        elif _lacks_memory(error):
            message = f"not enough memory: {error}"[:300]
        elif refusal := _refusal_of_disk(error):
            message = refusal
        else:
            raise
        line = " ".join(message.split())
        shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)  # a terminal obeys the others
        print("error:", shown, file=sys.stderr)
        sys.exit(1)


def _name_the_user() -> None:
    """DVC asks for the user's name, and a container's user may have none: then the number serves."""
    try:
        getpass.getuser()
    except (KeyError, OSError):  # the latter from Python 3.13 on
        os.environ["USER"] = str(os.getuid())


def _lacks_memory(error: Exception) -> bool:
    """Whether NumPy or TensorFlow, if that is loaded, could not allocate an array."""
    tensorflow = sys.modules.get("tensorflow")
    return isinstance(error, MemoryError) or (
        tensorflow is not None and isinstance(error, tensorflow.errors.ResourceExhaustedError)
    )


def _refusal_of_disk(error: Exception) -> str | None:
    """What a disk has against a file, and what helps; None for any other error, such as of a port."""
    if not isinstance(error, OSError):
        return None
    place = error.filename2 or error.filename
    if error.errno in NO_ROOM:
        return f"{place or 'disk'}: {os.strerror(error.errno)}; make room there"
    if error.errno in NO_LEAVE and place:
        return f"{place}: {os.strerror(error.errno)}; get leave for it, or work in a git clone of your own"
    if error.errno in BROKEN:
        return f"{place or 'disk'}: {os.strerror(error.errno)}; the disk may be damaged"
    return None


def run_stage(stage: Callable[[], None]) -> None:
    """`run_command` for a stage's `main`; says in the end how long it took, imports aside."""
    start = time.perf_counter()
    run_command(stage)
    name = Path(sys.argv[0]).stem.replace("_", "-")
    print(f"{name}: {time.perf_counter() - start:.1f} s", flush=True)
