"""The published recipe on the real MNIST, where its IDX files are at hand."""

import json
import os
from pathlib import Path

import pytest

from stages import prepare_digits, train_mnist
from tests.imports import ROOT
from tools.clones import change_params, copy_repository

PLACES = (ROOT / "data/raw/mnist", Path(os.environ.get("MNIST_IDX", "data/raw/mnist")))
MNIST = next((place for place in PLACES if any(place.glob("train-images*"))), None)


@pytest.mark.campaign
@pytest.mark.skipif(MNIST is None, reason="no IDX files of MNIST in data/raw/mnist or the folder $MNIST_IDX")
def test_the_default_recipe_passes_97_5_percent_on_the_test_set(tmp_path, monkeypatch):
    copy_repository(tmp_path)
    folder = tmp_path / "data/raw/mnist-here"
    folder.symlink_to(MNIST.resolve(), target_is_directory=True)
    change_params(tmp_path, {"digits": {"source": folder.name}})
    monkeypatch.chdir(tmp_path)
    prepare_digits.main()
    train_mnist.main()
    metrics = json.loads((tmp_path / "metrics/train_mnist.json").read_text())
    assert json.loads((tmp_path / "metrics/prepare_digits.json").read_text())["test_images"] == 10_000
    assert metrics["test_accuracy"] >= 0.975
    assert metrics["train_accuracy"] > metrics["test_accuracy"]
    assert metrics["parameters_trainable"] == 134_794
    assert metrics["parameters_with_optimizer"] == 404_384
