"""Pictures for people: titles, axes with units, legends, colours that colour-blind readers can tell apart."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ladder.files.outputs import replacing

# Okabe and Ito's palette (2008).
BLUE, ORANGE, VERMILION, GREY = "#0072B2", "#E69F00", "#D55E00", "#5F5F5F"
CELL, PICTURE = 1.19, 0.94  # height of a picture and its caption, and longest side of a picture, in columns
SPLIT_COLOURS = {"train": BLUE, "val": ORANGE, "test": VERMILION}

matplotlib.rcdefaults()  # whatever matplotlibrc says
plt.rcParams.update(
    {
        "figure.dpi": 120,
        "figure.constrained_layout.use": True,
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.3,
        "legend.frameon": False,
    }
)


def write_figure(path: str | Path, figure: Figure) -> None:
    """Write a figure as PNG, without the library's version in its metadata, and close it."""
    with replacing(path) as temporary:
        figure.savefig(temporary, metadata={"Software": None})
    plt.close(figure)


def image_grid(images: np.ndarray, captions: Sequence[str], title: str, columns: int = 8) -> Figure:
    """Small pictures with captions; `images` [n, height, width] grey or [n, height, width, 3] RGB, uint8.

    Without any, the figure says so. All lie in one axes: one for each would take several times as long.
    """
    rows = max(1, -(-len(images) // columns))
    figure, axes = plt.subplots(figsize=(1.35 * columns, 1.6 * rows + 0.5))
    for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
        (row, column), (height, width) = divmod(number, columns), image.shape[:2]
        half = np.array([width, height]) * min(PICTURE / width, PICTURE / height) / 2
        x, bottom = column + 0.5, (row + 1) * CELL
        extent = (x - half[0], x + half[0], bottom, bottom - 2 * half[1])
        axes.imshow(image, cmap="gray" if image.ndim == 2 else None, vmin=0, vmax=255, extent=extent)
        axes.text(x, bottom - 2 * half[1] - 0.03, caption, ha="center", va="bottom", fontsize=8)
    if not len(images):
        axes.text(columns / 2, CELL / 2, "none", ha="center", va="center")
    axes.set(xlim=(0, columns), ylim=(rows * CELL, 0), aspect="equal", title=title)
    axes.axis("off")
    return figure


def class_distribution(counts: Mapping[str, Sequence[int]], class_names: Sequence[str], title: str) -> Figure:
    """Stacked bars of images per class; `counts` maps a split to one count per class."""
    figure, axes = plt.subplots(figsize=(8, 3.8))
    bottom = np.zeros(len(class_names), dtype=int)
    for split, values in counts.items():
        axes.bar(
            class_names, values, bottom=bottom, color=SPLIT_COLOURS[split], label=f"{split} ({sum(values)})"
        )
        bottom = bottom + np.asarray(values)
    axes.set(ylabel="images", title=title)
    if max(map(len, class_names)) > 3:
        plt.setp(axes.get_xticklabels(), rotation=30, ha="right")
    axes.grid(False, axis="x")
    figure.legend(loc="outside right upper")
    return figure
