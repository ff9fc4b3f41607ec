"""What the make targets run."""

import sys
from types import TracebackType


def _in_one_line(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print("stopped", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


# Ctrl-C while a tool is still being imported; later it is for `run_command`.
sys.excepthook = _in_one_line
