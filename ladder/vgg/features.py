"""Features of the frozen base: kept on disk in half precision, or computed when they are asked for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ladder.files.memory_maps import ArrayParts, ArrayRows, new_array, read_memory_map
from ladder.vgg.vgg16 import FEATURE_LAYERS

FEATURES = Path("data/vgg-features")
CHANNELS = sum(FEATURE_LAYERS.values())


class LiveFeatures:
    """The features of some images, sliced like an array of them; each slice is computed anew.

    Parameters
    ----------
    compute : images [n, size, size, 3] → features [n, height, width, channels].
    """

    def __init__(self, compute: Callable[[np.ndarray], np.ndarray], images: ArrayRows) -> None:
        self._compute, self._images = compute, images

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, which: slice | np.ndarray) -> np.ndarray:
        return self._compute(self._images[which].astype(np.float32))


class FeatureWriter(NamedTuple):
    """The two files that `read_features` reads, while they are filled."""

    features: ArrayParts
    classes: ArrayParts
    shape: tuple[int, ...]

    def write(self, view: int, rows: np.ndarray, features: np.ndarray, classes: np.ndarray) -> None:
        """Write a view of the manifest's `rows` [n]: features [n, height, width, channels], classes [n]."""
        _, items, *one = self.shape
        for row, of_row, class_ in zip(rows, features, classes, strict=True):
            place = view * items + int(row)
            self.features.write(place * prod(one), of_row)
            self.classes.write(place, class_)


@contextmanager
def new_features(folder: Path, views: int, items: int, shape: tuple[int, ...]) -> Iterator[FeatureWriter]:
    """Two new files in `folder`, to be filled in the block."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = (views, items, *shape)
    with (
        new_array(folder / "features.npy", np.float16, whole) as features,
        new_array(folder / "classes.npy", np.uint8, (views, items)) as classes,
    ):
        yield FeatureWriter(features, classes, whole)


def read_features(items: int) -> tuple[np.ndarray, np.ndarray]:
    """Memory maps: features, float16 [views, items, height, width, channels], and classes [views, items].

    View 0 is the image itself, the others are augmented; a mirror image may be of another class.

    Raises
    ------
    InputError
        A file is missing, holds numbers of another type, or has another number of images.
    """
    features = read_memory_map(FEATURES / "features.npy", np.float16, (None, items, None, None, CHANNELS))
    classes = read_memory_map(FEATURES / "classes.npy", np.uint8, (len(features), items))
    return features, classes
