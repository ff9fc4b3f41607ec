"""Pictures of how a classifier learned, what it confuses, whom it fails and how sure of itself it is.

They are drawn from the plot data that `ladder.evaluation.report` writes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from sklearn.metrics import confusion_matrix

from ladder.figures.style import BLUE, GREY, SPLIT_COLOURS, VERMILION, image_grid, plt, write_figure
from ladder.files.memory_maps import Rows
from ladder.files.metrics import Metrics
from ladder.files.tables import read_table

CURVES = ("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy")
MISTAKES_SHOWN = 24


def draw_classifier(
    data: Path,
    pictures: Path,
    title: str,
    metrics: Metrics,
    class_names: Sequence[str],
    test_images: Rows,
    confusable: Sequence[tuple[int, int]] = (),
) -> None:
    """Draw every picture of one classifier.

    Parameters
    ----------
    data : the folder that `write_classifier_report` filled.
    pictures : the folder to write to.
    metrics : of this classifier.
    test_images : uint8 [items, height, width] or [items, height, width, 3], in the order of predictions.csv,
        or what can be indexed like it.
    confusable : pairs of classes whose two cells of the confusion matrix get a frame.
    """
    curves = read_table(data / "curves.csv", CURVES, float)
    curves_figure = learning_curves(curves, title, int(metrics["kept_epoch"]))
    write_figure(pictures / "curves.png", curves_figure)
    draw_answers(data, pictures, title, metrics, class_names, test_images, confusable)


def draw_answers(
    data: Path,
    pictures: Path,
    title: str,
    metrics: Metrics,
    class_names: Sequence[str],
    test_images: Rows,
    confusable: Sequence[tuple[int, int]] = (),
) -> None:
    """Draw what a classifier answers on the test split; parameters as of `draw_classifier`."""
    answers = read_table(data / "predictions.csv", ("actual", "predicted", "confidence"), str)
    interval = f"{metrics['test_accuracy_low']:.1%} to {metrics['test_accuracy_high']:.1%}"
    shown = f"test accuracy {metrics['test_accuracy']:.1%} ({interval}), {len(answers)} images"
    if confusable:
        pairs = ", ".join(f"{class_names[a]}/{class_names[b]}" for a, b in confusable)
        known, mistakes = metrics["test_mistakes_in_known_pairs"], metrics["test_mistakes"]
        shown += f"\n{known} of {mistakes} mistakes in {pairs} (framed)"
    counts = confusion_matrix(answers["actual"], answers["predicted"], labels=class_names)
    write_figure(pictures / "confusion.png", confusion(counts, class_names, f"{title}\n{shown}", confusable))

    confidence = answers["confidence"].to_numpy(float)
    wrong = np.flatnonzero(answers["actual"] != answers["predicted"])
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES_SHOWN]
    captions = [
        f"{row.actual} as {row.predicted}, {float(row.confidence):.0%}"
        for row in answers.iloc[worst].itertuples()
    ]
    grid = image_grid(test_images[worst], captions, f"{title}: most confident of {len(wrong)} mistakes")
    write_figure(pictures / "mistakes.png", grid)

    tables = {
        kind: read_table(data / f"by_{kind}.csv", (kind, "accuracy", "low", "high"), str)
        for kind in ("class", "driver")
        if (data / f"by_{kind}.csv").exists()
    }
    write_figure(pictures / "groups.png", accuracy_by_group(tables, f"{title}\ntest accuracy"))

    bins = read_table(data / "reliability.csv", ("scaling", "confidence", "accuracy", "items"), str)
    errors = (metrics["test_calibration_error"], metrics["test_calibration_error_scaled"])
    write_figure(pictures / "reliability.png", reliability_diagram(bins, errors, title))


def learning_curves(history: pd.DataFrame, title: str, kept_epoch: int) -> Figure:
    """Loss and accuracy against epoch, one line per split.

    Parameters
    ----------
    history : columns `epoch`, `train_loss`, `val_loss`, `train_accuracy`, `val_accuracy`.
    kept_epoch : the epoch whose model is kept, drawn as a dashed line.
    """
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.5))
    for panel, (quantity, label) in zip(
        panels, (("loss", "loss (cross-entropy, nats)"), ("accuracy", "accuracy")), strict=True
    ):
        for split in ("train", "val"):
            values = history[f"{split}_{quantity}"]
            panel.plot(history["epoch"], values, "o-", ms=3, color=SPLIT_COLOURS[split], label=split)
        panel.axvline(kept_epoch, color=GREY, ls="--", lw=1, label=f"kept: epoch {kept_epoch}")
        panel.set(xlabel="epoch", ylabel=label)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[0].legend()
    figure.suptitle(title)
    return figure


def confusion(
    counts: np.ndarray, class_names: Sequence[str], title: str, framed: Sequence[tuple[int, int]] = ()
) -> Figure:
    """Confusion matrix; `counts` [actual, predicted], shaded by the share of each actual class.

    `framed`: pairs of classes whose two cells get a frame.
    """
    size = len(class_names)
    figure, axes = plt.subplots(figsize=(1.8 + 0.55 * size, 1.6 + 0.5 * size))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for actual, predicted in np.argwhere(counts > 0):
        dark = shares[actual, predicted] > 0.5
        text = str(counts[actual, predicted])
        axes.text(predicted, actual, text, ha="center", va="center", color="white" if dark else "black")
    for pair in framed:
        for actual, predicted in (pair, pair[::-1]):
            corner = (predicted - 0.5, actual - 0.5)
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=VERMILION, lw=1.5))
    axes.set_xticks(
        range(size), class_names, rotation=45 if max(map(len, class_names)) > 2 else 0, ha="right"
    )
    axes.set_yticks(range(size), class_names)
    axes.set(xlabel="predicted class", ylabel="actual class", title=title)
    axes.grid(False)
    figure.colorbar(image, ax=axes, label="share of the actual class", shrink=0.8)
    return figure


def accuracy_by_group(tables: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """Accuracy of each group with its 95 % interval, the worst first, a panel per kind of group.

    Parameters
    ----------
    tables : kind of group → columns named after it, `accuracy`, `low` and `high`, as text.
    """
    widths = [max(4.0, 1.5 + 0.16 * len(table["accuracy"])) for table in tables.values()]
    figure, panels = plt.subplots(
        1, len(tables), figsize=(sum(widths), 3.8), squeeze=False, width_ratios=widths, sharey=True
    )
    for panel, (kind, table) in zip(panels.flat, tables.items(), strict=True):
        accuracy, low, high = (np.asarray(table[name], float) for name in ("accuracy", "low", "high"))
        order = np.argsort(accuracy, kind="stable")
        places, reach = np.arange(len(order)), np.stack([accuracy - low, high - accuracy]).clip(0)
        panel.errorbar(places, accuracy[order], reach[:, order], fmt="o", ms=4, color=BLUE, ecolor=GREY, lw=1)
        names = [str(table[kind][i]) for i in order]
        turned = 90 if max(map(len, names)) > 2 else 0
        panel.set_xticks(places, names, rotation=turned, fontsize=7 if len(names) > 20 else 9)
        panel.set(xlabel=kind, ylim=(-0.03, 1.03), xlim=(-1, len(order)))
        panel.grid(False, axis="x")
    panels[0, 0].set_ylabel("accuracy, 95 % interval")
    figure.suptitle(title)
    return figure


def reliability_diagram(bins: pd.DataFrame, errors: Sequence[float], title: str) -> Figure:
    """Accuracy against confidence, a line per scaling, and below it where the answers are.

    Parameters
    ----------
    bins : columns `scaling`, `confidence`, `accuracy` and `items`, as text.
    errors : the expected calibration error of each scaling.
    """
    figure, (panel, below) = plt.subplots(2, 1, figsize=(5, 5.4), height_ratios=(3, 1), sharex=True)
    panel.plot([0, 1], [0, 1], color=GREY, ls="--", lw=1, label="perfect calibration")
    lines = zip(bins.groupby("scaling", sort=False), errors, (VERMILION, BLUE), "os", strict=True)
    for (name, of_scaling), error, colour, marker in lines:
        confidence, accuracy, items = of_scaling[["confidence", "accuracy", "items"]].to_numpy(float).T
        label = f"{name}: expected error {error:.3f}"
        panel.plot(confidence, accuracy, f"{marker}-", ms=4, color=colour, label=label)
        below.plot(confidence, items, f"{marker}-", ms=4, color=colour)
    panel.set(ylabel="accuracy", ylim=(-0.03, 1.03), title=f"{title}\ncalibration on the test split")
    panel.legend(fontsize=8)
    below.set(xlabel="confidence", ylabel="images", yscale="log")
    return figure
