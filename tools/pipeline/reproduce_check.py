"""`make reproduce-check`: the pipeline runs in two fresh clones, and must write the same bytes in both.

    python -m tools.pipeline.reproduce_check [--precision float32] [--tiny]

The clones are of the last commit, with the committed parameters and all cores; --precision sets another
precision than the committed one, in clones of the working tree. With --tiny the parameters are tiny, and a
pair of clones runs in each of float32 and bfloat16, on each of one core and two. Compared are dvc.lock and
every file, models and pictures included. Exit code 1 if any differs.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ladder.files.errors import InputError, run_command
from tools.pipeline.clones import ROOT, TINY, differences, make_origin, run_pipeline


class Case(NamedTuple):
    """What a pair of clones has in common beside the parameters; None: as it is without asking."""

    precision: str | None = None
    cores: int | None = None

    def __str__(self) -> str:
        cores = "all cores" if self.cores is None else f"{self.cores} core{'s' * (self.cores > 1)}"
        return f"{self.precision or 'the committed precision'}, {cores}"


PRECISIONS = ("float32", "mixed_bfloat16")
TINY_CASES = tuple(Case(precision, cores) for precision in PRECISIONS for cores in (1, 2))


@contextmanager
def on_cores(count: int | None) -> Iterator[None]:
    """What is started in this block runs on `count` cores of the machine, or on all.

    Raises
    ------
    InputError
        There are fewer, or the system cannot bind a process to some.
    """
    if count is None:
        yield
        return
    if not hasattr(os, "sched_setaffinity"):
        raise InputError("this system cannot keep a process on some of its cores; Linux can")
    before = os.sched_getaffinity(0)
    if len(before) < count:
        raise InputError(f"{count} cores are to be compared; there are {len(before)}")
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def check_pairs(cases: Sequence[Case], tiny: bool, folder: Path) -> list[str]:
    """Run the pipeline twice per case in clones below `folder`; a line for each file that differs."""
    found = []
    for number, case in enumerate(cases):
        origin, *pair = (folder / f"{number}-{name}" for name in ("origin", "a", "b"))
        changed = tiny or case.precision
        if changed:
            change = {"runtime": {"precision": case.precision}}
            make_origin(origin, changes=change, scale=TINY if tiny else {})
        for clone in pair:
            print(f"{case}: running the pipeline in clone {clone.name}", flush=True)
            with on_cores(case.cores):
                run_pipeline(origin if changed else ROOT, clone)
        lines = differences(*pair)
        print(f"{case}: {len(lines)} differences", flush=True)
        found += [f"{case}: {line}" for line in lines]
    return found


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.pipeline.reproduce_check", description=__doc__.splitlines()[0]
    )
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--tiny", action="store_true", help="tiny parameters, in every precision")
    choice.add_argument("--precision", choices=PRECISIONS, help="default: the committed one")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        cases = TINY_CASES if options.tiny else (Case(options.precision),)
        found = check_pairs(cases, options.tiny, Path(name))
    for line in found:
        print(f"difference: {line}", file=sys.stderr)
    if found:
        sys.exit(1)
    print("the same bytes, every file of every pair")


if __name__ == "__main__":
    run_command(main)
