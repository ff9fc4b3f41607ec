"""What a row of the corpus is, and where bad input is met: a stage's own `main`, a tool's, or a reader."""

import importlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ruamel.yaml import YAML

from tests.imports import ROOT
from tests.pipeline.test_dvc_yaml import declared_outputs
from tools.pipeline.clones import change_params


class Bad(NamedTuple):
    """One bad input."""

    name: str
    damage: Callable[[], object]  # makes it in the current folder, where all is well before
    words: tuple[str, ...]  # that the line must hold: the file, the place in it, what is allowed


class Place(NamedTuple):
    """Where bad input is met."""

    name: str
    prepare: Callable[[], None]  # writes good input into the current folder
    run: Callable[[], object]  # reads it
    outputs: tuple[str, ...]  # what `run` writes
    rows: tuple[Bad, ...]


def stage(name: str, prepare: Callable[[], None], *rows: Bad, kind: str = "") -> Place:
    """The `main` of a stage; `kind` tells two places of one stage apart."""
    main = importlib.import_module("stages." + name.replace("-", "_")).main
    return Place(f"{name} {kind}".strip(), prepare, main, tuple(declared_outputs(name)), rows)


def reader(name: str, prepare: Callable[[], None], run: Callable[[], object], *rows: Bad) -> Place:
    """A tool or a reader: what declares no outputs."""
    return Place(name, prepare, run, (), rows)


def put(path: str | Path, content: bytes | str) -> Callable[[], None]:
    """A function that writes a file and the folders above it."""

    def write() -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(content.encode() if isinstance(content, str) else content)

    return write


def write_params(**changes: dict[str, object]) -> None:
    """Write the params.yaml that ships, changed."""
    Path("params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    change_params(Path("."), changes)


def change(**changes: dict[str, object]) -> Callable[[], None]:
    """A function that changes groups of params.yaml."""
    return lambda: change_params(Path("."), changes)


def replace_group(name: str, text: str) -> Callable[[], None]:
    """A function that puts other YAML where a group of params.yaml was."""

    def write() -> None:
        content = YAML(typ="safe", pure=True).load(Path("params.yaml").read_text("utf-8"))
        del content[name]
        with open("params.yaml", "w", encoding="utf-8") as file:
            YAML(typ="safe", pure=True).dump(content, file)
            file.write(f"{name}: {text}\n")

    return write


def npy(array: np.ndarray) -> bytes:
    """The array as a .npy file; objects are pickled."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def npy_header(text: str) -> bytes:
    """The header of a .npy file without the data that it promises."""
    return b"\x93NUMPY\x01\x00v\x00" + text.encode().ljust(117) + b"\n"


def npz(**arrays: np.ndarray) -> bytes:
    """The arrays as an .npz file, compressed, as the large ones here are zeros."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


class Payload:
    """Unpickled, it makes the file `ran`."""

    def __reduce__(self):
        return Path.touch, (Path("ran"),)


def payload(count: int) -> np.ndarray:
    """Objects that are code."""
    objects = np.empty(count, object)
    objects[:] = [Payload() for _ in range(count)]
    return objects
