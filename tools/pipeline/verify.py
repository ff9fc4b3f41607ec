"""`make verify`: compute everything anew on this machine, and compare the metrics with the committed ones.

    python -m tools.pipeline.verify [--here] [--json FILE]

The pipeline of the last commit runs in a fresh clone, without any cache. On the hardware that computed what
is committed every metric is the same; elsewhere rounding differs, and what follows from it has to stay
within tolerances.yaml. Exit code 2 if a metric does not. With --here the pipeline runs in this clone instead,
and takes from its cache what has run here before.
"""

import argparse
import fnmatch
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from dvc.utils.serialize import dumps_yaml, parse_yaml

from ladder.files.errors import InputError, run_command
from ladder.files.metrics import Metrics, every_metric
from ladder.files.outputs import replacing
from ladder.files.params import read_settings
from tools.experiments.compare import TOLERANCES, Tolerances
from tools.experiments.job_summary import add_to_job_summary
from tools.pipeline.clones import ROOT, run_pipeline, run_repro
from tools.pipeline.git import check_revision, git
from tools.pipeline.repro import committed_lock

LOCK = ROOT / "dvc.lock"
OUTSIDE = 2  # exit code


class Row(NamedTuple):
    """A metric that is not as it was committed. `here` is None where it is missing, `committed` where new."""

    metric: str
    committed: float | None
    here: float | None
    tolerance: float

    def is_within(self) -> bool:
        if self.committed is None or self.here is None:
            return False
        return abs(self.here - self.committed) <= self.tolerance


def tolerance_of(metric: str, committed: float | None, tolerances: Tolerances) -> float:
    """How far the metric FILE/NAME may be from its committed value: by the first pattern that fits it."""
    for pattern, allowed in tolerances.other_machines.items():
        if fnmatch.fnmatchcase(metric, pattern):
            return allowed.absolute + allowed.relative * abs(committed or 0.0)
    return 0.0


def compare_metrics(
    committed: Mapping[str, float], here: Mapping[str, float], tolerances: Tolerances
) -> list[Row]:
    """A row for each metric that is not the same in both."""
    names = sorted(committed.keys() | here.keys())
    return [
        Row(name, committed.get(name), here.get(name), tolerance_of(name, committed.get(name), tolerances))
        for name in names
        if committed.get(name) != here.get(name)
    ]


def metrics_in(folder: Path) -> Metrics:
    """Every metric by STAGE/NAME, such as train_mnist/test_accuracy."""
    return every_metric({str(path): path.read_text("utf-8") for path in (folder / "metrics").glob("*.json")})


def committed_metrics(folder: Path) -> Metrics:
    """Every metric of the last commit of the repository `folder`, named as by `metrics_in`."""
    names = git(folder, "ls-tree", "--name-only", "HEAD", "metrics/").split()
    return every_metric(
        {name: git(folder, "show", f"HEAD:./{name}") for name in names if name.endswith(".json")}
    )


def table(rows: list[Row], count: int) -> str:
    """The rows as text, those outside their tolerance marked."""
    width = max([len(row.metric) for row in rows], default=0)
    lines = [f"{count - len(rows)} of {count} metrics are as committed"]
    if rows:
        lines.append(f"{'metric':{width}} {'committed':>12} {'here':>12} {'tolerance':>10}")
    for row in rows:
        before, now = ("–" if value is None else f"{value:.6g}" for value in (row.committed, row.here))
        mark = "" if row.is_within() else "  outside"
        lines.append(f"{row.metric:{width}} {before:>12} {now:>12} {row.tolerance:>10.3g}{mark}")
    return "\n".join(lines) + "\n"


def put_back_frozen_stages() -> None:
    """Frozen stages in dvc.lock as committed: with the code that made their outputs, not the present code."""
    stages = parse_yaml((ROOT / "dvc.yaml").read_text("utf-8"), "dvc.yaml")["stages"]
    committed = parse_yaml(committed_lock().decode(), LOCK).get("stages", {})
    lock = parse_yaml(LOCK.read_text("utf-8"), LOCK)
    frozen = [name for name, stage in stages.items() if stage.get("frozen") and name in committed]
    lock["stages"].update((name, committed[name]) for name in frozen)
    with replacing(LOCK) as temporary:
        temporary.write_text(dumps_yaml(lock), "utf-8")


def run_here() -> None:
    """Run the pipeline in this clone, without dvc.lock, which is then that of this run.

    A stage that dvc.lock lists, DVC takes from its cache only with the bytes that are listed, and those
    another processor does not make; any other stage it takes from its cache of runs. A frozen stage does not
    run, but DVC would list it with the files of today.

    Raises
    ------
    InputError
        The pipeline fails; it has said why. However this ends early, dvc.lock is as before.
    """
    before = LOCK.read_bytes() if LOCK.exists() else None
    LOCK.unlink(missing_ok=True)
    try:
        if code := run_repro(ROOT):
            raise InputError(f"the pipeline failed with exit code {code}")
        put_back_frozen_stages()
    except BaseException:
        if before is not None:
            LOCK.write_bytes(before)
        raise


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.pipeline.verify", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--here", action="store_true", help="run in this clone, with its cache")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    options = parser.parse_args(arguments)
    tolerances = read_settings(TOLERANCES, Tolerances)
    check_revision(ROOT, "HEAD")
    with tempfile.TemporaryDirectory() as name:
        folder = ROOT if options.here else Path(name, "clone")
        if options.here:
            run_here()
        else:
            run_pipeline(ROOT, folder)
        here, committed = metrics_in(folder), committed_metrics(folder)
    rows = compare_metrics(committed, here, tolerances)
    text = table(rows, len(committed.keys() | here.keys()))
    print(text, end="")
    add_to_job_summary(f"## Committed and measured here\n\n```\n{text}```\n")
    if options.json:
        with replacing(options.json) as temporary:
            temporary.write_text(json.dumps([row._asdict() for row in rows], indent=1) + "\n", "utf-8")
    outside = [row.metric for row in rows if not row.is_within()]
    if outside:
        print(f"outside {TOLERANCES}: {', '.join(outside)}", file=sys.stderr)
        sys.exit(OUTSIDE)


if __name__ == "__main__":
    run_command(main)
