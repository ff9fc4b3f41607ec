"""`make gate BASE=main`: what a branch changes, and whether it may be merged.

    python -m tools.experiments.gate BASE

The summary is Markdown: the models against those of BASE on the same test items, `dvc params diff` and `dvc
metrics diff`. It is printed, and in GitHub Actions added to the summary of the job. Exit code 2, if a model
got worse beyond the noise and tolerances.yaml, or a test accuracy is exactly 1, which smells of a leak. Where
the leak is known, since drivers of the test images are in training too, that is a warning and blocks nothing.
Nothing runs: what is compared is what lies here, in CI what is committed, since another processor's last bits
are not the branch's doing.
"""

import argparse
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ladder.files.errors import InputError, run_command
from ladder.files.metrics import parse_name
from ladder.files.params import read_settings
from tools.experiments.compare import TOLERANCES, Tolerances, compare, markdown
from tools.experiments.job_summary import add_to_job_summary
from tools.pipeline.git import check_revision
from tools.pipeline.verify import metrics_in

PROBE = "probe_leakage/"  # its copying model is there to show a leak: 100 % is what it should find
KINDS = ("params", "metrics")
BLOCKED = 2  # exit code


def perfect(metrics: Mapping[str, float]) -> list[str]:
    """The metrics FILE/NAME that are a test accuracy of exactly 1."""
    return [
        name
        for name, value in metrics.items()
        if value == 1
        and not name.startswith(PROBE)
        and parse_name(name.partition("/")[2])[1:] == ("test", "accuracy", "")
    ]


def has_known_drivers(name: str, metrics: Mapping[str, float]) -> bool:
    """Whether drivers of the test images are in training too, as the metric beside an accuracy says."""
    return metrics.get(f"{name.removesuffix('accuracy')}drivers_in_training", 0) > 0


def objections(rows: list[dict[str, Any]], metrics: Mapping[str, float]) -> list[str]:
    """Why the branch may not be merged, in words; empty if it may."""
    worse = [f"{row['model']}: {row['figure']} is worse" for row in rows if row["verdict"] == "worse"]
    return worse + [
        f"{name} is exactly 1, which smells of a leak"
        for name in perfect(metrics)
        if not has_known_drivers(name, metrics)
    ]


def warnings(metrics: Mapping[str, float]) -> list[str]:
    """What is to be known of the metrics, but is no reason against the branch."""
    return [
        f"{name}: 100 % on test images whose drivers are in training: near-duplicates"
        for name in perfect(metrics)
        if has_known_drivers(name, metrics)
    ]


def dvc_diff(kind: str, base: str) -> str:
    """`dvc params diff` or `dvc metrics diff` between `base` and what lies here, as a Markdown table."""
    command = [sys.executable, "-m", "dvc", kind, "diff", "--md", base]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"dvc {kind} diff: {done.stderr.strip()}")
    return done.stdout.strip() or "No difference."


def summary(base: str, rows: list[dict[str, Any]], found: list[str], warned: list[str]) -> str:
    verdict = "\n".join(f"- **{line}**" for line in found) or "No model got worse beyond the noise."
    notes = ["\n".join(f"- Warning: {line}" for line in warned)] if warned else []
    parts = [verdict, *notes, markdown(base, rows).strip()]
    with ThreadPoolExecutor() as pool:  # two DVCs at a time: each takes more than a second to start
        for kind, difference in zip(KINDS, pool.map(dvc_diff, KINDS, [base] * len(KINDS)), strict=True):
            parts += [f"### `dvc {kind} diff`", difference]
    return f"## Against `{base}`\n\n" + "\n\n".join(parts) + "\n"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.experiments.gate", description=__doc__.splitlines()[0]
    )
    parser.add_argument("base", metavar="BASE", help="any git revision, such as main or HEAD^1")
    base = parser.parse_args(arguments).base
    check_revision(Path(), base)
    rows = compare(base, read_settings(TOLERANCES, Tolerances))
    metrics = metrics_in(Path())
    found = objections(rows, metrics)
    text = summary(base, rows, found, warnings(metrics))
    print(text, end="")
    add_to_job_summary(text)
    if found:
        print(f"blocked: {'; '.join(found)}", file=sys.stderr)
        sys.exit(BLOCKED)


if __name__ == "__main__":
    run_command(main)
