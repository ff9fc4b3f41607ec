"""The pipeline of dvc.yaml as a drawing: which stage feeds which, and the state of each."""

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import networkx as nx
from ruamel.yaml import YAML

BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, MARGIN = 164, 44, 30, 16, 8  # units of the drawing
COMPUTED, FROZEN, UNUSED, READER = "computed", "frozen: in git", "not used here", "this page"


class StageBox(NamedTuple):
    """A stage: its name, description, state, outputs, and the left upper corner of its box."""

    name: str
    desc: str
    state: str
    outputs: list[str]
    x: int
    y: int


class Drawing(NamedTuple):
    """Boxes, the curves between them as SVG paths, and the size of the whole."""

    boxes: list[StageBox]
    curves: list[str]
    width: int
    height: int


def draw_pipeline(file: Path, values: Mapping[str, str], reader: str) -> Drawing:
    """Lay the stages of a dvc.yaml out in columns, each to the right of those that feed it.

    Parameters
    ----------
    reader : the stage that asks: DVC has run all that feed it, directly or not.
    values : of the parameters `${name}` in paths; a path with another one is fed by no stage.
    """
    stages = YAML(typ="safe", pure=True).load(file.read_text("utf-8"))["stages"]
    deps = {name: [_filled(path, values) for path in stage["deps"]] for name, stage in stages.items()}
    outputs = {name: _outputs(stage) for name, stage in stages.items()}
    graph = nx.DiGraph()
    graph.add_nodes_from(stages)
    for target, paths in deps.items():
        for source, written in outputs.items():
            if source != target and any(_overlap(path, out) for path in paths for out in written):
                graph.add_edge(source, target)
    columns = _columns(graph)
    highest = max(map(len, columns))
    height = 2 * MARGIN + highest * (BOX_HEIGHT + GAP_Y) - GAP_Y
    corners = {}
    for number, column in enumerate(columns):
        top = (height - len(column) * (BOX_HEIGHT + GAP_Y) + GAP_Y) // 2
        for row, name in enumerate(column):
            corners[name] = (MARGIN + number * (BOX_WIDTH + GAP_X), top + row * (BOX_HEIGHT + GAP_Y))
    states = dict.fromkeys(stages, UNUSED) | dict.fromkeys(nx.ancestors(graph, reader), COMPUTED)
    states |= {name: FROZEN for name, stage in stages.items() if stage.get("frozen")} | {reader: READER}
    boxes = [
        StageBox(name, stage["desc"], states[name], outputs[name], *corners[name])
        for name, stage in stages.items()
    ]
    # Without lines that follow from others: all feed the page, most of them by way of another stage.
    drawn = nx.transitive_reduction(graph)
    # In the graph's own order: that of the reduction is a set's, another in every process.
    edges = [edge for edge in graph.edges if drawn.has_edge(*edge)]
    curves = [_curve(corners[source], corners[target]) for source, target in edges]
    return Drawing(boxes, curves, 2 * MARGIN + len(columns) * (BOX_WIDTH + GAP_X) - GAP_X, height)


def _filled(path: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$\{([\w.]+)\}", lambda found: values.get(found[1], found[0]), path)


def _outputs(stage: Mapping[str, Any]) -> list[str]:
    entries = [entry for kind in ("outs", "metrics", "plots") for entry in stage.get(kind, [])]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def _overlap(one: str, other: str) -> bool:
    """Whether one path is the other, or lies below it."""
    first, second = Path(one), Path(other)
    return first.is_relative_to(second) or second.is_relative_to(first)


def _columns(graph: nx.DiGraph) -> list[list[str]]:
    """Stages by their longest way from a source; each column ordered by the mean row of its sources."""
    columns = [list(column) for column in nx.topological_generations(graph)]
    for before, column in pairwise(columns):
        rows = {name: row for row, name in enumerate(before)}
        known = {name: [rows[s] for s in graph.predecessors(name) if s in rows] for name in column}
        column.sort(key=lambda name: sum(known[name]) / len(known[name]))
    return columns


def _curve(source: tuple[int, int], target: tuple[int, int]) -> str:
    """From the right side of one box to the left side of another."""
    x1, y1 = source[0] + BOX_WIDTH, source[1] + BOX_HEIGHT // 2
    x2, y2 = target[0], target[1] + BOX_HEIGHT // 2
    middle = (x1 + x2) // 2
    return f"M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}"
