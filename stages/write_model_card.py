"""Stage `write-model-card`: MODEL_CARD.md, what a user of the driver classifier must know, from the metrics.

The text is in stages/model_card.md; its sections are those of Mitchell et al. (2019), "Model Cards for Model
Reporting".
"""

import json
from pathlib import Path

from stages.core.errors import InputError, run_stage
from stages.core.outputs import replacing
from stages.core.params import read_params
from stages.core.tables import read_table
from stages.datasets.driver_images import CLASS_NAMES, CLASSES, SPLITS, WAYS, Drivers, Split
from stages.models.vgg_params import Vgg

CARD = Path("MODEL_CARD.md")
TEXT = Path(__file__).with_name("model_card.md")
DRAWN = "data/driver-images"
BASES = {
    "embedded": "pre-trained on pictures drawn by formula",
    "random": "started from random weights",
    "imagenet": "pre-trained on ImageNet",
}
DRAWN_NOTE = """The images are drawn by the pipeline. No photograph is among them; the figures say nothing of
photographs."""
SEEN_NOTE = """**The test drivers of this model are in training too: its {accuracy} is not to be expected of a
new driver.** `dvc exp run -S split.by=driver` fine-tunes and measures it on drivers that it has not seen."""
UNSEEN_NOTE = """The test drivers of this model are nowhere in training: {accuracy} is to be expected of a new
driver."""

Metrics = dict[str, float]


def read_metrics(stage: str) -> Metrics:
    """The metrics of a stage, by module name."""
    path = Path(f"metrics/{stage}.json")
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {error}; `dvc repro` makes it") from None


def interval(value: float, low: float, high: float) -> str:
    """ "93.6 % [90.6, 95.7]"."""
    return f"{100 * value:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def accuracy(metrics: Metrics, name: str) -> str:
    """The accuracy called `name` with its interval."""
    return interval(metrics[name], metrics[f"{name}_low"], metrics[f"{name}_high"])


def table(header: list[str], rows: list[list[str]]) -> str:
    """Rows of cells as a Markdown table."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, ["---"] * len(header), *rows))


def splits_table(counts: Metrics, probe: Metrics) -> str:
    """A column per way to split: its sizes and what it gives away."""
    rows = [
        [f"{split}: images, drivers"]
        + [f"{counts[f'by_{way}_{split}_images']:,}, {counts[f'by_{way}_{split}_drivers']}" for way in WAYS]
        for split in SPLITS
    ]
    twins = [f"{probe[f'by_{way}_test_share_with_near_duplicate']:.0%}" for way in WAYS]
    known = [str(probe[f"by_{way}_test_drivers_in_training"]) for way in WAYS]
    rows += [["test images with a near-duplicate in training", *twins], ["test drivers in training", *known]]
    probes = {"nearest_neighbour": "copying", "linear": "linear", "majority": "most frequent class"}
    for name, title in probes.items():
        rows.append(
            [f"{title}: test accuracy", *(accuracy(probe, f"by_{way}_{name}_test_accuracy") for way in WAYS)]
        )
    return table(["", *(f"by {way}" for way in WAYS)], rows) + "\n"


def accuracies_table(head: Metrics, tuned: Metrics, picked: str) -> str:
    """Both models, on the splits on which they are measured."""
    runs = [("frozen base, new head", way, head, f"by_{way}_") for way in WAYS]
    runs.append(("fine-tuned: this model", picked, tuned, ""))
    rows = [
        [name, way, *(accuracy(metrics, f"{prefix}{split}_accuracy") for split in SPLITS)]
        for name, way, metrics, prefix in runs
    ]
    return table(["model", "split by", "train", "validation", "test"], rows)


def groups_table(kind: str) -> str:
    """Test accuracy of each class or driver, the worst first."""
    path = f"plots/finetune_vgg/by_{kind}.csv"
    groups = read_table(path, (kind, "images", "accuracy", "low", "high"), str)
    figures = groups[["accuracy", "low", "high"]].astype(float)
    rows = []
    for index in figures["accuracy"].sort_values(kind="stable").index:
        name = groups[kind][index]
        if kind == "class":
            name += f" {CLASS_NAMES[CLASSES.index(name)]}"
        rows.append([name, groups["images"][index], interval(*figures.loc[index])])
    return table([kind, "test images", "accuracy"], rows)


def main() -> None:
    root, picked, vgg = (
        read_params("drivers", Drivers).root,
        read_params("split", Split).by,
        read_params("vgg", Vgg),
    )
    counts, probe = read_metrics("split_driver_images"), read_metrics("probe_leakage")
    head, tuned = read_metrics("train_vgg_head"), read_metrics("finetune_vgg")
    note = SEEN_NOTE if tuned["test_drivers_in_training"] else UNSEEN_NOTE
    card = TEXT.read_text("utf-8").format(
        base=BASES.get(vgg.weights, f"started from the weights in data/raw/{vgg.weights}"),
        parameters=f"{tuned['parameters_trainable']:,}",
        size=vgg.image_size,
        data=DRAWN_NOTE if root == DRAWN else f"The images are those in `{root}`.",
        splits=splits_table(counts, probe),
        accuracies=accuracies_table(head, tuned, picked),
        unseen=note.format(accuracy=accuracy(tuned, "test_accuracy")),
        mistakes=tuned["test_mistakes"],
        images=counts[f"by_{picked}_test_images"],
        known_pairs=tuned["test_mistakes_in_known_pairs"],
        classes=groups_table("class"),
        drivers=groups_table("driver"),
        error=tuned["test_calibration_error"],
        loss=tuned["test_loss"],
        temperature=tuned["temperature"],
        error_scaled=tuned["test_calibration_error_scaled"],
        loss_scaled=tuned["test_loss_scaled"],
        test_drivers=counts["by_driver_test_drivers"],
    )
    with replacing(CARD) as temporary:
        temporary.write_text(card, "utf-8")


if __name__ == "__main__":
    run_stage(main)
