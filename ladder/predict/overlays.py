"""Where the heat-map of each image is written: below one folder, each in a file of its own."""

import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ladder.files.errors import InputError
from ladder.vgg.grad_cam import overlay


def check_place(folder: Path, named: Iterable[Path]) -> None:
    """Keep heat-maps apart from images: those in a named folder would be answered as images next time.

    Raises
    ------
    InputError
        `folder` is one of the named folders, or lies in one.
    """
    place = Path(os.path.realpath(folder))
    for path in named:
        if os.path.isdir(path) and place.is_relative_to(os.path.realpath(path)):
            raise InputError(
                f"{folder}: heat-maps in {path} would be taken for images next time; name a folder outside"
            )


def overlay_paths(paths: Sequence[Path], folder: Path) -> dict[Path, Path]:
    """For each image a file below `folder`, named as the image is below the folder that holds all images.

    Raises
    ------
    InputError
        Two images would have one file, or the file is one of the images.
    """
    whole = {path: Path(os.path.abspath(path)) for path in paths}
    top = os.path.commonpath([place.parent for place in whole.values()]) if paths else ""
    placed = {path: folder / f"{place.relative_to(top)}.png" for path, place in whole.items()}
    images = {os.path.realpath(path): path for path in paths}
    owners: dict[Path, Path] = {}
    for path, place in placed.items():
        # One name may lead to two images: `..` after a link leads out of the folder that the link leads to.
        other = owners.setdefault(place, path)
        if os.path.realpath(other) != os.path.realpath(path):
            raise InputError(f"{other} and {path}: both heat-maps would be {place}; ask for one at a time")
        image = images.get(os.path.realpath(place))
        if image is not None:
            raise InputError(f"{path}: its heat-map would overwrite the image {image}; name another folder")
    return placed


def write_overlay(path: Path, image: np.ndarray, heat: np.ndarray) -> None:
    """Write an image [size, size, 3] uint8 under its heat map [size, size] as PNG.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    content = io.BytesIO()
    Image.fromarray(overlay(image, heat)).save(content, "PNG")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.getvalue())
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
