"""What pre-training is worth: the driver classifier on the embedded base and on a random one, on both splits.

    python -m benchmarks.transfer_record

Runs the stages of the VGG16 branch as the pipeline does, with the committed params.yaml but for `vgg.weights`
and `split.by`, and keeps the accuracies in benchmarks/transfer_record.json. Fine-tuning starts from the
embedded base only.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.stage_runs import read_metrics, run_stages
from stages.core.errors import run_command
from stages.core.outputs import replacing

RESULTS = Path(__file__).with_suffix(".json")
EMBEDDED = Path(__file__).resolve().parent.parent / "data/raw/embedded"
FIGURES = [f"{split}_accuracy{end}" for split in ("train", "val", "test") for end in ("", "_low", "_high")]


def run_branch(folder: Path, split: str, weights: str) -> list[dict[str, Any]]:
    """Split the driver images that lie in `folder`, train the head on one base, and fine-tune it."""
    stages = ["split_driver_images", "prepare_vgg_base", "extract_vgg_features", "train_vgg_head"]
    trained = {"train_vgg_head": "new head"}
    if weights == "embedded":
        stages.append("finetune_vgg")
        trained["finetune_vgg"] = "fine-tuned"
    run_stages(folder, {"split": {"by": split}, "vgg": {"weights": weights}}, stages)
    return [
        {"split": split, "base": weights, "model": model}
        | {figure: read_metrics(folder, stage)[figure] for figure in FIGURES}
        for stage, model in trained.items()
    ]


def table(runs: list[dict[str, Any]]) -> str:
    """A Markdown table, one row per run."""
    lines = [
        "| split by | base | model | train | test | 95 % interval |",
        "|---|---|---|---|---|---|",
    ]
    for run in runs:
        low, high = run["test_accuracy_low"], run["test_accuracy_high"]
        lines.append(
            f"| {run['split']} | {run['base']} | {run['model']} | {run['train_accuracy']:.1%} "
            f"| **{run['test_accuracy']:.1%}** | {low:.1%} to {high:.1%} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    runs = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data/raw").mkdir(parents=True)
        (folder / "data/raw/embedded").symlink_to(EMBEDDED, target_is_directory=True)
        run_stages(folder, {}, ["generate_driver_images"])
        for split in ("image", "driver"):
            for weights in ("random", "embedded"):
                runs += run_branch(folder, split, weights)
    with replacing(RESULTS) as temporary:
        temporary.write_text(json.dumps({"runs": runs}, indent=1) + "\n", "utf-8")
    print(table(runs), end="")


if __name__ == "__main__":
    run_command(main)
