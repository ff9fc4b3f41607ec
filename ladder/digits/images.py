"""Images of ten classes, 28×28, split into train, validation and test."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ladder.files.errors import InputError
from ladder.files.metrics import SPLITS
from ladder.files.outputs import read_arrays

DIGITS_FILE = Path("data/digits.npz")
SIDE = 28
CLASS_NAMES = tuple(str(digit) for digit in range(10))


def as_network_input(images: np.ndarray) -> np.ndarray:
    """Grey levels from 0 to 255, [items, height, width], as [items, height · width] float32 from 0 to 1."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


class Images(NamedTuple):
    """`images` [items, 28, 28] uint8, 0 is the background; `labels` [items] uint8, 0 to 9."""

    images: np.ndarray
    labels: np.ndarray

    def pixels(self) -> np.ndarray:
        """The images as network input: [items, 784] float32 from 0 to 1."""
        return as_network_input(self.images)


def load_digits_splits() -> dict[str, Images]:
    """The arrays that stage `prepare-digits` wrote, by split.

    Raises
    ------
    InputError
        The file is missing or does not hold these arrays in these types and shapes, a split is empty or has a
        label above 9.
    """
    names = [f"{split}_{kind}" for split in SPLITS for kind in ("images", "labels")]
    arrays = read_arrays(DIGITS_FILE, names)
    splits = {split: Images(arrays[f"{split}_images"], arrays[f"{split}_labels"]) for split in SPLITS}
    for split, (images, labels) in splits.items():
        shapes_fit = images.shape[1:] == (SIDE, SIDE) and labels.shape == images.shape[:1]
        if images.dtype != np.uint8 or labels.dtype != np.uint8 or not shapes_fit:
            raise InputError(
                f"{DIGITS_FILE}: {split}: images {images.dtype}{images.shape} with labels {labels.dtype}"
                f"{labels.shape}; needed are uint8 (items, {SIDE}, {SIDE}) with uint8 (items,)"
            )
        if not len(labels) or labels.max() > 9:
            raise InputError(f"{DIGITS_FILE}: {split}: needed are labels from 0 to 9, at least one")
    return splits
