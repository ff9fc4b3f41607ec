"""IDX files, the format that MNIST and its successors are published in.

Layout (Y. LeCun, "The MNIST database"): two zero bytes, a type code (0x08: unsigned byte), the number of
dimensions, each dimension as a big-endian 32-bit integer, then the values in C order.
"""

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np

from stages.core.errors import InputError

UNSIGNED_BYTE = 0x08
GZIP_MAGIC = b"\x1f\x8b"
MAX_BYTES = 2**31  # far above any published set (EMNIST: 547 MB); stops a decompression bomb.


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Read an IDX file, plain or gzip-compressed, as a uint8 array with this many dimensions.

    Raises
    ------
    InputError
        Not IDX, not bytes, another number of dimensions, or not as long as its header says.
    """
    try:
        with path.open("rb") as file:
            compressed = file.read(2) == GZIP_MAGIC
        with gzip.open(path) if compressed else path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    if len(content) > MAX_BYTES:
        raise InputError(f"{path}: more than {MAX_BYTES} bytes once decompressed")
    header = 4 + 4 * dimensions
    if content[:4] != bytes([0, 0, UNSIGNED_BYTE, dimensions]) or len(content) < header:
        raise InputError(
            f"{path}: begins with {content[:4].hex()}, not with the IDX header "
            f"{bytes([0, 0, UNSIGNED_BYTE, dimensions]).hex()} of unsigned bytes in {dimensions} dimension(s)"
        )
    shape = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(dimensions)]
    if len(content) - header != prod(shape):
        raise InputError(
            f"{path}: {len(content) - header} bytes of data, the header {shape} needs {prod(shape)}"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def read_idx_pair(images_path: Path, labels_path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images [items, height, width] and their labels [items], both uint8.

    Raises
    ------
    InputError
        As `read_idx`; also: counts that differ, no item, a label above 9.
    """
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if len(images) != len(labels):
        raise InputError(f"{labels_path}: {len(labels)} labels for the {len(images)} images of {images_path}")
    if not len(labels):
        raise InputError(f"{labels_path}: no items")
    if labels.max() > 9:
        row = int((labels > 9).argmax())
        raise InputError(f"{labels_path}: item {row}: label {labels[row]}; allowed are 0 to 9")
    return images, labels


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
                for path in sorted(folder.iterdir())
                if content in path.name and "idx" in path.name and any(mark in path.name for mark in marks)
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
