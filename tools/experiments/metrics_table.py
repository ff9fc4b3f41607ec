"""The metrics as a table that fits a terminal.

dvc metrics show --json | python -m tools.experiments.metrics_table
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from ladder.files.errors import InputError, run_command
from ladder.files.metrics import SPLITS, parse_name


def metric_rows(metrics: Mapping[str, float]) -> dict[str, dict[str, str]]:
    """Cells by row and column: what is measured on a split in its column, all else in the first."""
    table: dict[str, dict[str, str]] = {}
    for name, value in metrics.items():
        words = parse_name(name)
        if words.bound:
            continue
        low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
        if low is not None and high is not None:
            text = f"{value:.1%} [{low:.1%}, {high:.1%}]"
        else:
            text = f"{value:,}" if isinstance(value, int) else f"{value:.{4 if words.split else 6}g}"
        row = "_".join(word for word in (words.part, words.quantity) if word)
        table.setdefault(row, {})[words.split or SPLITS[0]] = text
    return table


def metrics_table(metrics_by_file: Mapping[str, Mapping[str, float]]) -> str:
    """The table as text; `metrics_by_file` maps metrics/{stage}.json to its content."""
    rows = {path: metric_rows(metrics) for path, metrics in metrics_by_file.items()}
    width = 4 + max(len(name) for of_file in rows.values() for name in of_file)
    lines = [f"{'':{width}}{'train':24}{'validation':24}test"]
    for path, of_file in rows.items():
        lines.append(Path(path).stem.replace("_", "-"))
        for name, cells in of_file.items():
            columns = "".join(f"{cells.get(split, ''):24}" for split in SPLITS)
            lines.append(f"  {name:{width - 2}}{columns}".rstrip())
    return "\n".join(lines) + "\n"


def main() -> None:
    try:
        files = json.load(sys.stdin)[""]["data"]
    except (ValueError, KeyError):  # DVC, which failed, has said why
        raise InputError("stdin: no metrics; `dvc metrics show --json` prints them") from None
    print(metrics_table({path: file["data"] for path, file in files.items() if "data" in file}), end="")
    for path in [path for path, file in files.items() if "data" not in file]:
        print(f"{path}: not there; `make repro` writes it")


if __name__ == "__main__":
    run_command(main)
