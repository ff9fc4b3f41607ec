"""Picture files that anybody may have made, opened with care."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from ladder.files.errors import InputError

# Pillow warns of sizes above a limit of its own, of transparency and of damaged EXIF; what matters here is
# refused. Set once: warnings.catch_warnings is not safe in threads that read pictures.
warnings.filterwarnings("ignore", module=r"PIL\.")
MAX_PIXELS = 50_000_000  # decoded at once; a header that promises more is refused unread
MAX_JPEG_PIXELS = 200_000_000  # a phone's largest; decoded at a reduced size
ALLOWED = f"allowed are {MAX_PIXELS:,}, or {MAX_JPEG_PIXELS:,} in a JPEG that is not progressive"
Image.MAX_IMAGE_PIXELS = MAX_JPEG_PIXELS // 2  # Pillow itself refuses what has more than twice that
# What browsers show. Pillow tries all that it knows, and starts another program, Ghostscript, for EPS.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "WEBP")


@contextmanager
def open_picture(path: str | Path, side: int) -> Iterator[Image.Image]:
    """A picture file, its pixels still to be decoded in the block. Of an animation it is the first frame.

    A JPEG is decoded at a half, a quarter or an eighth of its size, where that leaves `side` pixels or more
    to each side: detail that would be thrown away is never made.

    Raises
    ------
    InputError
        The file is missing, not a picture, truncated, or absurdly large; also for a `ValueError` in the
        block, such as `to_rgb` raises.
    """
    try:
        with Image.open(path, formats=FORMATS) as picture:
            width, height = picture.size
            picture.draft(None, (side, side))
            # A progressive JPEG is held in memory whole, however small it is decoded.
            in_stripes = isinstance(picture, JpegImageFile) and "progressive" not in picture.info
            most = MAX_JPEG_PIXELS if in_stripes else MAX_PIXELS
            if width * height > most or picture.width * picture.height > MAX_PIXELS:
                raise InputError(f"{path}: {width}×{height} pixels; {ALLOWED}")
            yield picture
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except InputError:
        raise
    except Image.DecompressionBombError:
        raise InputError(f"{path}: more than {MAX_JPEG_PIXELS:,} pixels; {ALLOWED}") from None
    except Exception as error:  # Pillow raises many kinds for a damaged file.
        raise InputError(f"{path}: not a readable image ({', '.join(FORMATS)}): {error}") from None


def to_rgb(picture: Image.Image) -> Image.Image:
    """The picture with 8 bits for each of red, green and blue; where it is transparent, the colours below.

    Raises
    ------
    ValueError
        Its mode does not say which number is white, or Pillow cannot convert it.
    """
    if picture.mode in ("I", "F"):
        raise ValueError("32 bits per pixel, of which none says which is white; allowed are 8 or 16")
    if picture.mode.startswith("I;16"):  # Pillow would cut off at 255, and all would be white
        picture = Image.fromarray(np.rint(np.asarray(picture) / 257).astype(np.uint8))
    return picture.convert("RGB")
