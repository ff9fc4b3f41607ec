"""The fine-tuned driver classifier on any number of image files, in memory that does not grow with them."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stages.core.calibration import scaled
from stages.core.errors import InputError
from stages.core.keras_archive import load_keras
from stages.core.keras_training import predict
from stages.datasets.driver_images import CLASSES, load_image
from stages.inference.outputs import Outputs

MODEL_FILE = "models/final_model.keras"
BATCH_SIZE = 32


class FileAnswer(NamedTuple):
    """One file: its `image` [size, size, 3] uint8 and calibrated `probabilities` [10], or the `error`."""

    path: Path
    image: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    error: InputError | None = None


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
        self._temperature = outputs.temperature("finetune_vgg")
        self.image_size: int = shape[1]

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Calibrated probabilities [n, 10] of images [n, size, size, 3] uint8, n above 0."""
        return scaled(predict(self._model, images, BATCH_SIZE), self._temperature)

    def heat_maps(self, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Where the model saw the given class in each image: [n, size, size] float32 from 0 to 1 (Grad-CAM).

        Parameters
        ----------
        images : [n, size, size, 3] uint8.
        classes : [n] class indices.
        """
        from stages.models.grad_cam import heat_maps

        return heat_maps(self._model, images, classes)


def classify_files(paths: Iterable[Path], classifier: DriverClassifier) -> Iterator[FileAnswer]:
    """Answers in the order of `paths`, each as soon as its batch is done.

    Threads decode the next batch while the model works on one; of `paths` no more is taken, and no more
    images are held, than those two.
    """
    remaining = iter(paths)
    with ThreadPoolExecutor() as pool:
        waiting: deque[list[tuple[Path, Future[np.ndarray]]]] = deque()

        def decode_next() -> None:
            batch = [
                (path, pool.submit(load_image, path, classifier.image_size))
                for path in islice(remaining, BATCH_SIZE)
            ]
            if batch:
                waiting.append(batch)

        decode_next()
        while waiting:
            decode_next()
            yield from _answers(waiting.popleft(), classifier)


def _answers(batch: list[tuple[Path, Future[np.ndarray]]], classifier: DriverClassifier) -> list[FileAnswer]:
    answers = []
    for path, future in batch:
        try:
            answers.append(FileAnswer(path, image=future.result()))
        except InputError as error:
            answers.append(FileAnswer(path, error=error))
    images = [answer.image for answer in answers if answer.image is not None]
    if not images:
        return answers
    found = iter(classifier.predict(np.stack(images)))
    return [answer if answer.error else answer._replace(probabilities=next(found)) for answer in answers]
