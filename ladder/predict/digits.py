"""The three networks that know digits, with probabilities that can be taken at their word."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from ladder.digits.images import CLASS_NAMES, SIDE, as_network_input
from ladder.evaluation.calibration import scaled
from ladder.files.errors import InputError
from ladder.predict.answers import Answer, rounded
from ladder.predict.digit_reading import DigitReading, load_picture, read_digit
from ladder.predict.image_files import FileAnswer, Refused, classify_in_batches
from ladder.predict.outputs import Outputs
from ladder.scratch.network import predict as predict_from_scratch
from ladder.scratch.network_file import read_network
from ladder.training.keras_archive import load_keras
from ladder.training.prediction import predict
from ladder.training.runtime import keras

__all__ = ["NETWORK_FILES", "DigitNetworks", "DigitReading", "load_picture", "read_digit"]

NETWORK_FILES = {
    "mlp_numpy": "models/mlp_numpy.npz",
    "mlp_keras": "models/mlp_keras.keras",
    "mnist": "models/mnist.keras",
}
BATCH_SIZE = 64
NAME_WIDTH = max(map(len, NETWORK_FILES))
HEADING = f"{'network':{NAME_WIDTH}}  digit  probability  file"


class DigitNetworks:
    """The network from scratch, its twin in Keras and the deep one, loaded.

    Raises
    ------
    InputError
        A model or the metrics with its temperature are missing or damaged.
    """

    def __init__(self, outputs: Outputs) -> None:
        path = outputs.path(NETWORK_FILES["mlp_numpy"])
        self._numpy = read_network(path, SIDE * SIDE, len(CLASS_NAMES))
        self._keras = {name: _load_keras(outputs, name) for name in ("mlp_keras", "mnist")}
        self._temperatures = {
            "mlp_numpy": outputs.temperature("train_mlp", "numpy_temperature"),
            "mlp_keras": outputs.temperature("train_mlp", "keras_temperature"),
            "mnist": outputs.temperature("train_mnist"),
        }

    def predict(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Calibrated probabilities [n, 10] of each network, by its name in `NETWORK_FILES`.

        Parameters
        ----------
        images : [n, 28, 28] uint8, 0 is the background, n above 0: such as `read_digit` makes.
        """
        pixels = as_network_input(images)
        answers = {"mlp_numpy": predict_from_scratch(self._numpy, pixels)}
        answers |= {name: predict(model, pixels, BATCH_SIZE) for name, model in self._keras.items()}
        return {name: scaled(answer, self._temperatures[name]) for name, answer in answers.items()}


def classify_files(
    paths: Iterable[Path], networks: DigitNetworks
) -> Iterator[FileAnswer[DigitReading, Mapping[str, np.ndarray]] | Refused]:
    """The answers about files: each network's calibrated probabilities [10]; see `classify_in_batches`."""

    def read(path: Path) -> DigitReading:
        picture = load_picture(path)
        try:
            return read_digit(picture)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    def classify(readings: list[DigitReading]) -> Iterator[Mapping[str, np.ndarray]]:
        found = networks.predict(np.stack([reading.image for reading in readings]))
        return (dict(zip(found, of_file, strict=True)) for of_file in zip(*found.values(), strict=True))

    return classify_in_batches(paths, read, classify, BATCH_SIZE)


def digit_answer(path: Path, reading: DigitReading, probabilities: Mapping[str, np.ndarray]) -> Answer:
    """The answers about one file: each network's digit, and its probabilities [10] of all."""
    networks, rows, lines = {}, [], []
    for network, of_all in probabilities.items():
        best = int(of_all.argmax())
        of_digit = dict(zip(CLASS_NAMES, rounded(of_all), strict=True))
        answer = {"digit": best, "probability": of_digit[CLASS_NAMES[best]]}
        networks[network] = answer | {"probabilities": of_digit}
        rows.append({"file": str(path), "how": reading.how, "network": network} | answer | of_digit)
        lines.append(f"{network:{NAME_WIDTH}}  {best:5}  {of_all[best]:11.1%}  {path}: {reading.how}")
    return Answer({"file": str(path), "how": reading.how, "networks": networks}, rows, lines)


def _load_keras(outputs: Outputs, name: str) -> keras.Model:
    model = load_keras(outputs.path(NETWORK_FILES[name]))
    if model.input_shape != (None, SIDE * SIDE) or model.output_shape != (None, len(CLASS_NAMES)):
        raise InputError(
            f"{NETWORK_FILES[name]}: from {model.input_shape} to {model.output_shape}; needed is a network "
            f"from {SIDE * SIDE} pixels to {len(CLASS_NAMES)} classes"
        )
    return model
