"""The report of a classifier: its tables agree with each other and with scikit-learn."""

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix, log_loss

from ladder.evaluation.accuracy import Answers, wilson_interval
from ladder.evaluation.report import write_classifier_report
from ladder.figures.classifier import draw_classifier

NAMES = ("ant", "bee", "cow", "dog")
CONFUSABLE = ((0, 1), (2, 3))
HISTORY = {
    "epoch": [1],
    "train_loss": [1.0],
    "val_loss": [1.1],
    "train_accuracy": [0.5],
    "val_accuracy": [0.4],
}


def answers(items, seed, drivers=None):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(NAMES), items)
    logits = rng.normal(0, 1, (items, len(NAMES))) + 2 * np.eye(len(NAMES))[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    who = None if drivers is None else np.array([f"p{d}" for d in rng.integers(0, drivers, items)])
    return Answers(probabilities.astype(np.float32), labels, who)


def report(folder, drivers=None, confusable=()):
    splits = {split: answers(300, seed, drivers) for seed, split in enumerate(("train", "val", "test"))}
    items = [f"{number}.png" for number in range(300)]
    return splits["test"], write_classifier_report(folder, NAMES, items, HISTORY, 1, splits, confusable)


@pytest.fixture(params=[None, 7], ids=["alone", "drivers"])
def written(request, tmp_path):
    return tmp_path, *report(tmp_path, request.param, CONFUSABLE)


def test_predictions_name_the_items_and_give_back_accuracy_and_loss(written):
    folder, test, metrics = written
    table = pd.read_csv(folder / "predictions.csv")
    assert table["item"].tolist() == [f"{number}.png" for number in range(300)]
    assert (table["actual"] == np.array(NAMES)[test.labels]).all()
    assert (table["actual"] == table["predicted"]).mean() == metrics["test_accuracy"]
    assert table["loss"].mean() == pytest.approx(metrics["test_loss"], rel=1e-5)
    assert metrics["test_loss"] == pytest.approx(log_loss(test.labels, test.probabilities), rel=1e-5)
    assert ("driver" in table) == (test.drivers is not None)


def test_mistakes_in_known_pairs_are_those_of_the_confusion_matrix(written):
    _, test, metrics = written
    counts = confusion_matrix(test.labels, test.probabilities.argmax(axis=1))
    assert metrics["test_mistakes"] == counts.sum() - counts.trace()
    known = counts[0, 1] + counts[1, 0] + counts[2, 3] + counts[3, 2]
    assert metrics["test_mistakes_in_known_pairs"] == known > 0


def test_classes_and_drivers_add_up_to_the_whole(written):
    folder, test, metrics = written
    kinds = ["class"] if test.drivers is None else ["class", "driver"]
    assert sorted(path.name for path in folder.glob("by_*.csv")) == [f"by_{kind}.csv" for kind in kinds]
    for kind in kinds:
        table = pd.read_csv(folder / f"by_{kind}.csv")
        assert table["images"].sum() == 300
        whole = np.average(table["accuracy"], weights=table["images"])
        assert whole == pytest.approx(metrics["test_accuracy"], abs=1e-5)
        assert ((table["low"] <= table["accuracy"]) & (table["accuracy"] <= table["high"])).all()
    bees = pd.read_csv(folder / "by_class.csv").set_index("class").loc["bee"]
    right = test.correct()[test.labels == 1]
    assert bees["accuracy"] == pytest.approx(right.mean(), abs=1e-5)
    low, high = wilson_interval(int(right.sum()), len(right))
    assert bees["low"] <= low + 1e-5 and bees["high"] >= high - 1e-5


def test_calibration_is_reported_before_and_after_what_validation_decides(written):
    folder, _, metrics = written
    table = pd.read_csv(folder / "reliability.csv")
    assert table.groupby("scaling")["items"].sum().tolist() == [300, 300]
    for (_, bins), name in zip(
        table.groupby("scaling", sort=False),
        ("test_calibration_error", "test_calibration_error_scaled"),
        strict=True,
    ):
        error = np.average((bins["accuracy"] - bins["confidence"]).abs(), weights=bins["items"])
        assert metrics[name] == pytest.approx(error, abs=1e-5)
    assert all(math.isfinite(value) for value in metrics.values()) and metrics["temperature"] > 0


def test_without_known_pairs_there_is_no_such_metric(tmp_path):
    _, metrics = report(tmp_path)
    assert "test_mistakes_in_known_pairs" not in metrics and metrics["test_mistakes"] > 0


def test_a_perfect_model_has_a_report_too(tmp_path):
    labels = np.arange(40) % len(NAMES)
    perfect = Answers(np.eye(len(NAMES), dtype=np.float32)[labels], labels)
    splits = dict.fromkeys(("train", "val", "test"), perfect)
    metrics = write_classifier_report(tmp_path / "data", NAMES, range(40), HISTORY, 1, splits)
    assert metrics["test_accuracy"] == 1 and metrics["test_mistakes"] == 0
    assert metrics["test_accuracy_low"] == pytest.approx(0.912, abs=0.001)
    assert metrics["test_calibration_error"] == 0
    images = np.zeros((40, 8, 8), np.uint8)
    draw_classifier(tmp_path / "data", tmp_path, "A model", metrics, NAMES, images)
    assert (tmp_path / "mistakes.png").stat().st_size > 0


def test_every_picture_is_drawn_from_the_tables(written):
    folder, _, metrics = written
    images = np.zeros((300, 8, 8), np.uint8)
    draw_classifier(folder, folder / "pictures", "A model", metrics, NAMES, images, CONFUSABLE)
    assert {path.stem for path in (folder / "pictures").iterdir()} == {
        "confusion",
        "curves",
        "groups",
        "mistakes",
        "reliability",
    }
