"""`make repeat STAGE=train-mnist N=5`: one stage under several seeds, on the same inputs.

    python -m tools.experiments.repeat STAGE [--runs N] [--json FILE]

The seeds follow on that of params.yaml. The stage reads what lies there now, and only what it draws itself
differs. Nothing in the repository changes. Printed are mean, standard deviation, least and largest of each
metric.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path

from ruamel.yaml import YAML

from benchmarks.pipeline.stage_runs import ROOT, run_stages
from ladder.files.errors import InputError, run_command
from ladder.files.metrics import parse_name, read_metrics
from ladder.files.outputs import replacing
from ladder.files.params import read_seed


def link_inputs(stage: str, folder: Path) -> None:
    """Let `folder` hold what a stage reads beside its code, as dvc.lock lists it.

    Raises
    ------
    InputError
        The stage is unknown or has never run, or an input is not there.
    """
    if not (ROOT / "dvc.lock").exists():
        raise InputError("dvc.lock: no such file; `make repro` makes it")
    locked = YAML(typ="safe").load(ROOT / "dvc.lock")["stages"]
    if stage not in locked:
        raise InputError(f"{stage!r} is no stage that has run; those are {', '.join(locked)}")
    for path in (dep["path"] for dep in locked[stage]["deps"] if not dep["path"].endswith(".py")):
        if not (ROOT / path).exists():
            raise InputError(f"{path}: no such file; `make repro` makes it")
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).symlink_to(ROOT / path)


def repeat(stage: str, seeds: range) -> list[dict[str, float]]:
    """The metrics of a stage under each seed."""
    module, runs = stage.replace("-", "_"), []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as name:
            link_inputs(stage, Path(name))
            run_stages(Path(name), {"seed": seed}, [module])
            runs.append(read_metrics(stage, Path(name)))
    return runs


def summary(runs: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Mean, standard deviation, least and largest of the metrics of all runs, bounds of intervals aside."""
    shared = [name for name in runs[0] if all(name in run for run in runs)]
    columns = {name: [run[name] for run in runs] for name in shared if not parse_name(name).bound}
    return {
        name: {
            "mean": statistics.fmean(values),
            "standard_deviation": statistics.stdev(values),
            "least": min(values),
            "largest": max(values),
        }
        for name, values in columns.items()
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.experiments.repeat", description=__doc__.splitlines()[0]
    )
    parser.add_argument("stage", metavar="STAGE")
    parser.add_argument("--runs", type=int, default=5, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the metrics of every run there")
    options = parser.parse_args(arguments)
    if options.runs < 2:
        raise InputError(f"--runs {options.runs}: at least 2 are needed for a standard deviation")
    first = read_seed()
    runs = repeat(options.stage, range(first, first + options.runs))
    if options.json:
        with replacing(options.json) as temporary:
            temporary.write_text(json.dumps(runs, indent=1) + "\n", "utf-8")
    figures = summary(runs)
    width = max(map(len, figures))
    print(f"\n{options.stage}, {options.runs} seeds from {first}")
    print(f"{'':{width}}  {'mean':>11} {'std. dev.':>11} {'least':>11} {'largest':>11}")
    for name, values in figures.items():
        print(f"{name:{width}}  " + " ".join(f"{value:11.5g}" for value in values.values()))


if __name__ == "__main__":
    run_command(main)
