"""Features of the frozen base: kept on disk in half precision, or computed when they are asked for."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from stages.core.memory_maps import ArrayRows, read_memory_map

FEATURES = Path("data/vgg-features")
CHANNELS = 512  # of the base's last layer
NO_CLASS = 255  # of a view that no split trains on; its features are zero


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


def create_features(folder: Path, views: int, items: int, shape: tuple[int, ...]) -> tuple[np.memmap, ...]:
    """Two new memory-mapped files, to be filled: features and classes, as `read_features` gives them."""
    folder.mkdir(parents=True, exist_ok=True)
    create = np.lib.format.open_memmap
    features = create(folder / "features.npy", "w+", np.float16, (views, items, *shape))
    classes = create(folder / "classes.npy", "w+", np.uint8, (views, items))
    classes[:] = NO_CLASS
    return features, classes


def read_features(items: int) -> tuple[np.ndarray, np.ndarray]:
    """Memory maps: features, float16 [views, items, height, width, channels], and classes [views, items].

    View 0 is the image itself, of every row of the manifest. The others are augmented, of those rows that
    some split trains on; a mirror image may be of another class.

    Raises
    ------
    InputError
        A file is missing, holds numbers of another type, or has another number of images.
    """
    features = read_memory_map(FEATURES / "features.npy", np.float16, (None, items, None, None, CHANNELS))
    classes = read_memory_map(FEATURES / "classes.npy", np.uint8, (len(features), items))
    return features, classes
