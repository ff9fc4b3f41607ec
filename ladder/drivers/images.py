"""Driver images in the layout of the State Farm distracted-driver set, and the manifest of their splits.

The layout: `driver_imgs_list.csv` with the columns subject, classname and img, and the pictures at
`imgs/train/{classname}/{img}`.
"""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from PIL import Image, ImageOps
from pydantic import Field

from ladder.drivers.names import left_by_a_mac, same_name
from ladder.drivers.pictures import open_picture, to_rgb
from ladder.files.errors import InputError
from ladder.files.metrics import SPLITS
from ladder.files.params import Group, Share
from ladder.files.tables import read_table

CLASSES = tuple(f"c{number}" for number in range(10))
CLASS_NAMES = (
    "safe driving",
    "texting right",
    "phone right",
    "texting left",
    "phone left",
    "radio",
    "drinking",
    "reaching behind",
    "hair and make-up",
    "talking",
)
# Often confused in the State Farm set: the phone and the text of one hand; hair done and safe driving.
CONFUSABLE = ((1, 2), (3, 4), (0, 9))
CSV_NAME = "driver_imgs_list.csv"
IN_A_CACHE = re.compile(r"/files/md5/[0-9a-f]{2}/[0-9a-f]{30}$")  # where DVC's links lead, told to make links
MANIFEST = Path("data/driver-manifest.csv")
SPLIT_BY = ("image", "driver")  # to split: see ladder/drivers/splits.py
FOLD = re.compile(r"by_(fold_\d+)")  # a column of the manifest: a fold of the cross-validation by driver
MANIFEST_COLUMNS = ("path", "class", "subject", "by_image", "by_driver")


class Drivers(Group):
    """The `drivers` group of params.yaml."""

    root: Annotated[str, Field(min_length=1, pattern=r"^\P{C}*$")]  # no control characters
    count: Annotated[int, Field(ge=3, le=1000)]
    frames: Annotated[int, Field(ge=1, le=1000)]
    height: Annotated[int, Field(ge=32, le=480)]


class Split(Group):
    """The `split` group of params.yaml."""

    by: Literal["image", "driver"]
    validation_share: Share
    test_share: Share
    folds: Annotated[int, Field(ge=2, le=1000)]


def read_image_list(root: Path) -> pd.DataFrame:
    """Rows `path` (below `root`), `class` and `subject` of the CSV, sorted by path.

    Raises
    ------
    InputError
        A column is missing, a class is not c0 to c9, a subject or name has characters that do not show, a
        subject has two spellings, an image is listed twice, missing, or outside `root`.
    """
    source = root / CSV_NAME
    table = read_table(source, ("subject", "classname", "img"), str)
    from_a_mac = table["img"].map(left_by_a_mac)
    if from_a_mac.any():
        print(
            f"{source}: {from_a_mac.sum():,} rows left out, such as {table['img'][from_a_mac].iloc[0]!r}: "
            "what macOS leaves beside a file",
            flush=True,
        )
    table = table[~from_a_mac]
    top = root.resolve()
    paths = []
    for index, subject, classname, name in table[["subject", "classname", "img"]].itertuples():
        row = index + 2
        for column, text in (("subject", subject), ("img", name)):
            # "p1 " would be another driver than "p1": one person in two splits.
            if text != text.strip() or not text.isprintable():
                raise InputError(
                    f"{source}: row {row}: {column} {text!r}; allowed are characters that show, and spaces "
                    "between them"
                )
        if classname not in CLASSES:
            raise InputError(f"{source}: row {row}: classname {classname!r}; allowed are c0 to c9")
        if Path(name).name != name:
            raise InputError(f"{source}: row {row}: img {name!r} is not the plain name of a file")
        path = Path("imgs", "train", classname, name)
        try:
            target, exists = (root / path).resolve(), (root / path).is_file()
        except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL, circular links
            raise InputError(f"{source}: row {row}: img {name!r}: {error}") from None
        if not (target.is_relative_to(top) or IN_A_CACHE.search(target.as_posix())):
            raise InputError(f"{source}: row {row}: img {name!r} lies outside {root}")
        if not exists:
            raise InputError(f"{source}: row {row}: no image {root / path}")
        paths.append(path.as_posix())
    _check_spellings(source, table)
    listed = pd.DataFrame({"path": paths, "class": table["classname"], "subject": table["subject"]})
    return listed.sort_values("path", ignore_index=True)


def _check_spellings(source: Path, table: pd.DataFrame) -> None:
    """Raises InputError where a subject has two spellings, or an image is listed twice in whatever spelling.

    One person would be in two splits. On some disks, both names would be one picture.
    """
    people: dict[str, tuple[int, str]] = {}
    images: dict[str, tuple[int, str]] = {}
    for index, subject, name in table[["subject", "img"]].itertuples():
        row = index + 2
        before, spelling = people.setdefault(same_name(subject), (row, subject))
        if spelling != subject:
            raise InputError(
                f"{source}: row {row}: subject {subject!r} is {spelling!r} in row {before}; allowed is one "
                "spelling of a name: upper and lower case, spaces and Unicode forms alike"
            )
        before, spelling = images.setdefault(same_name(name), (row, name))
        if before != row:
            raise InputError(
                f"{source}: row {row}: img {name!r} is listed before, in row {before} as {spelling!r}; "
                "allowed is once, upper and lower case alike"
            )


def read_manifest() -> pd.DataFrame:
    """The manifest that stage `split-driver-images` wrote, with `MANIFEST_COLUMNS` and a column per fold.

    Raises
    ------
    InputError
        A class or split is unknown, a split is empty, there is no fold, or a driver is in two splits of
        `by_driver` or a fold.
    """
    table = read_table(MANIFEST, MANIFEST_COLUMNS, str, more=FOLD)
    by_driver = ["by_driver", *(f"by_{fold}" for fold in folds_of(table))]
    if len(by_driver) == 1:
        raise InputError(f"{MANIFEST}: no column by_fold_1; needed is one for each fold")
    for column, allowed in (("class", CLASSES), *((split, SPLITS) for split in ("by_image", *by_driver))):
        bad = table.index[~table[column].isin(allowed)]
        if len(bad):
            raise InputError(
                f"{MANIFEST}: row {bad[0] + 2}: {column} {table[column][bad[0]]!r}; allowed: {allowed}"
            )
    for column in ("by_image", *by_driver):
        empty = [split for split in SPLITS if split not in set(table[column])]
        if empty:
            raise InputError(f"{MANIFEST}: {column}: no row is {empty[0]!r}; needed are {', '.join(SPLITS)}")
    for column in by_driver:
        splits = table.groupby("subject")[column].unique()
        shared = splits[splits.str.len() > 1]
        if len(shared):
            raise InputError(f"{MANIFEST}: {column}: {shared.index[0]} is in {' and '.join(shared.iloc[0])}")
    return table


def folds_of(manifest: pd.DataFrame) -> list[str]:
    """The names of the folds of the cross-validation by driver, for `rows_by_split`."""
    return [found[1] for column in manifest.columns if (found := FOLD.fullmatch(column))]


def rows_by_split(manifest: pd.DataFrame, by: str) -> dict[str, np.ndarray]:
    """Row numbers of "train", "val" and "test" when split by `by`: "image", "driver" or a fold's name."""
    return {split: np.flatnonzero(manifest[f"by_{by}"] == split) for split in SPLITS}


def labels_of(manifest: pd.DataFrame) -> np.ndarray:
    """Class indices [rows]."""
    return manifest["class"].map(CLASSES.index).to_numpy(np.int64)


def one_hot(labels: np.ndarray) -> np.ndarray:
    """Class indices [items] as float32 [items, classes]."""
    return np.eye(len(CLASSES), dtype=np.float32)[labels]


def load_image(path: Path, size: int) -> np.ndarray:
    """Decode, turn upright (EXIF), make RGB and resize to uint8 [size, size, 3].

    Of an animation it is the first frame. Raises InputError as `open_picture` does.
    """
    with open_picture(path, size) as image:
        upright = to_rgb(ImageOps.exif_transpose(image))
        return np.asarray(upright.resize((size, size), Image.Resampling.BILINEAR))


def load_images(root: Path, paths: Sequence[str], size: int) -> np.ndarray:
    """Load images in parallel: uint8 [n, size, size, 3], in the order of `paths`."""
    images = np.empty((len(paths), size, size, 3), np.uint8)
    with ThreadPoolExecutor() as pool:
        for number, image in enumerate(pool.map(load_image, (root / path for path in paths), repeat(size))):
            images[number] = image
    return images
