"""Image files that are named or lie in named folders, read by threads while a model works on those before."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from ladder.drivers.pictures import FORMATS
from ladder.files.errors import InputError

SUFFIXES = {f".{name.lower()}" for name in (*FORMATS, "JPG")}

T = TypeVar("T")


class Refused(NamedTuple):
    """A file that has no answer, and why."""

    path: Path
    error: InputError


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


def read_in_batches(
    paths: Iterable[Path], read: Callable[[Path], T], batch_size: int
) -> Iterator[Sequence[tuple[Path, T] | Refused]]:
    """Read files in threads and give them out with their content in batches, in the order of `paths`.

    The next batch is read while the caller works on one; no more of `paths` is taken, and no more is held,
    than those two.

    Parameters
    ----------
    read : raises InputError for a file that has no content.
    """
    remaining = iter(paths)
    with ThreadPoolExecutor() as pool:
        waiting: deque[list[tuple[Path, Future[T]]]] = deque()
        while True:
            while len(waiting) < 2 and (batch := list(islice(remaining, batch_size))):
                waiting.append([(path, pool.submit(read, path)) for path in batch])
            if not waiting:
                return
            yield [_finished(path, future) for path, future in waiting.popleft()]


def _finished(path: Path, future: Future[T]) -> tuple[Path, T] | Refused:
    try:
        return path, future.result()
    except InputError as error:
        return Refused(path, error)
