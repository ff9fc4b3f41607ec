"""What every classifier stage writes beside its model: metrics per split, curves, confusion, mistakes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix

from stages.core import figures
from stages.core.evaluation import classification_metrics
from stages.core.outputs import write_table

MISTAKES_SHOWN = 24


def write_classifier_report(
    folder: Path,
    title: str,
    class_names: Sequence[str],
    history: Mapping[str, Sequence[float]],
    kept_epoch: int,
    splits: Mapping[str, tuple[np.ndarray, np.ndarray]],
    test_images: np.ndarray,
) -> dict[str, float]:
    """Write plot data and figures to `folder` and return the metrics of all splits.

    Parameters
    ----------
    history : columns `epoch`, `train_loss`, `val_loss`, `train_accuracy`, `val_accuracy`.
    splits : maps "train", "val" and "test" to (probabilities [items, classes], labels [items]).
    test_images : the test split's pictures, in the order of its labels, uint8.
    """
    metrics: dict[str, float] = {"kept_epoch": kept_epoch}
    for split, (probabilities, labels) in splits.items():
        metrics |= classification_metrics(split, probabilities, labels)

    probabilities, labels = splits["test"]
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    write_table(folder / "curves.csv", history)
    write_table(
        folder / "predictions.csv",
        {
            "actual": [class_names[i] for i in labels],
            "predicted": [class_names[i] for i in predicted],
            "confidence": confidence,
        },
    )
    counts = confusion_matrix(labels, predicted, labels=range(len(class_names)))
    wrong = np.flatnonzero(predicted != labels)
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES_SHOWN]
    captions = [
        f"{class_names[labels[i]]} as {class_names[predicted[i]]}, {confidence[i]:.0%}" for i in wrong
    ]
    shown = (
        f"test accuracy {metrics['test_accuracy']:.1%} "
        f"({metrics['test_accuracy_low']:.1%} to {metrics['test_accuracy_high']:.1%}), {len(labels)} images"
    )
    for name, figure in {
        "curves": figures.learning_curves(history, title, kept_epoch),
        "confusion": figures.confusion(counts, class_names, f"{title}\n{shown}"),
        "mistakes": figures.image_grid(
            test_images[wrong], captions, f"{title}: most confident of {(predicted != labels).sum()} mistakes"
        ),
    }.items():
        figures.write_figure(folder / f"{name}.png", figure)
    return metrics
