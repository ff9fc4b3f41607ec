"""Pictures of how a classifier learned, what it confuses, whom it fails and how sure of itself it is."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from ladder.evaluation.calibration import Reliability
from ladder.figures.style import BLUE, GREY, SPLIT_COLOURS, VERMILION, plt


def learning_curves(history: Mapping[str, Sequence[float]], title: str, kept_epoch: int) -> Figure:
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


def accuracy_by_group(tables: Mapping[str, Mapping[str, Sequence]], title: str) -> Figure:
    """Accuracy of each group with its 95 % interval, the worst first, a panel per kind of group.

    Parameters
    ----------
    tables : kind of group → columns named after it, `images`, `accuracy`, `low` and `high`.
    """
    widths = [max(4.0, 1.5 + 0.16 * len(table["images"])) for table in tables.values()]
    figure, panels = plt.subplots(
        1, len(tables), figsize=(sum(widths), 3.8), squeeze=False, width_ratios=widths, sharey=True
    )
    for panel, (kind, table) in zip(panels.flat, tables.items(), strict=True):
        accuracy, low, high = (np.asarray(table[name]) for name in ("accuracy", "low", "high"))
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


def reliability_diagram(curves: Mapping[str, Reliability], title: str) -> Figure:
    """Accuracy against confidence, a line per scaling, and below it where the answers are."""
    figure, (panel, below) = plt.subplots(2, 1, figsize=(5, 5.4), height_ratios=(3, 1), sharex=True)
    panel.plot([0, 1], [0, 1], color=GREY, ls="--", lw=1, label="as sure as it is right")
    for (name, bins), colour, marker in zip(curves.items(), (VERMILION, BLUE), "os", strict=True):
        label = f"{name}: expected error {bins.expected_error():.3f}"
        panel.plot(bins.confidence, bins.accuracy, f"{marker}-", ms=4, color=colour, label=label)
        below.plot(bins.confidence, bins.items, f"{marker}-", ms=4, color=colour)
    panel.set(ylabel="accuracy", ylim=(-0.03, 1.03), title=f"{title}\ncalibration on the test split")
    panel.legend(fontsize=8)
    below.set(xlabel="confidence", ylabel="images", yscale="log")
    return figure
