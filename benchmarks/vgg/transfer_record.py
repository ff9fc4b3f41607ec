"""What pre-training is worth: the driver classifier on the embedded base and on a random one, on both splits.

    python -m benchmarks.vgg.transfer_record

Runs the stages of the VGG16 branch as the pipeline does, with the committed params.yaml but for `vgg.weights`
and `split.by`, and keeps the accuracies in benchmarks/vgg/transfer_record.json. The random base is not
fine-tuned. The heads on the embedded base and the one fine-tuned on images split at random are those of the
default run, whose metrics are committed.
"""

import json
from pathlib import Path
from typing import Any

from benchmarks.pipeline.stage_runs import ROOT, folder_with_base, run_stages
from ladder.drivers.images import SPLIT_BY
from ladder.files.errors import run_command
from ladder.files.metrics import read_metrics
from ladder.files.outputs import replacing

RESULTS = Path(__file__).with_suffix(".json")
FIGURES = [f"{split}_accuracy{end}" for split in ("train", "val", "test") for end in ("", "_low", "_high")]


def of_heads(folder: Path, base: str) -> list[dict[str, Any]]:
    """The accuracies of the heads, one per split, whose metrics lie in `folder`."""
    metrics = read_metrics("train-vgg-head", folder)
    return [
        {"split": by, "base": base, "model": "new head"}
        | {figure: metrics[f"by_{by}_{figure}"] for figure in FIGURES}
        for by in SPLIT_BY
    ]


def of_fine_tuned(folder: Path, by: str) -> dict[str, Any]:
    """The accuracies of the fine-tuned embedded base whose metrics lie in `folder`."""
    metrics = read_metrics("finetune-vgg", folder)
    model = {"split": by, "base": "embedded", "model": "fine-tuned"}
    return model | {figure: metrics[figure] for figure in FIGURES}


def table(runs: list[dict[str, Any]]) -> str:
    """A Markdown table, one row per model, its intervals those of the test accuracy."""
    lines = ["| split by | base | model | train | test | 95 % interval |", "|---|---|---|---|---|---|"]
    for run in sorted(runs, key=lambda run: (run["split"], run["base"], run["model"]), reverse=True):
        low, high = 100 * run["test_accuracy_low"], 100 * run["test_accuracy_high"]
        lines.append(
            f"| {run['split']} | {run['base']} | {run['model']} | {100 * run['train_accuracy']:.1f} % "
            f"| {100 * run['test_accuracy']:.1f} % | {low:.1f} to {high:.1f} |"
        )
    return "\n".join(lines) + "\n"


def read_results() -> list[dict[str, Any]]:
    """The runs kept, and before them the default run."""
    default = [*of_heads(ROOT, "embedded"), of_fine_tuned(ROOT, "image")]
    return default + json.loads(RESULTS.read_text("utf-8"))["runs"]


def main() -> None:
    features = ["prepare_vgg_base", "extract_vgg_features", "train_vgg_head"]
    with folder_with_base() as folder:
        stages = ["generate_driver_images", "split_driver_images", *features, "finetune_vgg"]
        run_stages(folder, {"split": {"by": "driver"}}, stages)
        runs = [of_fine_tuned(folder, "driver")]
        run_stages(folder, {"vgg": {"weights": "random"}}, features)
        runs += of_heads(folder, "random")
    with replacing(RESULTS) as temporary:
        temporary.write_text(json.dumps({"runs": runs}, indent=1) + "\n", "utf-8")
    print(table(read_results()), end="")


if __name__ == "__main__":
    run_command(main)
