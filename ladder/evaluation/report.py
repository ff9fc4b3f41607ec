"""What every classifier stage writes beside its model: metrics, and who and what it gets wrong."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix

from ladder.evaluation.accuracy import Answers, accuracy_interval, classification_metrics, mean_cross_entropy
from ladder.evaluation.calibration import fit_temperature, reliability, scaled
from ladder.files.outputs import write_table


def write_classifier_report(
    folder: Path,
    class_names: Sequence[str],
    test_items: Sequence[str | int],
    history: Mapping[str, Sequence[float]],
    kept_epoch: int,
    answers: Mapping[str, Answers],
    confusable: Sequence[tuple[int, int]] = (),
) -> dict[str, float]:
    """Write plot data to `folder` and return the metrics of all splits.

    Parameters
    ----------
    test_items : [items], names of the test items, so that two models can be compared item by item.
    history : columns `epoch`, `train_loss`, `val_loss`, `train_accuracy`, `val_accuracy`.
    answers : of "train", "val" and "test".
    confusable : pairs of classes that are often confused.
    """
    metrics: dict[str, float] = {"kept_epoch": kept_epoch}
    for split in ("train", "val"):
        metrics |= classification_metrics(split, answers[split])
    write_table(folder / "curves.csv", history)
    val, test = answers["val"], answers["test"]
    temperature = fit_temperature(val.probabilities, val.labels)
    by_scaling = {
        "as trained": test.probabilities,
        f"temperature {temperature:.2f}": scaled(test.probabilities, temperature),
    }
    metrics |= write_test_report(folder, class_names, test_items, test, by_scaling, confusable)
    return metrics | {"temperature": temperature}


def write_test_report(
    folder: Path,
    class_names: Sequence[str],
    test_items: Sequence[str | int],
    test: Answers,
    by_scaling: Mapping[str, np.ndarray],
    confusable: Sequence[tuple[int, int]] = (),
) -> dict[str, float]:
    """The part of a report that is about test items alone; as `write_classifier_report`.

    Parameters
    ----------
    by_scaling : name → [items, classes], the probabilities before and after temperature scaling.
    """
    names = np.array(class_names)
    _write_predictions(folder, names, test_items, test)
    _write_groups(folder, names, test)
    counts = confusion_matrix(test.labels, test.probabilities.argmax(axis=1), labels=range(len(names)))
    metrics = classification_metrics("test", test)
    metrics["test_mistakes"] = int(counts.sum() - counts.trace())
    if confusable:
        metrics["test_mistakes_in_known_pairs"] = sum(int(counts[a, b] + counts[b, a]) for a, b in confusable)
    return metrics | _write_calibration(folder, by_scaling, test.labels)


def _write_predictions(folder: Path, names: np.ndarray, items: Sequence[str | int], test: Answers) -> None:
    of_actual = test.probabilities[np.arange(len(test.labels)), test.labels].astype(np.float64)
    columns = {"item": items}
    if test.drivers is not None:
        columns["driver"] = test.drivers
    columns |= {
        "actual": names[test.labels],
        "predicted": names[test.probabilities.argmax(axis=1)],
        "confidence": test.probabilities.max(axis=1),
        "loss": -np.log(np.maximum(of_actual, np.finfo(np.float32).tiny)),
    }
    write_table(folder / "predictions.csv", columns)


def _write_groups(folder: Path, names: np.ndarray, test: Answers) -> None:
    """Accuracy of each class, and of each driver where they are known."""
    groups = {"class": names[test.labels]}
    if test.drivers is not None:
        groups["driver"] = test.drivers
    for kind, of_item in groups.items():
        rows = []
        for name in np.unique(of_item):
            chosen = of_item == name
            correct = test.correct()[chosen]
            drivers = test.drivers[chosen] if test.drivers is not None and kind == "class" else None
            rows.append((name, len(correct), correct.mean(), *accuracy_interval(correct, drivers)))
        columns = (kind, "images", "accuracy", "low", "high")
        write_table(folder / f"by_{kind}.csv", dict(zip(columns, zip(*rows, strict=True), strict=True)))


def _write_calibration(
    folder: Path, by_scaling: Mapping[str, np.ndarray], labels: np.ndarray
) -> dict[str, float]:
    """Reliability on the test split before and after temperature scaling, which validation decides."""
    both = {name: reliability(probabilities, labels) for name, probabilities in by_scaling.items()}
    columns = {
        "scaling": [name for name, bins in both.items() for _ in bins.items],
        **{
            field: np.concatenate([getattr(bins, field) for bins in both.values()])
            for field in ("confidence", "accuracy", "items")
        },
    }
    write_table(folder / "reliability.csv", columns)
    before_error, after_error = (bins.expected_error() for bins in both.values())
    _, after = by_scaling.values()
    return {
        "test_calibration_error": before_error,
        "test_calibration_error_scaled": after_error,
        "test_loss_scaled": mean_cross_entropy(after, labels),
    }
