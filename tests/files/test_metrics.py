"""Metrics are flat finite numbers, and their names follow one grammar."""

import json
from pathlib import Path

import numpy as np
import pytest

from ladder.files.errors import InputError
from ladder.files.metrics import MetricName, every_metric, parse_name, part_of, read_metrics, write_metrics
from tests.imports import ROOT


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_metrics_have_six_significant_digits_and_whole_numbers_stay_whole():
    metrics = {"a": 1.23456789, "b": 0.000123456789, "c": 14714688, "d": np.float32(0.1), "e": np.int64(-2)}
    write_metrics("train-some", metrics)
    text = Path("metrics/train_some.json").read_text()
    assert read_metrics("train-some") == {"a": 1.23457, "b": 0.000123457, "c": 14714688, "d": 0.1, "e": -2}
    assert '"c": 14714688,' in text and '"e": -2\n' in text
    assert list(json.loads(text)) == list(metrics)
    assert text.endswith("}\n")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -np.inf, np.float32("nan")])
def test_a_metric_that_is_not_finite_is_refused_and_the_old_file_kept(value):
    write_metrics("some", {"loss": 1.5})
    with pytest.raises(InputError, match=r"^metrics/some\.json: loss is -?(nan|inf): .*learning rate"):
        write_metrics("some", {"accuracy": 0.5, "loss": value})
    assert read_metrics("some") == {"loss": 1.5}
    assert [path.name for path in Path("metrics").iterdir()] == ["some.json"]


@pytest.mark.parametrize("content", [None, "", "{"])
def test_metrics_that_cannot_be_read_are_one_line(content):
    if content is not None:
        Path("metrics").mkdir()
        Path("metrics/some.json").write_text(content)
    with pytest.raises(InputError, match=r"^metrics/some\.json: .*`dvc repro` makes it"):
        read_metrics("some")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("test_accuracy", ("", "test", "accuracy", "")),
        ("by_driver_test_accuracy_low", ("by_driver", "test", "accuracy", "low")),
        (
            "by_image_nearest_neighbour_test_accuracy_high",
            ("by_image_nearest_neighbour", "test", "accuracy", "high"),
        ),
        ("numpy_val_loss", ("numpy", "val", "loss", "")),
        ("test_images_with_near_duplicate", ("", "test", "images_with_near_duplicate", "")),
        ("unseen_drivers_accuracy_low", ("", "", "unseen_drivers_accuracy", "low")),
        ("kept_epoch", ("", "", "kept_epoch", "")),
        ("weight", ("", "", "weight", "")),
    ],
)
def test_a_name_is_taken_apart(name, words):
    assert parse_name(name) == MetricName(*words)


def test_every_committed_bound_belongs_to_a_metric():
    texts = {str(path): path.read_text("utf-8") for path in (ROOT / "metrics").glob("*.json")}
    metrics = every_metric(texts)
    bounds = [name for name in metrics if parse_name(name.partition("/")[2]).bound]
    assert bounds and all(name.rpartition("_")[0] in metrics for name in bounds)


def test_a_part_is_that_of_its_name():
    metrics = {"by_image_test_loss": 1.0, "by_driver_test_loss": 2.0, "parameters": 3}
    assert part_of(metrics, "by_driver") == {"test_loss": 2.0}
    assert part_of(metrics, "") == metrics
