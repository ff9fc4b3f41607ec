"""Where a training that was cut off goes on: its state after the last epoch, kept until its stage succeeds.

Checkpoints are no outputs: DVC does not know the folder, and what a stage writes does not depend on whether
it was ever cut off.
"""

import contextlib
import hashlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from ladder.files.errors import InputError, reading
from ladder.files.outputs import read_arrays, write_arrays

FOLDER = Path(".checkpoints")
SHARE = 20  # writing takes at most one part in so many of the time
CODE = [Path(__file__).parents[2] / package for package in ("ladder", "stages")]
LIBRARIES = ("numpy", "keras", "tensorflow", "tensorflow-cpu", "jax")  # those of them that are installed


def fingerprint(*parts: object) -> str:
    """A hash of all that a training depends on: `parts`, the code of the project, the libraries.

    Parameters
    ----------
    parts : parameter groups and numbers, which count by what they print as; a `Path` counts by the content
        of the file, or of all files in the folder.
    """
    hashed = hashlib.sha256()
    # All of it: what is imported later, in a function, is not loaded yet.
    code = sorted(path for package in CODE for path in package.rglob("*.py"))
    versions = [
        f"{name} {found.version}" for name in LIBRARIES for found in metadata.distributions(name=name)
    ]
    for part in (sys.version, *versions, *code, *parts):
        if isinstance(part, Path):
            for path in sorted(part.rglob("*")) if part.is_dir() else [part]:
                if path.is_file():
                    with reading(path), path.open("rb") as file:
                        hashed.update(hashlib.file_digest(file, "sha256").digest())
        else:
            hashed.update(repr(part).encode() + b"\0")
    return hashed.hexdigest()


def stamps(folder: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of last change of each file in a folder: a part for `fingerprint` that reads none.

    For files so large that hashing them would take longer than an epoch.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]


def variable_arrays(variables: Sequence[Any]) -> dict[str, np.ndarray]:
    """Copies of arrays or Keras variables, by their place."""
    return {
        f"variable_{place}": variable.copy() if isinstance(variable, np.ndarray) else variable.numpy()
        for place, variable in enumerate(variables)
    }


def set_variables(variables: Sequence[Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Give arrays or Keras variables the values that `variable_arrays` returned."""
    for place, variable in enumerate(variables):
        if isinstance(variable, np.ndarray):
            variable[...] = arrays[f"variable_{place}"]
        else:
            variable.assign(arrays[f"variable_{place}"])


class Checkpoint:
    """The state of one training on disk.

    Parameters
    ----------
    name : of the training; each has one checkpoint at the most.
    key : its `fingerprint`; a checkpoint with another one is of no use and is written over.
    """

    def __init__(self, name: str, key: str) -> None:
        self._path, self._key = FOLDER / f"{name}.npz", np.frombuffer(bytes.fromhex(key), np.uint8)
        self._due = 0.0

    def load(self) -> dict[str, np.ndarray] | None:
        """The state that was saved last under this key, if there is one."""
        try:
            state = read_arrays(self._path)
        except InputError:  # absent or damaged
            return None
        return state if np.array_equal(state.pop("key", np.array([])), self._key) else None

    def save_if_due(self, state: Callable[[], Mapping[str, np.ndarray]]) -> None:
        """Save what `state` returns, unless the last saving is too short a while ago to be worth it.

        Where there is no room, training goes on without.
        """
        start = time.monotonic()
        if start < self._due:
            return
        try:
            write_arrays(self._path, {**state(), "key": self._key})
        except InputError as error:
            print(f"no checkpoint: {error}", flush=True)
        end = time.monotonic()
        self._due = end + SHARE * (end - start)

    def discard(self) -> None:
        """Remove it: the stage's outputs are written."""
        self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # others are still in the folder, or it is not there
            FOLDER.rmdir()
