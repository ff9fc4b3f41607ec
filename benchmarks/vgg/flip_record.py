"""Whether mirrored training images help: `augment.flip` none, plain and swap, on validation drivers.

    python -m benchmarks.vgg.flip_record

Runs the stages up to `train-vgg-head` as the pipeline does, with the committed params.yaml but for the flip,
for more validation drivers and for the seed, which draws other drivers, and keeps the accuracies of the head
split by driver in benchmarks/vgg/flip_record.json. The flip is chosen on validation; no test image is looked
at.
"""

import json
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.pipeline.stage_runs import folder_with_base, run_stages
from ladder.files.errors import run_command
from ladder.files.metrics import read_metrics
from ladder.files.outputs import replacing

RESULTS = Path(__file__).with_suffix(".json")
FLIPS = ("none", "plain", "swap")
SEEDS = (42, 43, 44)
CHANGES = {"split": {"validation_share": 0.3}}  # six drivers are too few to choose on


def means(runs: list[dict[str, Any]]) -> dict[str, float]:
    """Validation accuracy of each flip, the mean over the seeds."""
    return {flip: fmean(run["val_accuracy"] for run in runs if run["flip"] == flip) for flip in FLIPS}


def table(runs: list[dict[str, Any]]) -> str:
    """A Markdown table, one row per flip, with each seed's validation accuracy and their mean."""
    seeds = sorted({run["seed"] for run in runs})
    lines = [
        "| `augment.flip` | " + " | ".join(f"drivers of seed {seed}" for seed in seeds) + " | mean |",
        "|---" * (len(seeds) + 2) + "|",
    ]
    for flip, mean in means(runs).items():
        of_seed = {run["seed"]: run["val_accuracy"] for run in runs if run["flip"] == flip}
        cells = [f"{100 * value:.1f} %" for value in (*(of_seed[seed] for seed in seeds), mean)]
        lines.append(f"| {flip} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def measure(seed: int) -> list[dict[str, Any]]:
    """A run per flip, on the drivers that this seed draws."""
    runs, changes = [], CHANGES | {"seed": seed}
    with folder_with_base() as folder:
        run_stages(folder, changes, ["generate_driver_images", "split_driver_images", "prepare_vgg_base"])
        for flip in FLIPS:
            run_stages(
                folder, changes | {"augment": {"flip": flip}}, ["extract_vgg_features", "train_vgg_head"]
            )
            metrics = read_metrics("train-vgg-head", folder)
            figures = {name: metrics[f"by_driver_{name}"] for name in ("train_accuracy", "val_accuracy")}
            runs.append({"seed": seed, "flip": flip} | figures)
    return runs


def main() -> None:
    runs = [run for seed in SEEDS for run in measure(seed)]
    with replacing(RESULTS) as temporary:
        temporary.write_text(json.dumps({"runs": runs}, indent=1) + "\n", "utf-8")
    print(table(runs), end="")


if __name__ == "__main__":
    run_command(main)
