"""The committed metrics of the default run are as good as the README says, and not suspiciously good."""

import json
import math

import pytest

from tests.imports import ROOT
from tests.pipeline.test_dvc_yaml import MEASURING


def committed(name):
    """The committed metrics of a stage."""
    return json.loads((ROOT / "metrics" / (name.replace("-", "_") + ".json")).read_text("utf-8"))


@pytest.mark.parametrize("name", MEASURING)
def test_every_metric_is_finite(name):
    assert all(math.isfinite(value) for value in committed(name).values())


def test_the_neuron_finds_1_8_and_32_within_the_standard_error_and_equals_least_squares():
    metrics = committed("train-linreg")
    assert abs(metrics["weight"] - 1.8) <= metrics["weight_standard_error"]
    assert abs(metrics["bias"] - 32) <= metrics["bias_standard_error"]
    assert metrics["weight_off_least_squares"] <= 1e-9
    assert metrics["bias_off_least_squares"] <= 1e-9


@pytest.mark.parametrize(
    ("name", "metric", "least"),
    [
        ("train-mlp", "numpy_test_accuracy", 0.92),
        ("train-mlp", "keras_test_accuracy", 0.92),
        ("train-mnist", "test_accuracy", 0.93),
        ("train-vgg-head", "by_image_test_accuracy", 0.94),
        ("finetune-vgg", "test_accuracy", 0.98),
    ],
)
def test_the_networks_pass_on_test_images(name, metric, least):
    # Exactly 100 % would smell of a leak.
    assert least <= committed(name)[metric] < 1


def test_back_propagation_is_right():
    assert committed("train-moons")["gradient_relative_error"] <= 1e-7
