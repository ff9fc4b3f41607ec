"""Stage `draw-drivers`: pictures of the driver images, their splits, and what the classifiers look at."""

from pathlib import Path

import numpy as np
import pandas as pd

from ladder.drivers.images import (
    CLASS_NAMES,
    CLASSES,
    CONFUSABLE,
    SPLIT_BY,
    Split,
    labels_of,
    read_manifest,
    rows_by_split,
)
from ladder.drivers.pixels import read_pixels
from ladder.figures.classifier import draw_answers, draw_classifier
from ladder.figures.style import class_distribution, image_grid, write_figure
from ladder.files.errors import run_stage
from ladder.files.memory_maps import ArrayRows
from ladder.files.params import read_params
from ladder.files.tables import read_table
from ladder.rungs import FINE_TUNED, HEAD_BY_DRIVER, HEAD_BY_IMAGE, HEAD_FOLDS
from ladder.training.keras_archive import load_keras
from ladder.training.runtime import keras
from ladder.vgg.grad_cam import heat_maps, overlay
from ladder.vgg.params import Vgg
from ladder.vgg.vgg16 import BASE_FILE, load_base

PICTURES = Path("plots/draw_drivers")
SAMPLED_DRIVERS = 8
PAIRS_SHOWN = 8
COLUMNS = 10
NAMES = [f"{code} {name}" for code, name in zip(CLASSES, CLASS_NAMES, strict=True)]


def draw_samples(manifest: pd.DataFrame, pixels: np.ndarray) -> None:
    """A row per class, a column per driver who has them all."""
    classes = manifest.groupby("subject")["class"].agg("nunique")
    complete = classes[classes == classes.max()].head(SAMPLED_DRIVERS)
    first = manifest[manifest["subject"].isin(complete.index)].drop_duplicates(["class", "subject"])
    shown = first.sort_values(["class", "subject"])
    captions = [
        f"{NAMES[CLASSES.index(code)]}\n{who}"
        for code, who in zip(shown["class"], shown["subject"], strict=True)
    ]
    grid = image_grid(pixels[shown.index.to_numpy()], captions, "Driver images", shown["subject"].nunique())
    write_figure(PICTURES / "samples.png", grid)


def draw_splits(manifest: pd.DataFrame) -> None:
    """Images per class and split."""
    labels = labels_of(manifest)
    for by in SPLIT_BY:
        rows = rows_by_split(manifest, by)
        counts = {split: np.bincount(labels[part], minlength=10).tolist() for split, part in rows.items()}
        figure = class_distribution(counts, NAMES, f"Images per class, split by {by}")
        write_figure(PICTURES / f"classes_by_{by}.png", figure)


def draw_closest_pairs(manifest: pd.DataFrame, pixels: np.ndarray) -> None:
    """Test images above the training images that look most like them."""
    pairs = read_table("plots/probe_leakage/pairs.csv", ("split", "test", "train", "correlation"), str)
    rows = pd.Series(manifest.index, manifest["path"])
    for by in SPLIT_BY:
        shown = pairs[pairs["split"] == by].head(PAIRS_SHOWN)
        test, train = (rows[shown[column]].to_numpy() for column in ("test", "train"))
        who = manifest["class"] + ", " + manifest["subject"]
        captions = [f"test: {who[row]}" for row in test]
        captions += [
            f"train: {who[row]}\ncorrelation {float(correlation):.3f}"
            for row, correlation in zip(train, shown["correlation"], strict=True)
        ]
        title = f"Split by {by}: test images and the training images closest to them"
        grid = image_grid(pixels[np.concatenate([test, train])], captions, title, len(test))
        write_figure(PICTURES / f"closest_by_{by}.png", grid)


def draw_first_convolution(base: keras.Model) -> None:
    """The 3×3 RGB kernels of the first convolution, each from its least weight to its largest."""
    kernels = np.moveaxis(base.get_layer("block1_conv1").get_weights()[0], -1, 0)
    lowest, highest = (pick(kernels, axis=(1, 2, 3), keepdims=True) for pick in (np.min, np.max))
    pictures = np.rint((kernels - lowest) / np.maximum(highest - lowest, 1e-12) * 255).astype(np.uint8)
    title = "First convolution of VGG16: its 64 kernels of 3×3 RGB pixels"
    grid = image_grid(pictures, [""] * len(pictures), title, 16)
    write_figure(PICTURES / "first_convolution.png", grid)


def draw_heat_maps(
    classifier: keras.Model, manifest: pd.DataFrame, pixels: np.ndarray, test: np.ndarray
) -> None:
    """Test images above their heat-maps: the first of each class, and the most confident mistakes."""
    answers = read_table(FINE_TUNED.plots() / "predictions.csv", ("item", "predicted", "confidence"), str)
    answers = answers.set_index("item").loc[manifest["path"].iloc[test]]
    predicted = answers["predicted"].map(CLASSES.index).to_numpy()
    confidence = answers["confidence"].astype(float).to_numpy()
    labels = labels_of(manifest)[test]
    first = [found[0] for c in range(len(CLASSES)) if len(found := np.flatnonzero(labels == c))]
    wrong = np.flatnonzero(predicted != labels)
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")][:COLUMNS]
    for name, chosen, title in (
        ("grad_cam", np.array(first), "Evidence for the predicted class: the first test image of each class"),
        ("grad_cam_mistakes", wrong, "Evidence for the wrong class: the most confident mistakes"),
    ):
        images = pixels[test[chosen]]
        heat = heat_maps(classifier, images, predicted[chosen]) if len(chosen) else []
        # Keeps both rows below each other.
        blank = [np.full_like(pixels[0], 255)] * (-len(chosen) % COLUMNS)
        rows = [*images, *blank, *map(overlay, images, heat)]
        captions = [NAMES[i] for i in labels[chosen]] + [""] * len(blank)
        captions += [f"{CLASSES[predicted[i]]}, {confidence[i]:.0%}" for i in chosen]
        write_figure(PICTURES / f"{name}.png", image_grid(np.array(rows), captions, title, COLUMNS))


def main() -> None:
    size, split_by = read_params("vgg", Vgg).image_size, read_params("split", Split).by
    manifest = read_manifest()
    pixels = read_pixels(len(manifest), size)
    test = {by: rows_by_split(manifest, by)["test"] for by in SPLIT_BY}
    draw_samples(manifest, pixels)
    draw_splits(manifest)
    draw_closest_pairs(manifest, pixels)
    for rung, by in ((HEAD_BY_IMAGE, "image"), (HEAD_BY_DRIVER, "driver"), (FINE_TUNED, split_by)):
        images = ArrayRows(pixels, test[by])
        draw_classifier(
            rung.plots(), rung.pictures(), rung.title, rung.metrics(), CLASSES, images, CONFUSABLE
        )
    folds = HEAD_FOLDS
    draw_answers(folds.plots(), folds.pictures(), folds.title, folds.metrics(), CLASSES, pixels, CONFUSABLE)
    draw_first_convolution(load_base(size, BASE_FILE))
    draw_heat_maps(load_keras(FINE_TUNED.model), manifest, pixels, test[split_by])


if __name__ == "__main__":
    run_stage(main)
