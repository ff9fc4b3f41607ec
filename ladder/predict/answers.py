"""How answers leave the program: lines for a terminal, JSON lines or CSV on stdout; what failed on stderr."""

import csv
import io
import json
import os
import signal
import sys
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ladder.files.errors import InputError

FORMATS = ("table", "json", "csv")


class Answer(NamedTuple):
    """One answer in each format: an object for JSON, rows for CSV, lines for a terminal."""

    record: Mapping[str, Any]
    rows: list[Mapping[str, Any]]
    lines: list[str]


def rounded(probabilities: Iterable[float]) -> list[float]:
    """Probabilities with six significant digits, as Python's own numbers."""
    return [float(f"{probability:.6g}") for probability in probabilities]


def printable(text: object) -> str:
    """Text on one line; a terminal obeys control characters, so they are shown as their codes."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))


class AnswerWriter:
    """Writes each answer to stdout at once, so that a program that reads it need not wait for the last.

    Parameters
    ----------
    form : one of `FORMATS`.
    heading : the first line of a table.
    """

    def __init__(self, form: str, heading: str) -> None:
        # A file's name that is not UTF-8 comes out as the escapes that JSON has for it.
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
        self._form, self._heading = form, heading
        self._csv = csv.writer(sys.stdout, lineterminator="\n")
        self._begun = False

    def write(self, answer: Answer) -> None:
        """Write one answer.

        Raises
        ------
        InputError
            The disk is full. Where nobody reads any more, as behind `| head`, the program ends.
        """
        try:
            self._write(answer)
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python flushes stdout once more at its end
            sys.exit(128 + signal.SIGPIPE)
        except OSError as error:
            raise InputError(f"stdout: cannot be written: {error.strerror}") from None

    def _write(self, answer: Answer) -> None:
        first, self._begun = not self._begun, True
        if self._form == "json":
            print(json.dumps(answer.record, ensure_ascii=False))
        elif self._form == "csv":
            if first:
                self._csv.writerow(answer.rows[0])
            self._csv.writerows(row.values() for row in answer.rows)
        else:
            if first:
                print(self._heading)
            for line in answer.lines:
                print(printable(line))


def report(error: InputError) -> None:
    """One line on stderr about an input that has no answer."""
    print("error:", printable(" ".join(str(error).split())), file=sys.stderr, flush=True)
