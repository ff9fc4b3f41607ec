"""Features of the frozen base: kept on disk in half precision, or computed when they are asked for."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from stages.core.memory_maps import read_memory_map
from stages.datasets.driver_images import SPLITS
from stages.datasets.driver_pixels import PixelRows

FEATURES = Path("data/vgg-features")
CHANNELS = 512  # of the base's last layer


class LiveFeatures:
    """The features of some images, sliced like an array of them; each slice is computed anew.

    Parameters
    ----------
    compute : images [n, size, size, 3] → features [n, height, width, channels].
    """

    def __init__(self, compute: Callable[[np.ndarray], np.ndarray], images: PixelRows) -> None:
        self._compute, self._images = compute, images

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, which: slice | np.ndarray) -> np.ndarray:
        return self._compute(self._images[which].astype(np.float32))


def create_features(folder: Path, split: str, views: int, items: int, shape: tuple[int, ...]) -> np.memmap:
    """A new memory-mapped file for [views, items, *shape] features, float16, to be filled."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{split}.npy"
    return np.lib.format.open_memmap(path, "w+", np.float16, (views, items, *shape))


def read_features(items: dict[str, int]) -> dict[str, np.ndarray]:
    """Memory maps [views, items, …] by split; view 0 is the image itself, the others are augmented.

    Parameters
    ----------
    items : number of images that each split has in the manifest.

    Raises
    ------
    InputError
        A file is missing, is no float16 array, or has another number of images.
    """
    return {
        split: read_memory_map(
            FEATURES / f"{split}.npy", np.float16, (None, items[split], None, None, CHANNELS)
        )
        for split in SPLITS
    }
