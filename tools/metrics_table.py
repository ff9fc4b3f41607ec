"""`dvc metrics show --json | python -m tools.metrics_table`: the metrics as a table that fits a terminal."""

import json
import re
import sys
from pathlib import Path

SPLITS = ("train", "val", "test")
QUANTITIES = ("accuracy", "loss", "r2")


def rows(metrics: dict[str, float]) -> list[tuple[str, dict[str, str]]]:
    """One row per quantity that comes in splits, with its 95 % interval, and one per other figure."""
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
    return list(table.items())


def main() -> None:
    revisions = json.load(sys.stdin)
    print(f"{'':38}{'train':24}{'validation':24}{'test':24}".rstrip())
    for path, content in revisions[""]["data"].items():
        print(Path(path).stem.replace("_", "-"))
        for name, cells in rows(content["data"]):
            if "" in cells:
                print(f"  {name:36}{cells['']}")
            else:
                print(f"  {name:36}" + "".join(f"{cells.get(split, ''):24}" for split in SPLITS).rstrip())


if __name__ == "__main__":
    main()
