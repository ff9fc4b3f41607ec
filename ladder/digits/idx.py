"""IDX files, the format that MNIST and its successors are published in.

Layout (Y. LeCun, "The MNIST database"): two zero bytes, a type code (0x08: unsigned byte), the number of
dimensions, each dimension as a big-endian 32-bit integer, then the values in C order.
"""

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np

from ladder.files.errors import InputError

UNSIGNED_BYTE = 0x08
GZIP_MAGIC = b"\x1f\x8b"
MAX_BYTES = 2**31  # far above any published set (EMNIST: 547 MB); stops a decompression bomb.


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Read an IDX file, plain or gzip-compressed, as a uint8 array with this many dimensions.

    Raises
    ------
    InputError
        Not IDX, not bytes, another number of dimensions, no items, or not as long as its header says.
    """
    try:
        with path.open("rb") as file:
            compressed = file.read(2) == GZIP_MAGIC
        with gzip.open(path) if compressed else path.open("rb") as file:
            header = file.read(4 + 4 * dimensions)
            shape = _shape(header, path, dimensions)
            size, limit = prod(shape), MAX_BYTES - len(header)
            # One byte more than there should be: whatever else a bomb decompresses to is never made.
            data = file.read(min(size, limit) + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    if len(data) > limit:
        raise InputError(f"{path}: more than {MAX_BYTES} bytes once decompressed")
    if len(data) != size:
        found = f"{'at least ' if len(data) > size else ''}{len(data)} bytes of data"
        raise InputError(f"{path}: {found}, the header {shape} needs {size}")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _shape(header: bytes, path: Path, dimensions: int) -> list[int]:
    expected = bytes([0, 0, UNSIGNED_BYTE, dimensions])
    if header[:4] != expected or len(header) < 4 + 4 * dimensions:
        raise InputError(
            f"{path}: begins with {header[:4].hex()}, not with the IDX header {expected.hex()} "
            f"of unsigned bytes in {dimensions} dimension(s)"
        )
    shape = [int.from_bytes(header[4 + 4 * i : 8 + 4 * i], "big") for i in range(dimensions)]
    if 0 in shape:
        raise InputError(f"{path}: no items; the header says {shape}")
    return shape


def read_idx_pair(images_path: Path, labels_path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images [items, height, width] and their labels [items], both uint8.

    Raises
    ------
    InputError
        As `read_idx`; also: counts that differ, a label above 9.
    """
    labels, images = read_idx(labels_path, 1), read_idx(images_path, 3)
    if len(images) != len(labels):
        raise InputError(f"{labels_path}: {len(labels)} labels for the {len(images)} images of {images_path}")
    if labels.max() > 9:
        row = int((labels > 9).argmax())
        raise InputError(f"{labels_path}: item {row}: label {labels[row]}; allowed are 0 to 9")
    return images, labels


def idx_files(folder: Path) -> list[Path]:
    """What a folder holds whose name is that of an IDX file; one with `._` first a Mac has left beside it."""
    return sorted(path for path in folder.iterdir() if "idx" in path.name and path.name[:2] != "._")


def find_idx_folder(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Images and labels file of "train" and "test" in a folder, by their published names.

    The names hold `train` or `t10k`/`test`, then `images` or `labels`, then `idx3` or `idx1`, as in
    `train-images-idx3-ubyte.gz` (MNIST, Fashion-MNIST, KMNIST) or `emnist-digits-test-labels-idx1-ubyte`.
    A folder without test files has only "train".

    Raises
    ------
    InputError
        A file of a pair is missing, or two files fit one name.
    """
    found: dict[str, tuple[Path, Path]] = {}
    for split, marks in (("train", ("train",)), ("test", ("t10k", "test"))):
        pair = []
        for content in ("images", "labels"):
            fitting = [
                path
                for path in idx_files(folder)
                if content in path.name and any(mark in path.name for mark in marks)
            ]
            if len(fitting) > 1:
                raise InputError(f"{folder}: {fitting[0].name} and {fitting[1].name}: keep one of them")
            pair += fitting
        if len(pair) == 2:
            found[split] = (pair[0], pair[1])
        elif split == "train" or pair:
            raise InputError(
                f"{folder}: needs {split}-images-idx3-ubyte and {split}-labels-idx1-ubyte (or .gz)"
            )
    return found
