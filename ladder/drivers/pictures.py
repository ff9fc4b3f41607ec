"""Picture files that anybody may have made, opened with care."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from ladder.files.errors import InputError

# Pillow warns of sizes above a limit of its own, of transparency and of damaged EXIF; what matters here is
# refused. Set once: warnings.catch_warnings is not safe in threads that read pictures.
warnings.filterwarnings("ignore", module=r"PIL\.")
MAX_PIXELS = 50_000_000  # a camera's picture fits; a header that promises more is refused unread
# What browsers show. Pillow tries all that it knows, and starts another program, Ghostscript, for EPS.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "WEBP")


@contextmanager
def open_picture(path: str | Path) -> Iterator[Image.Image]:
    """A picture file, its pixels still to be decoded in the block. Of an animation it is the first frame.

    Raises
    ------
    InputError
        The file is missing, not a picture, truncated, or absurdly large.
    """
    try:
        with Image.open(path, formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise InputError(
                    f"{path}: {picture.width}×{picture.height} pixels; allowed are {MAX_PIXELS:,}"
                )
            yield picture
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except InputError:
        raise
    except Exception as error:  # Pillow raises many kinds for a damaged file.
        raise InputError(f"{path}: not a readable image ({', '.join(FORMATS)}): {error}") from None
