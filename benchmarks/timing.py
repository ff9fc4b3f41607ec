"""What the benchmarks share: their images, the sides taking turns, the rows of results, the command line."""

import argparse
import importlib
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from ladder.digits.idx import find_idx_folder, read_idx_pair
from ladder.digits.images import SIDE, Images
from ladder.files.errors import InputError

INK_SHARE = 0.19  # of MNIST's pixels; the others are black


class Row(TypedDict):
    """One result. `ratio` is how many times better ours is than the peer: above 1 it is faster or more."""

    name: str
    ours: float
    peer: float
    ratio: float
    unit: str
    note: str


def make_row(name: str, ours: float, peer: float, unit: str, note: str) -> Row:
    """A row whose ratio fits its unit: of seconds and memory less is better, of anything else more."""
    ratio = peer / ours if unit.startswith("s/") or unit == "GiB" else ours / peer
    return Row(name=name, ours=ours, peer=peer, ratio=ratio, unit=unit, note=note)


def seconds(function: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def alternate(runs: int, *sides: Callable[[], object]) -> list[float]:
    """Median seconds of each side over `runs` rounds in which they take turns.

    So whatever else the machine does hits all of them.
    """
    rounds = [[seconds(side) for side in sides] for _ in range(runs)]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def training_images(folder: Path | None, count: int) -> Images:
    """The first `count` of MNIST's training images, or as many random ones that are as sparse.

    Parameters
    ----------
    folder : holds MNIST's IDX files; None: random images.

    Raises
    ------
    InputError
        The folder is missing, or its files are no MNIST.
    """
    if folder is not None:
        train = read_mnist(folder)["train"]
        return Images(train.images[:count], train.labels[:count])
    rng = np.random.default_rng(0)
    images = rng.integers(1, 256, (count, SIDE, SIDE), np.uint8)
    images[rng.random(images.shape, np.float32) >= INK_SHARE] = 0
    return Images(images, rng.integers(0, 10, count, np.uint8))


def read_mnist(folder: Path) -> dict[str, Images]:
    """The splits "train" and "test" of the IDX files in a folder; raises InputError as `training_images`."""
    if not folder.is_dir():
        raise InputError(f"--idx {folder}: no such folder")
    return {split: Images(*read_idx_pair(*files)) for split, files in find_idx_folder(folder).items()}


def describe(images: Images, folder: Path | None) -> str:
    """How a note names the images."""
    return f"{len(images.labels)} {'random' if folder is None else 'MNIST'} images"


def use_cpu(threads: int = 0) -> None:
    """Make TensorFlow compute on the processor, with this many threads; 0: one per core, its default.

    TensorFlow reads both once, so this goes first in a process that uses it.
    """
    from ladder.training.runtime import tf  # here, so that naming the benchmarks does not import TensorFlow

    tf.config.set_visible_devices([], "GPU")
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def argument_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with --idx; of `description`, a module's docstring, it shows the first line."""
    parser = argparse.ArgumentParser(description=(description or "").split("\n")[0])
    parser.add_argument("--idx", type=Path, metavar="FOLDER", help="folder of MNIST's IDX files")
    return parser


def measure(module: str, options: dict[str, Any]) -> list[Row]:
    """Import a benchmark and call its `rows`: what a process of its own runs."""
    return importlib.import_module(module).rows(**options)


def print_rows(rows: Sequence[Row], notes: bool = True) -> None:
    """Print a table of rows, with `notes` each note below its row."""
    width = max(len(row["name"]) for row in rows)
    print(f"{'benchmark':{width}} {'ours':>10} {'peer':>10} {'ratio':>8}  unit")
    for row in rows:
        figures = f"{row['ours']:>10.4g} {row['peer']:>10.4g} {row['ratio']:>7.4g}×"
        print(f"{row['name']:{width}} {figures}  {row['unit']}")
        if notes:
            print(f"    {row['note']}")
