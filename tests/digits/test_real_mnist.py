"""The real MNIST, where its IDX files are at hand: the published recipe, and what `mnist-5k` holds of it."""

import os
import statistics
from pathlib import Path

import numpy as np
import pytest

from ladder.digits.sources import read_source
from ladder.files.metrics import read_metrics
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
    """The mean over three seeds: one training alone is a few tenths of a percent above or below it."""
    copy_repository(tmp_path)
    folder = tmp_path / "data/raw/mnist-here"
    folder.symlink_to(MNIST.resolve(), target_is_directory=True)
    change_params(tmp_path, {"digits": {"source": folder.name}, "mnist": {"epochs": 10}})
    monkeypatch.chdir(tmp_path)
    prepare_digits.main()
    assert read_metrics("prepare-digits")["test_images"] == 10_000
    accuracies = []
    for seed in (1, 2, 3):
        monkeypatch.setattr(train_mnist, "read_seed", lambda seed=seed: seed)
        train_mnist.main()
        metrics = read_metrics("train-mnist")
        accuracies.append(metrics["test_accuracy"])
        assert metrics["train_accuracy"] > metrics["test_accuracy"]
        assert metrics["parameters_trainable"] == 134_794
        assert metrics["parameters_with_optimizer"] == 404_384
    assert statistics.fmean(accuracies) >= 0.975
