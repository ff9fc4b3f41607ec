"""What pre-training is worth: the driver classifier on the embedded base and on a random one, on both splits.

    python -m benchmarks.transfer_record

Runs the stages of the VGG16 branch as the pipeline does, with the committed params.yaml but for `vgg.weights`
and `split.by`, and keeps the accuracies in benchmarks/transfer_record.json. The random base is not
fine-tuned. The embedded base with images split at random is the default run, whose metrics are committed.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.stage_runs import ROOT, read_metrics, run_stages
from stages.core.errors import run_command
from stages.core.outputs import replacing
from stages.models.vgg16 import EMBEDDED_FILE

RESULTS = Path(__file__).with_suffix(".json")
RUNS = (("driver", "embedded"), ("driver", "random"), ("image", "random"))
FIGURES = [f"{split}_accuracy{end}" for split in ("train", "val", "test") for end in ("", "_low", "_high")]


def results_of(folder: Path, split: str, weights: str) -> list[dict[str, Any]]:
    """The accuracies of the trained models whose metrics lie in `folder`."""
    trained = {"train_vgg_head": "new head"}
    if weights == "embedded":
        trained["finetune_vgg"] = "fine-tuned"
    return [
        {"split": split, "base": weights, "model": model}
        | {figure: read_metrics(folder, stage)[figure] for figure in FIGURES}
        for stage, model in trained.items()
    ]


def run_branch(folder: Path, split: str, weights: str) -> list[dict[str, Any]]:
    """Split the driver images that lie in `folder`, train the head, and fine-tune a trained base."""
    stages = ["split_driver_images", "prepare_vgg_base", "extract_vgg_features", "train_vgg_head"]
    if weights == "embedded":
        stages.append("finetune_vgg")
    run_stages(folder, {"split": {"by": split}, "vgg": {"weights": weights}}, stages)
    return results_of(folder, split, weights)


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
    return results_of(ROOT, "image", "embedded") + json.loads(RESULTS.read_text("utf-8"))["runs"]


def main() -> None:
    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / EMBEDDED_FILE).parent.mkdir(parents=True)
        (folder / EMBEDDED_FILE).symlink_to(ROOT / EMBEDDED_FILE)
        run_stages(folder, {}, ["generate_driver_images"])
        for split, weights in RUNS:
            runs += run_branch(folder, split, weights)
            with replacing(RESULTS) as temporary:
                temporary.write_text(json.dumps({"runs": runs}, indent=1) + "\n", "utf-8")
    print(table(read_results()), end="")


if __name__ == "__main__":
    run_command(main)
