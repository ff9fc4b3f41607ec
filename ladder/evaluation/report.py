"""What every classifier stage writes beside its model: metrics, and who and what it gets wrong."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.metrics import confusion_matrix

from ladder.figures import classifier as draw
from ladder.evaluation.calibration import fit_temperature, reliability, scaled
from ladder.evaluation.accuracy import Answers, accuracy_interval, classification_metrics, mean_cross_entropy
from ladder.figures.style import image_grid, write_figure
from ladder.files.outputs import write_table

MISTAKES_SHOWN = 24


class Subject(NamedTuple):
    """What is classified: the classes' names, pairs of them that are often confused, and the test items.

    `test_items` [items] name the test items, so that two models can be compared item by item; `test_images`
    are their pictures, uint8.
    """

    class_names: Sequence[str]
    test_items: Sequence[str | int]
    test_images: np.ndarray
    confusable: Sequence[tuple[int, int]] = ()


def write_classifier_report(
    folder: Path,
    title: str,
    subject: Subject,
    history: Mapping[str, Sequence[float]],
    kept_epoch: int,
    answers: Mapping[str, Answers],
) -> dict[str, float]:
    """Write plot data and figures to `folder` and return the metrics of all splits.

    Parameters
    ----------
    history : columns `epoch`, `train_loss`, `val_loss`, `train_accuracy`, `val_accuracy`.
    answers : of "train", "val" and "test".
    """
    metrics: dict[str, float] = {"kept_epoch": kept_epoch}
    for split, of_split in answers.items():
        metrics |= classification_metrics(split, of_split)
    write_table(folder / "curves.csv", history)
    write_figure(folder / "curves.png", draw.learning_curves(history, title, kept_epoch))
    _write_predictions(folder, subject, answers["test"])
    metrics |= _report_mistakes(folder, title, subject, answers["test"], metrics)
    _report_groups(folder, title, subject, answers["test"])
    return metrics | _report_calibration(folder, title, answers["val"], answers["test"])


def _write_predictions(folder: Path, subject: Subject, test: Answers) -> None:
    names = np.array(subject.class_names)
    of_actual = test.probabilities[np.arange(len(test.labels)), test.labels].astype(np.float64)
    columns = {"item": subject.test_items}
    if test.drivers is not None:
        columns["driver"] = test.drivers
    columns |= {
        "actual": names[test.labels],
        "predicted": names[test.probabilities.argmax(axis=1)],
        "confidence": test.probabilities.max(axis=1),
        "loss": -np.log(np.maximum(of_actual, np.finfo(np.float32).tiny)),
    }
    write_table(folder / "predictions.csv", columns)


def _report_mistakes(
    folder: Path, title: str, subject: Subject, test: Answers, metrics: Mapping[str, float]
) -> dict[str, float]:
    """Confusion matrix, and the mistakes that the model is surest of, as pictures."""
    names = subject.class_names
    predicted, confidence = test.probabilities.argmax(axis=1), test.probabilities.max(axis=1)
    counts = confusion_matrix(test.labels, predicted, labels=range(len(names)))
    mistakes = int((~test.correct()).sum())
    found: dict[str, float] = {"test_mistakes": mistakes}
    shown = (
        f"test accuracy {metrics['test_accuracy']:.1%} "
        f"({metrics['test_accuracy_low']:.1%} to {metrics['test_accuracy_high']:.1%}), "
        f"{len(test.labels)} images"
    )
    if subject.confusable:
        found["test_mistakes_in_known_pairs"] = sum(
            int(counts[a, b] + counts[b, a]) for a, b in subject.confusable
        )
        pairs = ", ".join(f"{names[a]}/{names[b]}" for a, b in subject.confusable)
        shown += f"\n{found['test_mistakes_in_known_pairs']} of {mistakes} mistakes in {pairs} (framed)"
    write_figure(
        folder / "confusion.png", draw.confusion(counts, names, f"{title}\n{shown}", subject.confusable)
    )
    wrong = np.flatnonzero(~test.correct())
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES_SHOWN]
    captions = [f"{names[test.labels[i]]} as {names[predicted[i]]}, {confidence[i]:.0%}" for i in wrong]
    grid = image_grid(subject.test_images[wrong], captions, f"{title}: most confident of {mistakes} mistakes")
    write_figure(folder / "mistakes.png", grid)
    return found


def _report_groups(folder: Path, title: str, subject: Subject, test: Answers) -> None:
    """Accuracy of each class, and of each driver where they are known."""
    groups = {"class": np.array(subject.class_names)[test.labels]}
    if test.drivers is not None:
        groups["driver"] = test.drivers
    tables = {}
    for kind, of_item in groups.items():
        rows = []
        for name in np.unique(of_item):
            chosen = of_item == name
            correct = test.correct()[chosen]
            drivers = test.drivers[chosen] if test.drivers is not None and kind == "class" else None
            rows.append((name, len(correct), correct.mean(), *accuracy_interval(correct, drivers)))
        columns = (kind, "images", "accuracy", "low", "high")
        tables[kind] = dict(zip(columns, zip(*rows, strict=True), strict=True))
        write_table(folder / f"by_{kind}.csv", tables[kind])
    write_figure(folder / "groups.png", draw.accuracy_by_group(tables, f"{title}\ntest accuracy"))


def _report_calibration(folder: Path, title: str, val: Answers, test: Answers) -> dict[str, float]:
    """Reliability on the test split before and after temperature scaling, which validation decides."""
    temperature = fit_temperature(val.probabilities, val.labels)
    after = scaled(test.probabilities, temperature)
    both = {
        "as trained": reliability(test.probabilities, test.labels),
        f"temperature {temperature:.2f}": reliability(after, test.labels),
    }
    columns = {
        "scaling": [name for name, bins in both.items() for _ in bins.items],
        **{
            field: np.concatenate([getattr(bins, field) for bins in both.values()])
            for field in ("confidence", "accuracy", "items")
        },
    }
    write_table(folder / "reliability.csv", columns)
    write_figure(folder / "reliability.png", draw.reliability_diagram(both, title))
    before_error, after_error = (bins.expected_error() for bins in both.values())
    return {
        "temperature": temperature,
        "test_calibration_error": before_error,
        "test_calibration_error_scaled": after_error,
        "test_loss_scaled": mean_cross_entropy(after, test.labels),
    }
