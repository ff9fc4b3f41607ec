"""Expected errors: bad parameters, bad data, missing files. One line each, never a traceback."""

import sys
from collections.abc import Callable


class InputError(Exception):
    """Something the user can mend. The message names the file, the row or key, and what is allowed."""


def run_stage(stage: Callable[[], None]) -> None:
    """Run a stage's `main`; an `InputError` becomes one line on stderr and exit code 1.

    Any other exception is a bug and keeps its traceback.
    """
    try:
        stage()
    except InputError as error:
        line = " ".join(str(error).split())
        print(f"error: {line}", file=sys.stderr)
        sys.exit(1)
