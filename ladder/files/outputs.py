"""What stages write: whole files or none, and the same bytes for the same content."""

import csv
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ladder.files.errors import BROKEN, NO_LEAVE, NO_ROOM, InputError

SYNCED_AT_ONCE = 16  # files; a disk writes them in one go


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; rename it to `path` if the block succeeds, else remove it.

    A reader sees the old content or the new one, never a part. A file is replaced in one step. A folder takes
    two, and a kill between them leaves neither: DVC then finds the output missing and makes it anew.
    The new content is on the disk before the new name is, so that a power loss leaves no empty file either.
    What killed processes have left under such names is removed first.

    Raises
    ------
    InputError
        The disk is full or fails, or the folder may not be written to; the old content stays.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left_over in path.parent.glob(f".{path.stem}.*.tmp*"):
            if not _is_running(left_over.name.removeprefix(f".{path.stem}.").split(".")[0]):
                _remove(left_over)
        yield temporary
        _sync([temporary, *temporary.rglob("*")])
        if path.is_dir():
            aside = path.with_name(f".{path.stem}.{os.getpid()}.tmp.old")
            path.rename(aside)
            try:
                temporary.replace(path)
            except OSError:
                aside.rename(path)
                raise
            shutil.rmtree(aside)
        else:
            temporary.replace(path)
        _sync([path.parent])
    except InputError:
        raise
    except Exception as error:
        reason = _not_writable(error)
        if reason is None:
            raise
        raise InputError(f"{path}: cannot be written: {reason}") from None
    finally:
        _remove(temporary)


def _sync(paths: Sequence[Path]) -> None:
    """Wait until the content of files, and the names in folders, are on the disk: many side by side."""

    def sync(path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    with ThreadPoolExecutor(SYNCED_AT_ONCE) as pool:
        list(pool.map(sync, paths))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():  # asked first: on a disk for reading only, to unlink nothing is an error too
        path.unlink()


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except OSError:  # somebody else's
        return True
    return True


def _not_writable(error: BaseException | None) -> str | None:
    """The disk's reason, if that is what lies behind `error`: a library may have wrapped it."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in NO_ROOM | NO_LEAVE | BROKEN:
            return os.strerror(error.errno)
        error = error.__cause__ or error.__context__
    return None


def write_table(path: str | Path, columns: Mapping[str, Sequence[Any] | np.ndarray]) -> None:
    """Write equally long columns as CSV; floats with 6 significant digits."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            writer.writerow([f"{v:.6g}" if isinstance(v, float | np.floating) else v for v in row])


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as an uncompressed .npz without pickles.

    The bytes depend on the arrays alone: `np.savez` asks for zip64 headers, and there Python before 3.11.4
    writes others than later versions (https://github.com/python/cpython/issues/103861).
    """
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in zip(arrays, map(np.asanyarray, arrays.values()), strict=True):
            member = zipfile.ZipInfo(f"{name}.npy")
            member.file_size = array.nbytes  # known before it is written: zip64 for what needs it alone
            with archive.open(member, "w") as file:
                np.lib.format.write_array(file, array, allow_pickle=False)


def read_arrays(path: str | Path, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Read the arrays called `names`, or all, from an .npz; pickled objects are refused.

    Raises
    ------
    InputError
        The file is missing, is no .npz, or does not hold exactly these arrays.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            if names is None:
                names = archive.files
            elif sorted(archive.files) != sorted(names):
                raise InputError(f"{path}: holds the arrays {archive.files}, expected {list(names)}")
            arrays = {name: archive[name] for name in names}
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; `dvc repro` makes it") from None
    except Exception as error:  # NumPy and zipfile raise many kinds for a damaged archive.
        raise InputError(f"{path}: not a readable .npz of plain arrays: {error}") from None
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise InputError(f"{path}: not a readable .npz of plain arrays")
    return arrays
