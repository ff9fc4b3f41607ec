"""Training the driver head on cached features, beside the textbook way: augment and run the base every epoch.

    python -m benchmarks.vgg.vgg_head_vs_live

Both sides are stages of the pipeline: ours `extract-vgg-features` and `train-vgg-head`, the peer
`train-vgg-head` with `vgg.features: live`. The parameters are the committed ones but for the split: most
images are for testing, so that a difference of one point shows, and few are for training, since the peer
takes minutes for a few hundred. Both sides train for all EPOCHS and keep the epoch that is best on
validation, as the stage does. Where the processor computes in bfloat16, both do; there the peer is also timed
in float32, as Keras computes unless told otherwise: over few epochs, since it takes many times as long.
"""

import math
import os
import statistics
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.pipeline.stage_runs import (
    folder_with_base,
    run_stages,
    time_stage,
    write_params,
)
from benchmarks.timing import Row, make_row, print_rows, use_cpu
from ladder.drivers.images import SPLIT_BY
from ladder.files.errors import run_command
from ladder.files.metrics import read_metrics
from ladder.training.runtime import choose_precision

SEEDS = (1, 2, 3)
EPOCHS = 30
FLOAT32_EPOCHS = 3
CHANGES = {
    "split": {"validation_share": 0.03, "test_share": 0.82, "folds": 2},  # the folds are not measured
    "vgg_head": {"epochs": EPOCHS},
}


class Round(NamedTuple):
    """One seed: seconds of each part, and the accuracy of either by, the mean of the two splits."""

    extraction: float
    cached: float
    live: float
    cached_accuracy: float
    live_accuracy: float


def train_heads(folder: Path, changes: dict[str, Any], features: str) -> tuple[float, float]:
    """Seconds for EPOCHS of both heads, and the mean of their accuracies on the test images."""
    write_params(folder, changes | {"vgg": {"features": features}})
    seconds = sum(head[EPOCHS] for head in time_stage(folder, "train_vgg_head")[: len(SPLIT_BY)])
    metrics = read_metrics("train-vgg-head", folder)
    return seconds, statistics.fmean(metrics[f"by_{by}_test_accuracy"] for by in SPLIT_BY)


def measure_round(folder: Path, seed: int) -> Round:
    """Extract the features of all views, and train a head on them and one live, in a prepared folder."""
    changes = CHANGES | {"seed": seed}
    write_params(folder, changes | {"vgg": {"features": "cached"}})
    (extracted,) = time_stage(folder, "extract_vgg_features")
    cached, cached_accuracy = train_heads(folder, changes, "cached")
    live, live_accuracy = train_heads(folder, changes, "live")
    return Round(max(extracted.values()), cached, live, cached_accuracy, live_accuracy)


def live_in_float32(folder: Path) -> float:
    """Seconds of the peer for EPOCHS of both heads: the first epoch, the others at the rate of the next."""
    epochs = {"epochs": FLOAT32_EPOCHS}
    changes = {"seed": SEEDS[0], "runtime": {"precision": "float32"}, "vgg": {"features": "live"}}
    write_params(folder, CHANGES | changes | {"vgg_head": CHANGES["vgg_head"] | epochs})
    heads = time_stage(folder, "train_vgg_head")[: len(SPLIT_BY)]
    rates = [(head[FLOAT32_EPOCHS] - head[1]) / (FLOAT32_EPOCHS - 1) for head in heads]
    return sum(head[1] + (EPOCHS - 1) * rate for head, rate in zip(heads, rates, strict=True))


def accuracy_row(rounds: list[Round], note: str) -> Row:
    """Mean accuracies over the seeds, and how sure their difference is."""
    ours, peer = [r.cached_accuracy for r in rounds], [r.live_accuracy for r in rounds]
    differences = [100 * (a - b) for a, b in zip(ours, peer, strict=True)]
    standard_error = statistics.stdev(differences) / math.sqrt(len(rounds))
    note = (
        f"{note}; means over splits and seeds, standard deviation {100 * statistics.stdev(ours):.2f} points "
        f"(ours) and {100 * statistics.stdev(peer):.2f} (peer); difference "
        f"{statistics.fmean(differences):+.2f} points, its standard error {standard_error:.2f}"
    )
    name = "vgg_head_accuracy_vs_live"
    return make_row(name, statistics.fmean(ours), statistics.fmean(peer), "test accuracy", note)


def describe(counts: dict[str, float]) -> str:
    """What both sides do, and on how many images."""
    images = " and ".join(
        f"{counts[f'by_{by}_train_images']} training, {counts[f'by_{by}_val_images']} validation and "
        f"{counts[f'by_{by}_test_images']} test images (split by {by})"
        for by in SPLIT_BY
    )
    return (
        f"{EPOCHS} epochs of both heads of stage train-vgg-head, validation included, on cached features, "
        f"against vgg.features: live, which augments and runs the base in every epoch; {images}, "
        f"drawn, {choose_precision('auto')} on both sides, all {os.cpu_count()} cores, "
        f"{len(SEEDS)} seeds in turn"
    )


def rows() -> list[Row]:
    """Measure both times and the accuracy."""
    use_cpu()
    float32 = []
    with folder_with_base() as folder:
        run_stages(folder, CHANGES, ["generate_driver_images", "split_driver_images", "prepare_vgg_base"])
        note = describe(read_metrics("split-driver-images", folder))
        rounds = [measure_round(folder, seed) for seed in SEEDS]
        vectors = int(read_metrics("extract-vgg-features", folder)["feature_vectors"])
        if choose_precision("auto") != "float32":
            float32 = [live_in_float32(folder)]
    extraction, cached, live = (statistics.median(column) for column in list(zip(*rounds, strict=True))[:3])
    unit = f"s/{EPOCHS} epochs"
    time_note = f"{note}, medians; tracing included"
    extraction_note = (
        f"{time_note}; ours includes {extraction:.3g} s of stage extract-vgg-features for {vectors} views, "
        "those of the test images among them, which the peer's training does without"
    )
    float32_note = (
        f"as vgg_head_vs_live, but for the peer: in float32, with the first seed, the first epoch and "
        f"{EPOCHS - 1} times the mean of the next {FLOAT32_EPOCHS - 1}"
    )
    return [
        make_row("vgg_head_vs_live", cached, live, unit, time_note),
        *(make_row("vgg_head_vs_live_in_float32", cached, peer, unit, float32_note) for peer in float32),
        make_row("vgg_head_with_extraction_vs_live", extraction + cached, live, unit, extraction_note),
        accuracy_row(rounds, note),
    ]


def main() -> None:
    print_rows(rows())


if __name__ == "__main__":
    run_command(main)
