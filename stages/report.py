"""Stage `report`: report/index.html, all that the pipeline has measured and drawn, in one file.

It opens from the disk and asks the network for nothing: the pictures are inside. The text is in
ladder/reporting/report.html.
"""

import json
from pathlib import Path

from ladder import rungs
from ladder.drivers.images import Drivers, Split
from ladder.files.errors import InputError, run_stage
from ladder.files.metrics import read_metrics
from ladder.files.outputs import replacing
from ladder.files.params import read_params, read_seed
from ladder.reporting.metric_tables import driver_accuracies, splits_rows
from ladder.reporting.pages import render
from ladder.reporting.pictures import PICTURES
from ladder.reporting.playground import Linreg, Moons, moons_data, neuron_data
from ladder.reporting.result_tables import (
    calibration_rows,
    describe_processor,
    digit_rows,
    neuron_facts,
    speed_rows,
)
from ladder.vgg.params import Vgg

PAGE, BENCHMARKS = Path("report/index.html"), Path("benchmarks/results.json")
MEASURED = (
    "train-linreg",
    "prepare-digits",
    "train-moons",
    "train-mlp",
    "train-mnist",
    "split-driver-images",
    "probe-leakage",
    "train-vgg-head",
    "finetune-vgg",
)


def read_benchmarks() -> list[dict]:
    """What `make bench` has measured, machine by machine."""
    try:
        return json.loads(BENCHMARKS.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{BENCHMARKS}: {error}; `make bench` writes it") from None


def main() -> None:
    root, split_by = read_params("drivers", Drivers).root, read_params("split", Split).by
    weights = read_params("vgg", Vgg).weights
    linreg, moons, seed = read_params("linreg", Linreg), read_params("moons", Moons), read_seed()
    metrics = {stage: read_metrics(stage) for stage in MEASURED}
    page = render(
        "report.html",
        metrics=metrics,
        rungs=rungs,
        split_by=split_by,
        root=root,
        weights=weights,
        training={"neuron": neuron_data(linreg, seed), "moons": moons_data(moons, seed)},
        neuron=neuron_facts(metrics["train-linreg"]),
        digits=digit_rows(metrics),
        drivers=driver_accuracies(metrics, split_by),
        calibration=calibration_rows(metrics),
        leak=splits_rows(metrics["split-driver-images"], metrics["probe-leakage"]),
        speed={describe_processor(run["machine"]): speed_rows(run["rows"]) for run in read_benchmarks()},
        pictures={path: picture.with_numbers(metrics) for path, picture in PICTURES.items()},
    )
    with replacing(PAGE) as temporary:
        temporary.write_text(page, "utf-8")
    print(f"report: {PAGE.resolve().as_uri()}", flush=True)


if __name__ == "__main__":
    run_stage(main)
