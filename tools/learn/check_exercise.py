"""`make check N=3`: the tests of a function of the library judge what you wrote in its place.

    python -m tools.learn.check_exercise N

The module in exercises/N/ is imported under the name of the real one, and pytest runs the real one's tests on
it. The first that fails is shown. Exit code 0: all pass; 1: one fails.
"""

import argparse
import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import sys
from pathlib import Path

import pytest

from ladder.files.errors import InputError, run_command
from tools.learn.exercise_table import Exercise
from tools.learn.exercises import ROOT, find


class Answer(importlib.abc.MetaPathFinder):
    """Imports a module from the learner's file."""

    def __init__(self, module: str, file: Path) -> None:
        self.module, self.file = module, file

    def find_spec(self, fullname: str, path, target=None) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.module:
            return None
        return importlib.util.spec_from_file_location(fullname, self.file)


class Verdict:
    """What pytest reports: how many tests pass, and the first that does not."""

    def __init__(self) -> None:
        self.passed, self.failure = 0, ""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report, "the file cannot be imported")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.passed += report.when == "call" and report.passed
        self._note(report, report.nodeid)

    def _note(self, report: pytest.CollectReport | pytest.TestReport, title: str) -> None:
        if report.failed and not self.failure:
            printed = f"\nprinted:\n{report.capstdout}" if report.capstdout else ""
            self.failure = f"{title}\n{report.longreprtext.strip()}{printed}"


def judge(exercise: Exercise, file: Path) -> Verdict:
    """Run the tests of the real function on the learner's file, up to the first that fails."""
    sys.dont_write_bytecode = True  # two edits within a second have the same time stamp
    sys.meta_path.insert(0, Answer(exercise.module, file))
    verdict, said = Verdict(), io.StringIO()
    options = ["--exitfirst", "--tb=short", "-p", "no:cacheprovider", "--rootdir", str(ROOT)]
    with contextlib.redirect_stdout(said):
        code = pytest.main([*options, *(str(ROOT / test) for test in exercise.tests)], plugins=[verdict])
    if not verdict.failure and (code or not verdict.passed):
        raise RuntimeError(f"pytest could not run, exit code {code}\n{said.getvalue()}")
    return verdict


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.learn.check_exercise", description=__doc__.splitlines()[0]
    )
    parser.add_argument("number", metavar="N", nargs="?", default="")
    number = parser.parse_args(arguments).number
    exercise, file = find(number)
    if not (ROOT / file).is_file():
        raise InputError(f"{file}: no such file; `make exercise N={number}` lays it out")
    verdict = judge(exercise, ROOT / file)
    if verdict.failure:
        print(f"exercise {number} is not solved yet: {verdict.failure}")
        sys.exit(1)
    passed = f"{verdict.passed} tests pass on your `{exercise.function}`"
    print(f"exercise {number} is solved: {passed}; compare it with {exercise.source}")


if __name__ == "__main__":
    run_command(main)
