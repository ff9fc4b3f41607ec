"""The driver images, decoded once: one array on disk, a row per line of the manifest."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.memory_maps import read_memory_map
from stages.core.outputs import replacing
from stages.datasets.driver_images import SPLITS, load_images

PIXELS = Path("data/driver-pixels.npy")
DECODED_AT_ONCE = 512  # images: 77 MB at 224 pixels


class PixelRows:
    """Some rows of the array on disk, sliced and indexed like an array [n, size, size, 3] of their own.

    What is asked for is read then, so that memory holds a batch and not the set.
    """

    def __init__(self, pixels: np.ndarray, rows: np.ndarray) -> None:
        self._pixels, self._rows = pixels, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, which: slice | np.ndarray) -> np.ndarray:
        return self._pixels[self._rows[which]]


def write_pixels(root: Path, paths: Sequence[str], size: int) -> None:
    """Decode every image and write `PIXELS`: uint8 [n, size, size, 3], upright RGB, in the order of `paths`.

    Raises
    ------
    InputError
        An image is missing or cannot be read; nothing is written then.
    """
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(paths), size, size, 3)}
    # Written through the file and not through a memory map, where a full disk would be a crash.
    with replacing(PIXELS) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(paths), DECODED_AT_ONCE):
            file.write(load_images(root, paths[start : start + DECODED_AT_ONCE], size))


def read_pixels(manifest: pd.DataFrame, size: int) -> dict[str, PixelRows]:
    """The images of each split, in the manifest's order.

    Raises
    ------
    InputError
        `PIXELS` is missing, or does not hold the manifest's number of images of this size in pixels.
    """
    pixels = read_memory_map(PIXELS, np.uint8, (len(manifest), size, size, 3))
    return {split: PixelRows(pixels, np.flatnonzero(manifest["split"] == split)) for split in SPLITS}
