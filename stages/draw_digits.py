"""Stage `draw-digits`: pictures of the digits, and of what the networks that learned them do."""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ladder.digits.images import CLASS_NAMES, SIDE, Images, load_digits_splits
from ladder.digits.sources import Digits
from ladder.figures.classifier import draw_classifier
from ladder.figures.style import BLUE, ORANGE, class_distribution, image_grid, plt, write_figure
from ladder.files.errors import run_stage
from ladder.files.outputs import read_arrays
from ladder.files.params import read_params
from ladder.files.tables import read_table
from ladder.rungs import DEEP, DIGIT_CLASSIFIERS, FROM_SCRATCH, MOONS
from ladder.scratch.network import Network, predict
from ladder.scratch.network_file import read_network
from ladder.training.keras_archive import load_keras

PICTURES = Path("plots/draw_digits")
SAMPLES_PER_DIGIT = 4
UNITS_SHOWN, COLUMNS = 40, 10
MARGIN = 0.5  # of the plane around the moons


def draw_samples(splits: dict[str, Images], source: str) -> None:
    """Images per class and split, and some training images of each digit."""
    title, train = f"Images of source {source!r}", splits["train"]
    counts = {split: np.bincount(part.labels, minlength=10).tolist() for split, part in splits.items()}
    write_figure(PICTURES / "classes.png", class_distribution(counts, CLASS_NAMES, f"{title} per class"))
    first = [np.flatnonzero(train.labels == digit)[:SAMPLES_PER_DIGIT] for digit in range(10)]
    shown = np.concatenate(first)
    captions = [CLASS_NAMES[label] for label in train.labels[shown]]
    grid = image_grid(train.images[shown], captions, f"{title}: training", COLUMNS)
    write_figure(PICTURES / "samples.png", grid)


def decision_boundary(network: Network, table: pd.DataFrame) -> Figure:
    """P(class 1) over the plane around all points, and the test points.

    `table` has the columns `split`, `x1`, `x2` and `class`, all text.
    """
    figure, axes = plt.subplots(figsize=(6, 4.2))
    points = table[["x1", "x2"]].to_numpy(np.float32)
    ends = zip(points.min(axis=0) - MARGIN, points.max(axis=0) + MARGIN, strict=True)
    x, y = np.meshgrid(*(np.linspace(*pair, 200, dtype=np.float32) for pair in ends))
    probability = predict(network, np.column_stack([x.ravel(), y.ravel()]))[:, 1].reshape(x.shape)
    filled = axes.contourf(x, y, probability, levels=np.linspace(0, 1, 11), cmap="PuOr", alpha=0.7)
    axes.contour(x, y, probability, levels=[0.5], colors="black", linewidths=1.2)
    for label, colour, marker in ((0, ORANGE, "o"), (1, BLUE, "^")):
        chosen = points[(table["split"] == "test") & (table["class"] == str(label))]
        axes.plot(*chosen.T, marker, ms=4, mec="black", mew=0.4, color=colour, label=f"class {label}, test")
    axes.set(xlabel="x₁", ylabel="x₂", title=MOONS.title)
    axes.grid(False)
    figure.legend(loc="outside lower center", ncols=2)
    figure.colorbar(filled, ax=axes, label="P(class 1)")
    return figure


def first_layer(kernel: np.ndarray, title: str) -> Figure:
    """The first layer's weights [784, units] as pictures, of the units with the largest weights."""
    order = np.argsort(-np.linalg.norm(kernel, axis=0), kind="stable")[:UNITS_SHOWN]
    pictures = kernel.T[order].reshape(-1, SIDE, SIDE)
    shares = 0.5 + 0.5 * pictures / np.abs(pictures).max(axis=(1, 2), keepdims=True)
    colours = np.rint(matplotlib.colormaps["PuOr"](shares)[..., :3] * 255).astype(np.uint8)
    note = "ink on purple raises the unit's output, on orange it lowers it"
    return image_grid(
        colours, [f"unit {number}" for number in order], f"{title}: first layer\n{note}", COLUMNS
    )


def main() -> None:
    source = read_params("digits", Digits).source
    splits = load_digits_splits()
    draw_samples(splits, source)
    for rung in DIGIT_CLASSIFIERS:
        images = splits["test"].images
        draw_classifier(rung.plots(), rung.pictures(), rung.title, rung.metrics(), CLASS_NAMES, images)
    table = read_table(MOONS.plots() / "points.csv", ("split", "x1", "x2", "class"), str)
    moons = decision_boundary(read_network(MOONS.model, inputs=2, classes=2), table)
    write_figure(PICTURES / "moons.png", moons)
    scratch = read_arrays(FROM_SCRATCH.model)["weights_1"]
    deep = load_keras(DEEP.model).get_layer("hidden_1").get_weights()[0]
    for rung, kernel in ((FROM_SCRATCH, scratch), (DEEP, deep)):
        write_figure(rung.pictures() / "first_layer.png", first_layer(kernel, rung.title))


if __name__ == "__main__":
    run_stage(main)
