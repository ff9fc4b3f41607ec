"""The report of a driver classifier: by class and by driver, and whether its test drivers were trained on."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from ladder.drivers.images import CLASSES, CONFUSABLE, SPLITS, folds_of, labels_of, rows_by_split
from ladder.evaluation.accuracy import Answers
from ladder.evaluation.calibration import fit_temperature, scaled
from ladder.evaluation.report import write_classifier_report, write_test_report
from ladder.training.training_log import TrainingLog


def report_drivers(
    folder: Path,
    manifest: pd.DataFrame,
    by: str,
    log: TrainingLog,
    probabilities: Mapping[str, np.ndarray],
    train_sample: np.ndarray | None = None,
) -> dict[str, float]:
    """Write the report to `folder`, say if the test drivers were trained on, and return the metrics.

    Parameters
    ----------
    by : "image" or "driver", the split that was trained on.
    probabilities : split → [items, classes], of the rows that `rows_by_split` gives it.
    train_sample : the rows of the training images that `probabilities` are of, if not of all.
    """
    rows, labels, drivers = rows_by_split(manifest, by), labels_of(manifest), manifest["subject"].to_numpy()
    test, trained_on = rows["test"], drivers[rows["train"]]
    if train_sample is not None:
        rows["train"] = train_sample
    metrics = write_classifier_report(
        folder,
        CLASSES,
        manifest["path"].iloc[test].tolist(),
        log.history,
        log.kept_epoch,
        {split: Answers(probabilities[split], labels[rows[split]], drivers[rows[split]]) for split in SPLITS},
        CONFUSABLE,
    )
    known = np.intersect1d(drivers[test], trained_on)
    count = len(np.unique(drivers[test]))
    metrics |= {"test_drivers": count, "test_drivers_in_training": len(known)}
    if len(known):
        print(
            f"split by {by}: {len(known)} of {count} test drivers are in training too: "
            f"{metrics['test_accuracy']:.1%} is no accuracy to expect of a new driver",
            flush=True,
        )
    return metrics


def report_folds(
    folder: Path, manifest: pd.DataFrame, probabilities: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Write the report of a cross-validation by driver to `folder`: of all images, each tested once.

    Parameters
    ----------
    probabilities : "fold_1_val", "fold_1_test" and so on → [items, classes], of the rows that `rows_by_split`
        gives it. The temperature of a fold is that of its own validation images.
    """
    labels, drivers = labels_of(manifest), manifest["subject"].to_numpy()
    as_trained = np.zeros((len(manifest), len(CLASSES)))
    after_scaling = np.zeros_like(as_trained)
    for fold in folds_of(manifest):
        rows, of_test = rows_by_split(manifest, fold), probabilities[f"{fold}_test"]
        temperature = fit_temperature(probabilities[f"{fold}_val"], labels[rows["val"]])
        as_trained[rows["test"]] = of_test
        after_scaling[rows["test"]] = scaled(of_test, temperature)
    metrics = write_test_report(
        folder,
        CLASSES,
        manifest["path"].tolist(),
        Answers(as_trained, labels, drivers),
        {"as trained": as_trained, "temperature of each fold": after_scaling},
        CONFUSABLE,
    )
    return metrics | {"test_drivers": len(np.unique(drivers))}
