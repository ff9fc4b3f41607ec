"""The points of a grid over params.yaml, and the table of what they scored on validation."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from stages.core.errors import InputError
from tools.metrics_table import metric_rows

PARAMS = Path("params.yaml")
BETTER = {"accuracy": 1, "r2": 1, "loss": -1}  # by the last word of a metric: higher or lower
VALIDATION = re.compile(r"(?:\w+_)??val_(?:accuracy|r2|loss)")


class Point(NamedTuple):
    """One choice of parameters: the name of its experiment, and what DVC's --set-param is given."""

    name: str
    overrides: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.overrides)


def check_metric(stage: str, by: str) -> None:
    """Raise `InputError` unless `by` is a validation metric of the stage."""
    stages = YAML(typ="safe").load(Path("dvc.yaml"))["stages"]
    path = Path("metrics", f"{stage.replace('-', '_')}.json")
    measuring = [name for name, entry in stages.items() if "metrics" in entry and not entry.get("frozen")]
    if stage not in measuring:
        raise InputError(f"STAGE={stage}: allowed are {', '.join(measuring)}")
    metrics = json.loads(path.read_text("utf-8")) if path.exists() else {}
    allowed = [name for name in metrics if VALIDATION.fullmatch(name)]
    if not VALIDATION.fullmatch(by) or (metrics and by not in allowed):
        listed = ", ".join(allowed) or "none of this stage"
        raise InputError(f"BY={by}: a sweep is decided on validation alone; allowed are {listed}")


def read_share(text: str) -> slice:
    """Which points of a grid fall to machine K of N, for "K/N": dealt in turn, no machine gets a corner.

    Raises
    ------
    InputError
        It is not of that form, with K from 1 to N.
    """
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise InputError(f"SHARE={text}: machine K of N is written K/N, such as 2/3")
    return slice(int(match[1]) - 1, None, int(match[2]))


def points(stage: str, grid: str) -> list[Point]:
    """Every point of a grid such as "mnist.epochs=3,10 mnist.layers=[8],[16]", in its order.

    The grammar is that of DVC's --set-param (Hydra's). The name of a point depends on the stage and on the
    whole params.yaml that the point makes, so that the same point is the same experiment.
    """
    from dvc.utils.hydra import get_hydra_sweeps, to_hydra_overrides

    try:
        parsed = to_hydra_overrides(grid.split())
        swept = [one["params.yaml"] for one in get_hydra_sweeps({"params.yaml": grid.split()})]
    except Exception as error:  # DVC's and the parser's, of many kinds
        raise InputError(f"GRID: {str(error).splitlines()[0]}") from None
    keys = [override.key_or_group for override in parsed]
    if not keys or len(set(keys)) < len(keys):
        raise InputError(f"GRID={grid!r}: needed are different keys with values, such as mnist.epochs=3,10")
    if any(override.is_add() or override.is_delete() for override in parsed):
        raise InputError(f"GRID={grid!r}: keys can be changed, not added or removed")
    found = {}
    for overrides in swept:
        params = YAML(typ="safe").load(PARAMS)
        for override in to_hydra_overrides(overrides):
            set_value(params, override.key_or_group, override.value())
        digest = hashlib.sha256(json.dumps(params, sort_keys=True, default=str).encode()).hexdigest()
        point = Point(f"{stage}-{digest[:8]}", tuple(overrides))
        found.setdefault(point.name, point)
    return list(found.values())


def set_value(params: dict[str, Any], key: str, value: Any) -> None:
    """Set "group.key" of params.yaml's content; raises `InputError` unless that key is there."""
    *groups, last = key.split(".")
    group: Any = params
    for name in groups:
        group = group.get(name) if isinstance(group, dict) else None
    if not isinstance(group, dict) or last not in group:
        raise InputError(f"GRID: {key}: params.yaml has no such key")
    group[last] = value


def result_table(results: list[tuple[Point, Mapping[str, float]]], by: str) -> str:
    """The points with their validation metric and its 95 % interval, best first."""
    if not results:
        return "no point has run\n"
    sign = BETTER[by.rpartition("_")[2]]
    ranked = sorted(results, key=lambda result: -sign * result[1][by])
    keys = [override.partition("=")[0] for override in ranked[0][0].overrides]
    lines = [[*keys, by, "experiment"]]
    for point, metrics in ranked:
        shown = {name: metrics[name] for name in (by, f"{by}_low", f"{by}_high") if name in metrics}
        (cells,) = metric_rows(shown).values()
        values = [override.partition("=")[2] for override in point.overrides]
        lines.append([*values, cells["val"], point.name])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = "".join("  ".join(map(str.ljust, line, widths)).rstrip() + "\n" for line in lines)
    best = ranked[0][1]
    if f"{by}_low" in best:
        near = sum(best[f"{by}_low"] <= metrics[by] <= best[f"{by}_high"] for _, metrics in ranked) - 1
        text += f"{near} of the others lie within the interval of the best\n"
    return text
