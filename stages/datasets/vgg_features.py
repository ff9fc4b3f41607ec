"""Features of the frozen base, kept on disk in half precision and read through a memory map."""

from pathlib import Path

import numpy as np

from stages.core.errors import InputError
from stages.datasets.driver_images import SPLITS

FEATURES = Path("data/vgg-features")


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
    features = {}
    for split in SPLITS:
        path = FEATURES / f"{split}.npy"
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{path}: not a readable array: {error}") from None
        if array.dtype != np.float16 or array.ndim != 5 or array.shape[1] != items[split]:
            raise InputError(
                f"{path}: {array.dtype}{array.shape}; expected float16 (views, {items[split]}, …, …, 512)"
            )
        features[split] = array
    return features
