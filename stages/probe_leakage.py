"""Stage `probe-leakage`: how much of an accuracy the split gives away, to models that understand nothing."""

from pathlib import Path

import numpy as np

from ladder.drivers.images import SPLIT_BY, labels_of, read_manifest, rows_by_split
from ladder.drivers.pixels import read_pixels
from ladder.drivers.probes import NEAR_DUPLICATE, closest, linear_answers, thumbnails
from ladder.evaluation.accuracy import accuracy_interval
from ladder.files.errors import run_stage
from ladder.files.metrics import write_metrics
from ladder.files.outputs import write_table
from ladder.files.params import read_params
from ladder.vgg.params import Vgg

PLOTS = Path("plots/probe_leakage")
LEAK = 0.05  # share of test images with a near-duplicate in training, above which a split leaks


def verdict(by: str, test_images: int, near_duplicates: int, shared_drivers: int, nearest: float) -> str:
    """One plain line on what a test accuracy on this split measures."""
    if near_duplicates > LEAK * test_images:
        return (
            f"split by {by} leaks: {near_duplicates} of {test_images} test images have a near-duplicate in "
            f"training; copying the most similar one's class scores {nearest:.1%}"
        )
    if shared_drivers:
        return f"split by {by} leaks: {shared_drivers} test drivers are in training too"
    return (
        f"split by {by}: no leak found: {near_duplicates} of {test_images} test images have a near-duplicate"
        f" in training, no driver is in both; copying the most similar one's class scores {nearest:.1%}"
    )


def main() -> None:
    size, manifest = read_params("vgg", Vgg).image_size, read_manifest()
    pixels = read_pixels(len(manifest), size)
    labels, drivers, small = labels_of(manifest), manifest["subject"].to_numpy(), thumbnails(pixels)
    metrics: dict[str, float] = {}
    pairs: dict[str, list] = {name: [] for name in ("split", "test", "train", "correlation")}
    for by in SPLIT_BY:
        rows = rows_by_split(manifest, by)
        train, test = rows["train"], rows["test"]
        number, correlation = closest(small[train], small[test])
        twins = train[number]
        answers = {
            "majority": np.full(len(test), np.bincount(labels[train]).argmax()),
            "linear": linear_answers(small[train], labels[train], small[test]),
            "nearest_neighbour": labels[twins],
        }
        for probe, classes in answers.items():
            correct = classes == labels[test]
            low, high = accuracy_interval(correct, drivers[test])
            ends = {"": float(correct.mean()), "_low": low, "_high": high}
            metrics |= {f"by_{by}_{probe}_test_accuracy{end}": value for end, value in ends.items()}
        near = int((correlation >= NEAR_DUPLICATE).sum())
        shared = len(np.intersect1d(drivers[test], drivers[train]))
        metrics |= {
            f"by_{by}_test_images_with_near_duplicate": near,
            f"by_{by}_test_share_with_near_duplicate": near / len(test),
            f"by_{by}_test_drivers_in_training": shared,
        }
        nearest = metrics[f"by_{by}_nearest_neighbour_test_accuracy"]
        print(verdict(by, len(test), near, shared, nearest), flush=True)

        order = np.argsort(-correlation, kind="stable")
        names = [manifest["path"].iloc[of[order]].tolist() for of in (test, twins)]
        for column, values in zip(pairs, ([by] * len(test), *names, correlation[order]), strict=True):
            pairs[column] += list(values)
    write_table(PLOTS / "pairs.csv", pairs)
    write_metrics("probe-leakage", metrics)


if __name__ == "__main__":
    run_stage(main)
