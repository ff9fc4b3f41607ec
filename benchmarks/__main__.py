"""Run the benchmarks, each in a process of its own, and keep their rows in benchmarks/results.json.

    python -m benchmarks [--idx FOLDER] [--accuracy] [NAME ...]

NAME is a module in one of the folders here; without one, all run, one after another, since each sets its
own number of threads. The file holds, machine by machine, the versions of what was measured and the rows. A
run replaces the rows that it measured and keeps the others, but for those of the same machine with other
versions.
"""

import json
import math
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine, describe_versions
from benchmarks.timing import Row, argument_parser, measure, print_rows
from ladder.files.errors import InputError, run_command
from ladder.files.outputs import replacing

RESULTS = Path(__file__).with_name("results.json")
ON_DIGITS = ("numpy_vs_frameworks", "train_mnist_vs_fit", "deformation_speed")
BENCHMARKS = {  # name → its room
    "numpy_vs_frameworks": "scratch",
    "train_mnist_vs_fit": "digits",
    "deformation_speed": "digits",
    "vgg_head_vs_live": "vgg",
    "vgg_convolutions": "vgg",
    "vgg_scaling": "vgg",
    "predict_vs_loop": "predict",
}
DIGITS = 4  # significant ones kept of a measured number


def run_benchmark(name: str, options: dict[str, Any]) -> list[Row]:
    """The rows of one benchmark, measured in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(measure, f"benchmarks.{BENCHMARKS[name]}.{name}", options).result()


def round_row(row: Row) -> Row:
    """The row with its numbers rounded to DIGITS significant digits.

    Raises
    ------
    ValueError
        A number is not finite.
    """
    numbers = {key: row[key] for key in ("ours", "peer", "ratio")}
    if not all(map(math.isfinite, numbers.values())):
        raise ValueError(f"{row['name']}: {numbers}")
    return row | {key: float(f"{value:.{DIGITS}g}") for key, value in numbers.items()}


def save_rows(rows: Sequence[Row]) -> None:
    """Put rows into RESULTS under this machine, each in the place of the one with its name, or at the end."""
    machine, versions = describe_machine(), describe_versions()
    runs = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else []
    here = next((run for run in runs if run["machine"] == machine), None)
    if here is None:
        runs.append(here := {"machine": machine, "versions": versions, "rows": []})
    elif here["versions"] != versions:
        print(f"{RESULTS.name}: dropping {len(here['rows'])} rows of other versions")
        here |= {"versions": versions, "rows": []}
    here["rows"] = list({row["name"]: row for row in [*here["rows"], *rows]}.values())
    with replacing(RESULTS) as temporary:
        temporary.write_text(json.dumps(runs, indent=2, ensure_ascii=False) + "\n", "utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argument_parser(__doc__)
    parser.prog = "python -m benchmarks"
    parser.add_argument("--accuracy", action="store_true", help="also compare the test accuracy: minutes")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    chosen = parser.parse_args(arguments)
    for name in chosen.names:
        if name not in BENCHMARKS:
            raise InputError(f"{name}: no such benchmark; there are {', '.join(BENCHMARKS)}")
    if chosen.accuracy and chosen.idx is None:
        raise InputError("--accuracy needs --idx FOLDER")
    if chosen.accuracy and chosen.names and "train_mnist_vs_fit" not in chosen.names:
        raise InputError("--accuracy is for train_mnist_vs_fit")
    measured = []
    for name in chosen.names or BENCHMARKS:
        options = {"folder": chosen.idx} if name in ON_DIGITS else {}
        if name == "train_mnist_vs_fit":
            options["accuracy"] = chosen.accuracy
        print(f"{name} …", flush=True)
        rows = [round_row(row) for row in run_benchmark(name, options)]
        save_rows(rows)
        measured += rows
    print_rows(measured, notes=False)


if __name__ == "__main__":
    run_command(main)
