"""`dvc metrics show --json | python -m tools.metrics_table`: the metrics as a table that fits a terminal."""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

SPLITS = ("train", "val", "test")
QUANTITIES = ("accuracy", "loss", "r2")


def metric_rows(metrics: Mapping[str, float]) -> dict[str, dict[str, str]]:
    """Cells by row and column: quantities that come in splits, with intervals; one cell for all others."""
    table: dict[str, dict[str, str]] = {}
    for name, value in metrics.items():
        fits = re.fullmatch(rf"(?P<who>\w+_)??(?P<split>{'|'.join(SPLITS)})_(?P<what>\w+)", name)
        if fits and fits["what"] in QUANTITIES:
            low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
            text = f"{value:.4g}"
            if low is not None and high is not None:
                text = f"{value:.1%} [{low:.1%}, {high:.1%}]"
            table.setdefault(f"{fits['who'] or ''}{fits['what']}", {})[fits["split"]] = text
        elif not name.endswith(("_low", "_high")):
            table[name] = {"": f"{value:,}" if isinstance(value, int) else f"{value:.6g}"}
    return table


def metrics_table(metrics_by_file: Mapping[str, Mapping[str, float]]) -> str:
    """The table as text; `metrics_by_file` maps metrics/{stage}.json to its content."""
    lines = [f"{'':28}{'train':24}{'validation':24}test"]
    for path, metrics in metrics_by_file.items():
        lines.append(Path(path).stem.replace("_", "-"))
        for name, cells in metric_rows(metrics).items():
            columns = [cells[""]] if "" in cells else [cells.get(split, "") for split in SPLITS]
            lines.append((f"  {name:26}" + "".join(f"{cell:24}" for cell in columns)).rstrip())
    return "\n".join(lines) + "\n"


def main() -> None:
    files = json.load(sys.stdin)[""]["data"]
    print(metrics_table({path: file["data"] for path, file in files.items() if "data" in file}), end="")
    for path in [path for path, file in files.items() if "data" not in file]:
        print(f"{path}: not there; `make repro` writes it")


if __name__ == "__main__":
    main()
