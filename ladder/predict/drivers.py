"""The fine-tuned driver classifier on any number of image files, in memory that does not grow with them."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ladder.drivers.images import CLASS_NAMES, CLASSES, load_image
from ladder.evaluation.calibration import scaled
from ladder.files.errors import InputError
from ladder.predict.answers import Answer, rounded
from ladder.predict.image_files import FileAnswer, Refused, classify_in_batches
from ladder.predict.outputs import Outputs
from ladder.training.keras_archive import load_keras
from ladder.training.prediction import predict
from ladder.training.runtime import keras
from ladder.vgg.winograd import accelerated, worth_compiling

MODEL_FILE = "models/final_model.keras"
BATCH_SIZE = 64
HALF = BATCH_SIZE // 2  # of a batch; where one waits for a single thread, the other fills the cores
NAME_WIDTH = max(map(len, CLASS_NAMES))
HEADING = f"{'class':5}  {'name':{NAME_WIDTH}}  probability  file"


class Classified(NamedTuple):
    """Calibrated `probabilities` [10] of an image; `heat` [size, size] is None where it was not asked for."""

    probabilities: np.ndarray
    heat: np.ndarray | None


class DriverClassifier:
    """The fine-tuned VGG16 of stage `finetune-vgg`, loaded.

    Raises
    ------
    InputError
        The model or the metrics with its temperature are missing or damaged.
    """

    def __init__(self, outputs: Outputs) -> None:
        self._model = load_keras(outputs.path(MODEL_FILE))
        shape = self._model.input_shape
        if shape != (None, shape[1], shape[1], 3) or self._model.output_shape != (None, len(CLASSES)):
            raise InputError(
                f"{MODEL_FILE}: from {shape} to {self._model.output_shape}; needed is one from square RGB "
                f"images to {len(CLASSES)} classes"
            )
        self._model.make_predict_function()  # once, before two threads ask for it at the same time
        self._faster: keras.Model | None = None
        self._answered = 0  # images in full batches
        self._temperature = outputs.temperature("finetune_vgg")
        self.image_size: int = shape[1]

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Calibrated probabilities [n, 10] of images [n, size, size, 3] uint8, n above 0."""
        if len(images) == BATCH_SIZE:
            self._answered += BATCH_SIZE
            if worth_compiling(self._model, self._answered):  # there may be as many again
                self._faster = self._faster or accelerated(self._model, self._answered)
                return scaled(predict(self._faster, images, BATCH_SIZE), self._temperature)
        halves = np.array_split(images, 2) if len(images) > 1 else [images]
        with ThreadPoolExecutor(len(halves)) as pool:
            found = pool.map(lambda half: predict(self._model, half, HALF), halves)
        return scaled(np.concatenate(list(found)), self._temperature)

    def heat_maps(self, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Where the model saw the given class in each image: [n, size, size] float32 from 0 to 1 (Grad-CAM).

        Parameters
        ----------
        images : [n, size, size, 3] uint8.
        classes : [n] class indices.
        """
        from ladder.vgg.grad_cam import heat_maps

        return heat_maps(self._model, images, classes)


def classify_files(
    paths: Iterable[Path], classifier: DriverClassifier, heat_maps: bool = False
) -> Iterator[FileAnswer[np.ndarray, Classified] | Refused]:
    """The answers about files, with their images [size, size, 3] uint8; see `classify_in_batches`.

    Parameters
    ----------
    heat_maps : whether to compute those of the most probable classes, too.
    """

    def classify(images: list[np.ndarray]) -> Iterator[Classified]:
        stacked = np.stack(images)
        probabilities = classifier.predict(stacked)
        heat = classifier.heat_maps(stacked, probabilities.argmax(axis=1)) if heat_maps else repeat(None)
        return map(Classified, probabilities, heat)

    return classify_in_batches(paths, partial(load_image, size=classifier.image_size), classify, BATCH_SIZE)


def driver_answer(path: Path, probabilities: np.ndarray) -> Answer:
    """The answer about one file: its most probable class, and the probabilities [10] of all."""
    best = int(probabilities.argmax())
    of_class = dict(zip(CLASSES, rounded(probabilities), strict=True))
    answer = {"file": str(path), "class": CLASSES[best], "name": CLASS_NAMES[best]}
    answer["probability"] = of_class[CLASSES[best]]
    line = f"{CLASSES[best]:5}  {CLASS_NAMES[best]:{NAME_WIDTH}}  {probabilities[best]:11.1%}  {path}"
    return Answer(answer | {"probabilities": of_class}, [answer | of_class], [line])
