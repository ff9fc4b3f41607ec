"""Image files that are named or lie in named folders, read by threads while a model works on those before."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from stages.core.errors import InputError
from stages.datasets.pictures import FORMATS

SUFFIXES = {f".{name.lower()}" for name in (*FORMATS, "JPG")}

T = TypeVar("T")
R = TypeVar("R")


class ReadFile(NamedTuple):
    """A file and what was read of it, or the `error`."""

    path: Path
    content: object = None
    error: InputError | None = None


def find_images(named: Iterable[Path], report: Callable[[InputError], None]) -> list[Path]:
    """The named files, and in their place what named folders hold at any depth, sorted by path.

    In folders only files with the suffix of an image count; what is named itself always does.

    Parameters
    ----------
    report : called with each folder that cannot be read or holds no image.
    """
    found: list[Path] = []
    for path in named:
        if os.path.isdir(path):  # unlike Path.is_dir: no error for a name that is too long
            inside = sorted(_images_in(path, report))
            if not inside:
                report(InputError(f"{path}: no image in it ({', '.join(sorted(SUFFIXES))})"))
            found += inside
        else:
            found.append(path)
    return found


def _images_in(folder: Path, report: Callable[[InputError], None]) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        report(InputError(f"{error.filename}: cannot be read: {error.strerror}"))

    for parent, _, names in os.walk(folder, onerror=unreadable):
        paths = (Path(parent, name) for name in names)
        yield from (path for path in paths if path.suffix.lower() in SUFFIXES and os.path.isfile(path))


def map_ahead(function: Callable[[T], R], items: Iterable[T], ahead: int, threads: int | None) -> Iterator[R]:
    """`function` of each item, in order, computed by threads while the caller works on those before.

    Parameters
    ----------
    ahead : no more of `items` is taken than these beyond what the caller is done with.
    threads : None: as many as reading files is worth.
    """
    remaining = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        waiting = deque(pool.submit(function, item) for item in islice(remaining, ahead))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(function, item) for item in islice(remaining, 1))


def read_in_batches(
    paths: Iterable[Path], read: Callable[[Path], object], batch_size: int
) -> Iterator[Sequence[ReadFile]]:
    """Read files in threads and give them out in batches, in the order of `paths`.

    The next batch is read while the caller works on one; no more of `paths` is taken, and no more is held,
    than those two.

    Parameters
    ----------
    read : raises InputError for a file that has no content.
    """

    def read_one(path: Path) -> ReadFile:
        try:
            return ReadFile(path, content=read(path))
        except InputError as error:
            return ReadFile(path, error=error)

    files = map_ahead(read_one, paths, batch_size, threads=None)
    while batch := list(islice(files, batch_size)):
        yield batch
