"""HTML from a template beside this module; whatever is put in is escaped."""

import base64
import io
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from ladder.files.errors import InputError, reading

PHOTO_QUALITY = 85  # of WebP; a sheet of pictures is then a fifth of its PNG


def render(template: str, **values: Any) -> str:
    """The template, filled; a name that it lacks is an error."""
    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    with reading(folder / template):
        found = environment.get_template(template)
    return found.render(embedded=embedded, **values)


class Embedded(NamedTuple):
    """A picture as a data: address, with its size in pixels."""

    address: str
    width: int
    height: int


def embedded(path: str, photo: bool) -> Embedded:
    """A picture as it is, or smaller as a WebP if it shows photographs.

    Raises
    ------
    InputError
        The picture is missing or is none.
    """
    try:
        data, kind = Path(path).read_bytes(), "png"
        with Image.open(io.BytesIO(data)) as picture, io.BytesIO() as smaller:
            width, height = picture.size
            if photo:
                picture.convert("RGB").save(smaller, "WEBP", quality=PHOTO_QUALITY, method=6)
                data, kind = smaller.getvalue(), "webp"
    except OSError as error:  # Pillow's UnidentifiedImageError too
        raise InputError(f"{path}: no readable picture: {error}; `dvc repro` makes it") from None
    return Embedded(f"data:image/{kind};base64,{base64.b64encode(data).decode()}", width, height)
