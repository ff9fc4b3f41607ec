"""Image files that are named or lie in named folders, read by threads while a model works on those before."""

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from PIL import Image
from tqdm import tqdm

from ladder.drivers.names import left_by_a_mac
from ladder.drivers.pictures import FORMATS
from ladder.files.errors import InputError
from ladder.predict.answers import printable

SUFFIXES = {suffix for suffix, kind in Image.registered_extensions().items() if kind in FORMATS}
NAMED = 10  # of the files that are left out

T = TypeVar("T")
A = TypeVar("A")


class FileAnswer(NamedTuple, Generic[T, A]):
    """A file, what was read from it, and what a model says of that."""

    path: Path
    content: T
    answer: A


class Refused(NamedTuple):
    """A file that has no answer, and why."""

    path: Path
    error: InputError


def find_images(named: Iterable[Path], report: Callable[[InputError], None]) -> list[Path]:
    """The named files, and in their place what named folders hold at any depth, sorted by path.

    In folders only files with the suffix of an image count; what is named itself always does. A line on
    stderr tells what was left out; what a Mac leaves beside files is no part of a folder.

    Parameters
    ----------
    report : called with each folder that cannot be read or holds no image.
    """
    found: list[Path] = []
    for path in named:
        if os.path.isdir(path):  # unlike Path.is_dir: no error for a name that is too long
            inside, left_out = _images_in(path, report)
            if not inside:
                report(InputError(f"{path}: no image in it ({', '.join(sorted(SUFFIXES))})"))
            if left_out:
                named_ones = ", ".join(str(other.relative_to(path)) for other in left_out[:NAMED])
                more = f" and {len(left_out) - NAMED:,} more" if len(left_out) > NAMED else ""
                line = f"{path}: {len(left_out):,} left out, no image by name: {named_ones}{more}"
                print(printable(line), file=sys.stderr)
            found += inside
        else:
            found.append(path)
    return found


def _images_in(folder: Path, report: Callable[[InputError], None]) -> tuple[list[Path], list[Path]]:
    """The images in a folder, and all else that is no folder; links to folders are not followed."""

    def unreadable(error: OSError) -> None:
        report(InputError(f"{error.filename}: cannot be read: {error.strerror}"))

    images, others = [], []
    for parent, folders, names in os.walk(folder, onerror=unreadable):
        linked = [name for name in folders if os.path.islink(Path(parent, name))]
        folders[:] = (name for name in folders if not left_by_a_mac(name))
        for path in (Path(parent, name) for name in (*linked, *names) if not left_by_a_mac(name)):
            # A link that leads nowhere is tried, and said to be missing. A pipe would be waited for.
            readable = os.path.isfile(path) or not os.path.exists(path)
            (images if readable and path.suffix.lower() in SUFFIXES else others).append(path)
    return sorted(images), sorted(others)


def classify_in_batches(
    paths: Iterable[Path],
    read: Callable[[Path], T],
    classify: Callable[[list[T]], Iterable[A]],
    batch_size: int,
) -> Iterator[FileAnswer[T, A] | Refused]:
    """Answers in the order of `paths`, each as soon as its batch is done; see `read_in_batches`.

    Parameters
    ----------
    classify : the answers about what was read, at least one, in its order.
    """
    for batch in read_in_batches(paths, read, batch_size):
        contents = [file[1] for file in batch if not isinstance(file, Refused)]
        answers = iter(classify(contents) if contents else ())
        for file in batch:
            yield file if isinstance(file, Refused) else FileAnswer(*file, next(answers))


def answered(
    files: Iterable[FileAnswer[T, A] | Refused], total: int, report: Callable[[InputError], None]
) -> Iterator[FileAnswer[T, A]]:
    """The answers alone; `report` is called with why a file has none.

    A progress bar runs on stderr where it would not stand between the answers.
    """
    shown = sys.stderr.isatty() and not sys.stdout.isatty()
    for file in tqdm(files, total=total, unit="file", disable=not shown):
        if isinstance(file, Refused):
            report(file.error)
        else:
            yield file


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
