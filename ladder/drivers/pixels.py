"""The driver images, decoded once: one array on disk, a row per line of the manifest."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ladder.drivers.images import load_images
from ladder.files.memory_maps import new_array, read_memory_map
from ladder.files.outputs import replacing

PIXELS = Path("data/driver-pixels.npy")
DECODED_AT_ONCE = 512  # images: 77 MB at 224 pixels


def write_pixels(root: Path, paths: Sequence[str], size: int) -> None:
    """Decode every image and write `PIXELS`: uint8 [n, size, size, 3], upright RGB, in the order of `paths`.

    Raises
    ------
    InputError
        An image is missing or cannot be read; nothing is written then.
    """
    with replacing(PIXELS) as temporary, new_array(temporary, np.uint8, (len(paths), size, size, 3)) as array:
        for start in range(0, len(paths), DECODED_AT_ONCE):
            images = load_images(root, paths[start : start + DECODED_AT_ONCE], size)
            array.write(start * size * size * 3, images)


def read_pixels(items: int, size: int) -> np.ndarray:
    """A memory map of the images, uint8 [items, size, size, 3], in the manifest's order.

    Raises
    ------
    InputError
        `PIXELS` is missing, or does not hold this number of images of this size in pixels.
    """
    return read_memory_map(PIXELS, np.uint8, (items, size, size, 3))
