"""The real MNIST, where its IDX files are at hand: the published recipe, and what `mnist-5k` holds of it."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from ladder.digits.sources import read_source
from stages import prepare_digits, train_mnist
from tests.imports import ROOT
from tools.pipeline.clones import change_params, copy_repository

PLACES = (ROOT / "data/raw/mnist", Path(os.environ.get("MNIST_IDX", "data/raw/mnist")))
MNIST = next((place for place in PLACES if any(place.glob("train-images*"))), None)

pytestmark = [
    pytest.mark.campaign,
    pytest.mark.skipif(
        MNIST is None, reason="no IDX files of MNIST in data/raw/mnist or the folder $MNIST_IDX"
    ),
]


def test_mnist_5k_is_the_first_500_of_each_digit_in_the_training_set(tmp_path):
    found, _ = read_source("mnist-5k", tmp_path)
    train, test = read_source("mnist", MNIST)
    first = np.concatenate([np.flatnonzero(train.labels == digit)[:500] for digit in range(10)])
    assert np.array_equal(found.images, train.images[first])
    assert np.array_equal(found.labels, train.labels[first])
    published = {image.tobytes() for image in test.images}
    assert len(published) == 10_000
    assert not any(image.tobytes() in published for image in found.images)


def test_the_published_recipe_passes_97_5_percent_on_the_test_set(tmp_path, monkeypatch):
    copy_repository(tmp_path)
    folder = tmp_path / "data/raw/mnist-here"
    folder.symlink_to(MNIST.resolve(), target_is_directory=True)
    change_params(tmp_path, {"digits": {"source": folder.name}, "mnist": {"epochs": 10}})
    monkeypatch.chdir(tmp_path)
    prepare_digits.main()
    train_mnist.main()
    metrics = json.loads((tmp_path / "metrics/train_mnist.json").read_text())
    assert json.loads((tmp_path / "metrics/prepare_digits.json").read_text())["test_images"] == 10_000
    assert metrics["test_accuracy"] >= 0.975
    assert metrics["train_accuracy"] > metrics["test_accuracy"]
    assert metrics["parameters_trainable"] == 134_794
    assert metrics["parameters_with_optimizer"] == 404_384
