"""What stages write: whole files or none, and the same bytes for the same content."""

import csv
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.errors import InputError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; rename it to `path` if the block succeeds, else remove it.

    What is written may be a file or a folder. A reader sees the old content or the new one, never a part.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        if path.is_dir():
            aside = path.with_name(f".{path.name}.{os.getpid()}.old.tmp")
            path.rename(aside)
            temporary.replace(path)
            shutil.rmtree(aside)
        else:
            temporary.replace(path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)


def write_metrics(path: str | Path, metrics: Mapping[str, float]) -> None:
    """Write a flat JSON file of finite numbers, rounded to 6 significant digits.

    Raises
    ------
    InputError
        A metric is NaN or infinite: the training that made it has failed.
    """
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise InputError(f"{path}: {name} is {value}: the training diverged; lower the learning rate")
    rounded = {
        name: int(v) if isinstance(v, int | np.integer) else float(f"{v:.6g}") for name, v in metrics.items()
    }
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(rounded, indent=2) + "\n", "utf-8")


def write_table(path: str | Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write equally long columns as CSV; floats with 6 significant digits."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            writer.writerow([f"{v:.6g}" if isinstance(v, float | np.floating) else v for v in row])


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as an uncompressed .npz without pickles."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_arrays(path: str | Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Read the arrays called `names` from an .npz; pickled objects are refused.

    Raises
    ------
    InputError
        The file is missing, is no .npz, or does not hold exactly these arrays.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            if sorted(archive.files) != sorted(names):
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
