"""Answers about many driver images as a stream of batches, beside two other ways.

One is the textbook loop, an image at a time; the other is the same stream with direct convolutions.

    python -m benchmarks.predict.predict_vs_loop

Ours is what `python -m ladder.predict drivers` does once its model is loaded. The model is the one of
stage finetune-vgg with the params.yaml of the current folder, the images are JPEG files of the size that
stage generate-driver-images draws. Weights and pixels are random: they do not change the work.
"""

import contextlib
import json
import math
import os
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image

from benchmarks.timing import Row, alternate, make_row, print_rows, use_cpu
from ladder.drivers.images import CLASSES, Drivers
from ladder.evaluation.calibration import scaled
from ladder.files.errors import run_command
from ladder.files.params import read_params
from ladder.predict.drivers import BATCH_SIZE, MODEL_FILE, DriverClassifier, classify_files
from ladder.predict.outputs import Outputs
from ladder.training.keras_archive import load_keras, save_keras
from ladder.training.runtime import keras
from ladder.vgg import winograd
from ladder.vgg.features import CHANNELS
from ladder.vgg.params import Vgg
from ladder.vgg.vgg16 import (
    build_base,
    build_classifier,
    build_feature_extractor,
    build_head,
    start_at_random,
)
from stages.train_vgg_head import VggHead

IMAGES = 4 * BATCH_SIZE
RUNS = 5
TEMPERATURE = 1.1
SPREAD = 0.01  # of the head's weights: answers from hardly sure to quite sure
TOLERANCE = 1e-4  # of a probability: a batch is added in another order than an image alone


def write_model(folder: Path, size: int, units: int, dropout: float) -> None:
    """The classifier with random weights, where the pipeline puts it, and the metrics beside it."""
    keras.utils.set_random_seed(0)
    base = build_base(size)
    start_at_random(base, np.random.default_rng(0))
    mean, variance = np.zeros(CHANNELS), np.ones(CHANNELS)
    shape = build_feature_extractor(base).output_shape[1:]
    head = build_head(shape, mean, variance, units, dropout, len(CLASSES))
    last = head.layers[-1]  # from weights of zero all answers would be alike
    last.kernel.assign(np.random.default_rng(1).normal(0, SPREAD, last.kernel.shape))
    save_keras(build_classifier(base, head), folder / MODEL_FILE)
    (folder / "metrics").mkdir()
    (folder / "metrics/finetune_vgg.json").write_text(json.dumps({"temperature": TEMPERATURE}), "utf-8")


def write_images(folder: Path, height: int) -> list[Path]:
    """JPEG files of random colours."""
    rng, paths = np.random.default_rng(0), []
    for number in range(IMAGES):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8))
        paths.append(folder / f"{number:04}.jpg")
        coarse.resize((height * 4 // 3, height), Image.Resampling.BICUBIC).save(paths[-1])
    return paths


def textbook_loop(paths: list[Path], model: keras.Model) -> np.ndarray:
    """Open, resize and predict one image after another: probabilities [n, classes] as the model has them."""
    size, answers = model.input_shape[1], []
    for path in paths:
        with Image.open(path) as image:
            resized = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
        answers.append(model.predict(np.asarray(resized)[None].astype(np.float32), verbose=0)[0])
    return np.stack(answers)


def stream(paths: list[Path], classifier: DriverClassifier, worth_compiling: float) -> np.ndarray:
    """The same through `classify_files`, calibrated; compiled from so many pixels on."""
    with mock.patch.object(winograd, "WORTH_COMPILING", worth_compiling):
        return np.stack([found.answer.probabilities for found in classify_files(paths, classifier)])


def rows() -> list[Row]:
    """Measure images per second on the same images, and assert that the answers agree."""
    use_cpu()
    size, head = read_params("vgg", Vgg).image_size, read_params("vgg_head", VggHead)
    height = read_params("drivers", Drivers).height
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_model(folder, size, head.units, head.dropout)
        paths = write_images(folder, height)
        with contextlib.chdir(folder):
            ours, direct = DriverClassifier(Outputs()), DriverClassifier(Outputs())
            model = load_keras(MODEL_FILE)
        sides = (
            lambda: stream(paths, ours, 0),
            lambda: stream(paths, direct, math.inf),
            lambda: scaled(textbook_loop(paths, model), TEMPERATURE),
        )
        answers = [side() for side in sides]  # after this all have traced or compiled their functions
        difference = float(max(np.abs(answers[0] - other).max() for other in answers[1:]))
        if difference > TOLERANCE:
            raise AssertionError(f"the answers differ by {difference:.2g}")
        seconds = alternate(RUNS, *sides)
    note = (
        f"{len(paths)} JPEG images of {height * 4 // 3}×{height} pixels, decoded and classified by VGG16 at "
        f"{size} pixels in float32: threads decode beside the model, which takes {BATCH_SIZE} at a time, "
        f"against {{}}; all {os.cpu_count()} cores, median of {RUNS} alternating runs, loading and compiling "
        f"left out; the probabilities differ by {difference:.1g} at most"
    )
    loop = note.format("Image.open, resize and model.predict of one image at a time")
    onednn = note.format("the same with direct convolutions")
    rates = [len(paths) / side for side in seconds]
    return [
        make_row("predict_drivers_vs_predict_loop", rates[0], rates[2], "images/s", loop),
        make_row("predict_drivers_winograd_vs_onednn", rates[0], rates[1], "images/s", onednn),
    ]


def main() -> None:
    print_rows(rows())


if __name__ == "__main__":
    run_command(main)
