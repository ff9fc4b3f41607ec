"""Programs that start others and, told to stop, first end what they have started."""

import signal
import sys
from collections.abc import Callable

from ladder.files.errors import InputError

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


def read_jobs(text: str) -> int:
    """The value of --jobs.

    Raises
    ------
    InputError
        It is no whole number from 1 on.
    """
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"--jobs {text!r}: a whole number from 1 on")
    return int(text)
