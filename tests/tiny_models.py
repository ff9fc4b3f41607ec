"""Outputs of the pipeline with random weights, in a folder without DVC, for tests of what answers and how."""

import json
from pathlib import Path

import numpy as np

from ladder.digits.networks import build_dense
from ladder.drivers.images import CLASSES
from ladder.files.outputs import write_arrays
from ladder.training.keras_archive import save_keras
from ladder.training.runtime import keras
from ladder.vgg.features import CHANNELS
from ladder.vgg.vgg16 import build_base, build_classifier, build_head, start_at_random
from tests.imports import ROOT

SIZE = 32  # pixels
TEMPERATURES = {
    "train_mlp": {"numpy_temperature": 2.0, "keras_temperature": 0.5},
    "train_mnist": {"temperature": 1.5},
    "finetune_vgg": {"temperature": 3.0},
}


def write_small_models(folder: Path) -> None:
    """Everything but the driver classifier, with its 59 MB."""
    rng = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    (folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    (folder / "metrics").mkdir()
    for stage, temperatures in TEMPERATURES.items():
        (folder / f"metrics/{stage}.json").write_text(json.dumps(temperatures), "utf-8")
    write_arrays(folder / "models/linreg.npz", {"weight": np.array(1.5), "bias": np.array(-30.0)})
    sizes = [(784, 8), (8,), (8, 10), (10,)]
    names = ["weights_1", "biases_1", "weights_2", "biases_2"]
    arrays = {
        name: rng.normal(0, 0.5, size).astype(np.float32) for name, size in zip(names, sizes, strict=True)
    }
    write_arrays(folder / "models/mlp_numpy.npz", arrays)
    save_keras(build_dense([8], "sigmoid"), folder / "models/mlp_keras.keras")
    save_keras(build_dense([8, 8], "relu"), folder / "models/mnist.keras")


def write_driver_classifier(folder: Path) -> None:
    """A VGG16 for images of 32 pixels."""
    keras.utils.set_random_seed(0)
    base = build_base(SIZE)
    start_at_random(base, np.random.default_rng(0))
    mean, variance = np.zeros(CHANNELS), np.ones(CHANNELS)
    head = build_head((1, 1, CHANNELS), mean, variance, 4, 0.0, len(CLASSES))
    save_keras(build_classifier(base, head), folder / "models/final_model.keras")
