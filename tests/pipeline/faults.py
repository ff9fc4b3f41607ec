"""Runs of a stage in which one of the calls that change the project's folder fails.

    python -m tests.pipeline.faults STAGE LIBRARY

imports the stage of the current folder once. Then it forks for each request on stdin, since the imports take
longer than a tiny stage. `Stage` speaks with it. The library is faults.c.
"""

import contextlib
import ctypes
import errno
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, NamedTuple, Self

from ladder.files.errors import InputError, run_stage
from ladder.training import checkpoints
from tools.pipeline.clones import environment

READ = "EIO-read"  # of a call that reads; the other kinds are of those that change the folder
KINDS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "SIGKILL": 0, READ: errno.EIO}
THREADED = ("TF_NUM_INTRAOP", "TF_NUM_INTEROP", "OMP_NUM", "OPENBLAS_NUM")
SOURCE = Path(__file__).with_suffix(".c")


def build(folder: Path) -> Path:
    """Compile the library.

    Raises
    ------
    InputError
        There is no C compiler.
    """
    if not shutil.which("cc"):
        raise InputError("cc: no such command; install a C compiler")
    library = folder / "faults.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    return library


class Outcome(NamedTuple):
    """How a run of a stage ended."""

    code: int  # negative: the signal that ended it
    out: str
    err: str
    calls: list[str]  # those that change the folder, or read there, each with its path, up to the end


class Stage:
    """A process that runs one stage in a copy of the repository, as often as it is asked to."""

    def __init__(self, name: str, folder: Path, library: Path) -> None:
        self.name = name
        settings = {"LD_PRELOAD": str(library), "PYTHONDONTWRITEBYTECODE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        threads = {f"{of}_THREADS": "1" for of in THREADED}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.pipeline.faults", name, str(library)],
            cwd=folder,
            env=environment() | settings | threads,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, call: int = 0, kind: str = "ENOSPC") -> Outcome:
        """Run the stage; its call number `call`, counted from 1, fails in this way."""
        assert self._process.stdin and self._process.stdout
        print(call, KINDS[kind], int(kind == READ), file=self._process.stdin, flush=True)
        return Outcome(**json.loads(self._process.stdout.readline()))


def run_child(module: Any, library: Path, call: int, fault: int, reads: int) -> Outcome:
    """Fork, and run the stage in the child."""
    with contextlib.ExitStack() as stack:
        out, err, notes = (stack.enter_context(tempfile.TemporaryFile("a+b", 0)) for _ in range(3))
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            code = 1
            try:
                ctypes.CDLL(library).arm(bytes(Path.cwd()), ctypes.c_long(call), fault, reads, notes.fileno())
                run_stage(module.main)
                code = 0
            except SystemExit as stopped:
                code = stopped.code
            except BaseException:
                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = []
        for file in (out, err, notes):
            file.seek(0)
            texts.append(file.read().decode())
    return Outcome(code, texts[0], texts[1], texts[2].splitlines())


def main() -> None:
    name, library = sys.argv[1:]
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what imports print is no reply
    sys.argv = [f"stages/{name.replace('-', '_')}.py"]
    checkpoints.SHARE = 0  # one after each epoch, however long writing takes
    module = importlib.import_module("stages." + name.replace("-", "_"))
    for line in sys.stdin:
        call, fault, reads = map(int, line.split())
        print(
            json.dumps(run_child(module, Path(library), call, fault, reads)._asdict()),
            file=replies,
            flush=True,
        )


if __name__ == "__main__":
    main()
