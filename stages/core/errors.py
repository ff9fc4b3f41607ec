"""Expected errors: bad parameters, bad data, missing files. One line each, never a traceback."""

import sys
import time
from collections.abc import Callable
from pathlib import Path


class InputError(Exception):
    """Something the user can mend. The message names the file, the row or key, and what is allowed."""


def run_command(command: Callable[[], None]) -> None:
    """Run a program's `main`; an `InputError` becomes one line on stderr and exit code 1.

    Any other exception is a bug and keeps its traceback.
    """
    try:
        command()
    except InputError as error:
        line = " ".join(str(error).split())
        print(f"error: {line}", file=sys.stderr)
        sys.exit(1)


def run_stage(stage: Callable[[], None]) -> None:
    """`run_command` for a stage's `main`; says in the end how long it took, imports aside."""
    start = time.perf_counter()
    run_command(stage)
    name = Path(sys.argv[0]).stem.replace("_", "-")
    print(f"{name}: {time.perf_counter() - start:.1f} s", flush=True)
