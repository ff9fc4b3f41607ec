"""The report of a driver classifier: by class and by driver, and whether its test drivers were trained on."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from ladder.evaluation.report import Subject, write_classifier_report
from ladder.evaluation.accuracy import Answers
from ladder.files.memory_maps import ArrayRows
from ladder.training.training_log import TrainingLog
from ladder.drivers.images import CLASSES, SPLITS, labels_of, rows_by_split

# Often confused in the State Farm set: the phone and the text of one hand; hair done and safe driving.
CONFUSABLE = ((1, 2), (3, 4), (0, 9))


def report_drivers(
    folder: Path,
    title: str,
    manifest: pd.DataFrame,
    way: str,
    pixels: np.ndarray,
    log: TrainingLog,
    probabilities: Mapping[str, np.ndarray],
) -> dict[str, float]:
    """Write the report to `folder`, say if the test drivers were trained on, and return the metrics.

    Parameters
    ----------
    way : "image" or "driver", the split that was trained on.
    pixels : every image of the manifest.
    probabilities : split → [items, classes], of the rows that `rows_by_split` gives it.
    """
    rows, labels, drivers = rows_by_split(manifest, way), labels_of(manifest), manifest["subject"].to_numpy()
    test = rows["test"]
    metrics = write_classifier_report(
        folder,
        title,
        Subject(CLASSES, manifest["path"].iloc[test].tolist(), ArrayRows(pixels, test), CONFUSABLE),
        log.history,
        log.kept_epoch,
        {split: Answers(probabilities[split], labels[rows[split]], drivers[rows[split]]) for split in SPLITS},
    )
    known = np.intersect1d(drivers[test], drivers[rows["train"]])
    count = len(np.unique(drivers[test]))
    metrics |= {"test_drivers": count, "test_drivers_in_training": len(known)}
    if len(known):
        print(
            f"split by {way}: {len(known)} of {count} test drivers are in training too: "
            f"{metrics['test_accuracy']:.1%} is no accuracy to expect of a new driver",
            flush=True,
        )
    return metrics
