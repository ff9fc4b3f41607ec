"""Arrays that may be larger than memory: .npy files, written a part at a time, read through a memory map."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import DTypeLike

from ladder.files.errors import InputError


class Rows(Protocol):
    """What is sliced and indexed along its first axis like an array."""

    def __len__(self) -> int: ...

    def __getitem__(self, which: Any, /) -> Any: ...


class ArrayRows:
    """Some rows of an array on disk, sliced and indexed like an array of their own.

    What is asked for is read then, so that memory holds a batch and not the set.
    """

    def __init__(self, array: np.ndarray, rows: np.ndarray) -> None:
        self._array, self._rows = array, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, which: slice | np.ndarray) -> np.ndarray:
        return self._array[self._rows[which]]


class ArrayParts:
    """An array on disk that is filled part by part; zero where nothing is written.

    Through the file and not through a memory map, where a full disk would be a crash.
    """

    def __init__(self, file: IO[bytes], dtype: DTypeLike, shape: tuple[int, ...]) -> None:
        self._file, self._dtype = file, np.dtype(dtype)
        header = {"descr": self._dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        self._start = file.tell()
        file.truncate(self._start + prod(shape) * self._dtype.itemsize)

    def write(self, first: int, values: np.ndarray) -> None:
        """Write `values` in one run that begins at element number `first` of the flattened array."""
        self._file.seek(self._start + first * self._dtype.itemsize)
        self._file.write(np.ascontiguousarray(values, self._dtype).data)


@contextmanager
def new_array(path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> Iterator[ArrayParts]:
    """A new .npy file of zeros, to be filled in the block."""
    with path.open("wb") as file:
        yield ArrayParts(file, dtype, shape)


def read_memory_map(path: Path, dtype: DTypeLike, shape: Sequence[int | None]) -> np.ndarray:
    """Open an array of this type and shape for reading; None in `shape` stands for any length.

    Raises
    ------
    InputError
        The file is missing, is no array, or holds one of another type or shape.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; `dvc repro` makes it") from None
    except Exception as error:  # NumPy raises many kinds for a damaged header.
        raise InputError(f"{path}: not a readable array: {error}") from None
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path}: not a readable array: a .npz archive")
    fits = len(array.shape) == len(shape) and all(
        wanted in (None, length) for wanted, length in zip(shape, array.shape, strict=True)
    )
    if array.dtype != dtype or not fits:
        wanted_shape = ", ".join("…" if wanted is None else str(wanted) for wanted in shape)
        raise InputError(f"{path}: {array.dtype}{array.shape}; expected {np.dtype(dtype)}({wanted_shape})")
    return array
