"""Stage `write-model-card`: MODEL_CARD.md, what a user of the driver classifier must know, from the metrics.

The text is in ladder/reporting/model_card.md; its sections are those of Mitchell et al. (2019), "Model Cards
for Model Reporting".
"""

from pathlib import Path

from ladder.drivers.images import CLASS_NAMES, CLASSES, Drivers, Split
from ladder.files.errors import reading, run_stage
from ladder.files.metrics import read_metrics
from ladder.files.outputs import replacing
from ladder.files.params import read_params
from ladder.files.tables import read_table
from ladder.reporting.metric_tables import (
    accuracy,
    driver_accuracies,
    interval,
    markdown,
    splits_rows,
)
from ladder.vgg.params import Vgg

CARD = Path("MODEL_CARD.md")
TEXT = Path(__file__).parents[1] / "ladder/reporting/model_card.md"
DRAWN = "data/driver-images"
BASES = {
    "embedded": "pre-trained on pictures drawn by formula",
    "random": "started from random weights",
    "imagenet": "pre-trained on ImageNet",
}
DRAWN_NOTE = """The pipeline draws the images. No photograph is among them, so the accuracies say nothing
about photographs."""
SEEN_NOTE = """**The test drivers of this model are in training too. Do not expect {accuracy} on a
new driver.** `dvc exp run -S split.by=driver` fine-tunes and tests it on drivers that it has not seen."""
UNSEEN_NOTE = """The test drivers of this model are nowhere in training. Expect {accuracy} on new drivers
like these."""


def groups_table(kind: str) -> str:
    """Test accuracy of each class or driver, the worst first."""
    path = f"plots/finetune_vgg/by_{kind}.csv"
    groups = read_table(path, (kind, "images", "accuracy", "low", "high"), str)
    figures = groups[["accuracy", "low", "high"]].astype(float)
    rows = [[kind, "test images", "accuracy"]]
    for index in figures["accuracy"].sort_values(kind="stable").index:
        name = groups[kind][index]
        if kind == "class":
            name += f" {CLASS_NAMES[CLASSES.index(name)]}"
        rows.append([name, groups["images"][index], interval(*figures.loc[index])])
    return markdown(rows)


def main() -> None:
    root, split_by = read_params("drivers", Drivers).root, read_params("split", Split).by
    vgg = read_params("vgg", Vgg)
    stages = ("split-driver-images", "probe-leakage", "train-vgg-head", "finetune-vgg")
    metrics = {stage: read_metrics(stage) for stage in stages}
    counts, tuned = metrics["split-driver-images"], metrics["finetune-vgg"]
    note = SEEN_NOTE if tuned["test_drivers_in_training"] else UNSEEN_NOTE
    with reading(TEXT):
        text = TEXT.read_text("utf-8")
    card = text.format(
        base=BASES.get(vgg.weights, f"started from the weights in data/raw/{vgg.weights}"),
        parameters=f"{tuned['parameters_trainable']:,}",
        size=vgg.image_size,
        data=DRAWN_NOTE if root == DRAWN else f"The images are those in `{root}`.",
        splits=markdown(splits_rows(counts, metrics["probe-leakage"])) + "\n",
        accuracies=markdown(driver_accuracies(metrics, split_by)),
        unseen=note.format(accuracy=accuracy(tuned, "test_accuracy")),
        mistakes=tuned["test_mistakes"],
        images=counts[f"by_{split_by}_test_images"],
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
