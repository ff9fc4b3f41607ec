"""Every call by which a stage changes the project's folder fails once, and nothing is lost.

    python -m tests.pipeline.every_failure [--stage S] [--kind K] [--call N] [--first] [--sample N] [--json F]

For each stage, with tiny parameters: its first call that opens for writing, writes, syncs, renames or removes
a file, its second, and so on, until it gets through. Each fails with a full disk (ENOSPC), with a disk that
fails (EIO), and is the moment of a SIGKILL. In a first run no output is there; in another run old ones are.
Then each call that opens or reads a file of the project fails (EIO-read).
Exit code 1 if anything differs from what is promised.
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ladder.files.errors import run_command
from ladder.files.outputs import replacing
from tests.pipeline.faults import KINDS, Stage, build
from tests.pipeline.test_dvc_yaml import STAGES
from tests.pipeline.trials import Point, Trial
from tests.workspace import Workspace
from tools.pipeline.clones import TINY

SMALL = TINY | {
    "drivers": {"count": 4, "frames": 1, "height": 32},
    "split": {"validation_share": 0.25, "test_share": 0.25, "folds": 2},
}


def try_stage(
    name: str,
    workspace: Workspace,
    library: Path,
    only: Callable[[Point], bool] = lambda point: True,
    sample: int = 0,
) -> dict[str, Any]:
    """Fail a stage at its points, or at `sample` of them: how many, and what was not as promised."""
    workspace.prepare(name)
    with Stage(name, workspace.folder, library) as stage, Trial(stage, workspace.folder) as trial:
        points = list(filter(only, trial.points))
        chosen = random.Random(name).sample(points, sample) if 0 < sample < len(points) else points
        found = [line for point in chosen for line in trial.failures(point)]
        tried = {kind: [sum(point.kind == kind for point in of) for of in (chosen, points)] for kind in KINDS}
    return {"tried": tried, "differences": found}


def table(found: Mapping[str, Any]) -> str:
    """Points by stage and kind, tried of all, and what came of them."""
    width = max(map(len, found))
    lines = [f"{'failures tried / all':{width}}" + "".join(f"{kind:>13}" for kind in KINDS) + "  differences"]
    for stage, result in found.items():
        cells = ["{} / {}".format(*result["tried"].get(kind, (0, 0))) for kind in KINDS]
        figures = "".join(f"{cell:>13}" for cell in cells)
        lines.append(f"{stage:{width}}{figures}{len(result['differences']):13}")
    sums = [
        sum(pair[place] for result in found.values() for pair in result["tried"].values()) for place in (0, 1)
    ]
    differences = sum(len(result["differences"]) for result in found.values())
    lines.append(f"{sums[0]} of {sums[1]} failures tried: {differences} differences")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.pipeline.every_failure", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--stage", choices=STAGES, action="append", help="these alone; else all")
    parser.add_argument("--kind", choices=KINDS, help="this alone")
    parser.add_argument("--call", type=int, metavar="N", help="this alone, counted from 1")
    parser.add_argument("--first", action="store_true", help="first runs alone, without earlier outputs")
    parser.add_argument(
        "--sample", type=int, default=0, metavar="N", help="so many points of a stage, at random"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="add the figures to this file")
    options = parser.parse_args(arguments)

    def only(point: Point) -> bool:
        return (
            options.kind in (None, point.kind)
            and options.call in (None, point.call)
            and (point.first or not options.first)
        )

    found = {}
    with tempfile.TemporaryDirectory() as name:
        library = build(Path(name))
        workspace = Workspace(Path(name, "workspace").resolve(), SMALL)
        for stage in options.stage or STAGES:
            found[stage] = try_stage(stage, workspace, library, only, options.sample)
            print(table({stage: found[stage]}), end="", flush=True)
            if options.json:
                record(options.json, stage, found[stage])
    lines = [line for result in found.values() for line in result["differences"]]
    for line in lines:
        print(f"difference: {line}", file=sys.stderr)
    if lines:
        sys.exit(1)


def record(path: Path, stage: str, result: Mapping[str, Any]) -> None:
    """Put a stage's figures into a file, in place of earlier ones of the same kinds of failures."""
    results = json.loads(path.read_text("utf-8")) if path.exists() else {}
    before = results.get(stage, {"tried": {}, "differences": []})
    tried = {kind: counts for kind, counts in result["tried"].items() if counts[1]}
    kept = [line for line in before["differences"] if not any(f"--kind {kind} " in line for kind in tried)]
    results[stage] = {"tried": before["tried"] | tried, "differences": kept + result["differences"]}
    ordered = {name: results[name] for name in STAGES if name in results}
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(ordered, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    run_command(main)
