"""A picture of one digit, however large and on whatever ground, made like the images that the networks learn.

Those of MNIST (LeCun et al. 1998) lie within 20×20 pixels of 28×28, their proportions kept, with their centre
of mass in the pixel of row 14 and column 14, counted from 0.
"""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps
from scipy import ndimage

from ladder.digits.images import SIDE
from ladder.drivers.pictures import open_picture
from ladder.files.errors import InputError

INK_SIDE = 20  # pixels, of the longer side of the digit
WORKING_SIDE = 512  # pixels: the longer side of a picture is made no longer than that
PLANE_SAMPLES = 4096  # pixels of the ground that its shading is fitted to
GRAIN = 1 / 400  # of the longer side of the picture: what is smaller is noise
FAINTEST = 0.15  # of the strongest ink: where a stroke ends
FLATTEST = 0.02  # of the range of grey levels: less is what is left of a slope without ink
SMALLEST = 0.02  # of all ink: a separate part below that is a speck
# A blob: some ink lies that many pixels of 28×28 inside, and all of it is below so many squares of that. A
# sheet of paper on a desk is; of MNIST's digits, one in a hundred.
BLOB_DEPTH, BLOB_SQUARES = 4, 12.1


class DigitReading(NamedTuple):
    """`image` [28, 28] uint8, 0 is the background.

    `how` says in words what was done to get it, and why it may be no digit.
    """

    image: np.ndarray
    how: str


def load_picture(path: str | Path) -> Image.Image:
    """A picture file, turned upright (EXIF); raises InputError as `open_picture` does."""
    with open_picture(path, WORKING_SIDE) as picture:
        return ImageOps.exif_transpose(picture)


def read_digit(picture: Image.Image) -> DigitReading:
    """Find the digit in a picture of any size and mode, dark on light or light on dark.

    Raises
    ------
    InputError
        The picture is of one colour, or nothing in it stands out from its ground.
    """
    grey = _grey_levels(picture)
    if np.ptp(grey) == 0:
        raise InputError("the picture is of one colour: no digit in it")
    ink, dark_on_light = _ink(ndimage.gaussian_filter(grey, GRAIN * max(grey.shape)))
    if ink.max() < FLATTEST * np.ptp(grey):
        raise InputError("nothing in the picture stands out from its shade: no digit in it")
    digit, at_edge = _without_specks(ink)
    image = _in_field(digit)
    polarity = "dark on light, inverted" if dark_on_light else "light on dark"
    how = f"{polarity}; cropped to the ink; centred in {SIDE}×{SIDE}"
    if at_edge:
        how += "; doubtful: the ink reaches the edge of the picture"
    elif _is_blob(image):
        how += "; doubtful: the ink is a blob, not strokes"
    return DigitReading(np.rint(255 * image).astype(np.uint8), how)


def _grey_levels(picture: Image.Image) -> np.ndarray:
    """The picture as [height, width] floats of any range, at most `WORKING_SIDE` to a side."""
    if picture.mode.startswith(("I", "F")):
        picture = picture.convert("F")  # more than 8 bits, which "L" or "RGBA" would cut off
    else:
        picture = picture.convert("RGBA" if picture.has_transparency_data else "L")
    picture = picture.reduce(math.ceil(max(picture.size) / WORKING_SIDE))
    if picture.mode != "RGBA":
        return np.asarray(picture, np.float64)
    grey = np.asarray(picture.convert("RGB").convert("L"), np.float64)
    opacity = np.asarray(picture.getchannel("A"), np.float64) / 255
    if not opacity.any():
        return opacity
    # What shines through must not look like ink: it is as unlike the drawing as can be.
    ground = 255.0 if np.average(grey, weights=opacity) < 128 else 0.0
    return opacity * grey + (1 - opacity) * ground


def _ink(grey: np.ndarray) -> tuple[np.ndarray, bool]:
    """How far each pixel is from its ground, 0 or more, and whether the ink is the darker of the two.

    The ground is what most of the border is; its level may slope, as on a photograph of paper.
    """
    bright = grey > _otsu_threshold(grey)
    border = np.concatenate([bright[0], bright[-1], bright[:, 0], bright[:, -1]])
    dark_on_light = bool(border.mean() > 0.5)
    y, x = np.nonzero(bright == dark_on_light)
    step = math.ceil(len(y) / PLANE_SAMPLES)
    y, x = y[::step], x[::step]
    design = np.column_stack([y, x, np.ones(len(y))])
    down, across, level = np.linalg.lstsq(design, grey[y, x])[0]
    rows, columns = np.indices(grey.shape, sparse=True)
    ground = level + down * rows + across * columns
    return np.maximum(ground - grey if dark_on_light else grey - ground, 0), dark_on_light


def _without_specks(ink: np.ndarray) -> tuple[np.ndarray, bool]:
    """The ink cut out along the digit's outline, anything else in it set to 0; whether it reaches an edge."""
    strong = ink > _otsu_threshold(ink)
    outline = ink > FAINTEST * np.percentile(ink[strong], 90)
    parts, count = ndimage.label(outline, np.ones((3, 3)))
    sizes = ndimage.sum_labels(strong, parts, range(count + 1))
    sizes[0] = 0  # what is outside of all parts
    kept = (sizes > SMALLEST * sizes.sum())[parts]
    if not kept.any():
        raise InputError("nothing but specks in the picture: no digit in it")
    box = ndimage.find_objects(kept.astype(int))[0]
    at_edge = bool(kept[0].any() or kept[-1].any() or kept[:, 0].any() or kept[:, -1].any())
    return np.where(kept, ink, 0)[box], at_edge


def _is_blob(image: np.ndarray) -> bool:
    """Whether the ink of an image [28, 28], from 0 to 1, is too stout for a digit's strokes."""
    ink = np.pad(image > 0.5, 1)
    depth = ndimage.distance_transform_edt(ink).max()
    return bool(depth >= BLOB_DEPTH and ink.sum() < BLOB_SQUARES * depth**2)


def _otsu_threshold(values: np.ndarray) -> float:
    """The level that divides the values into two groups that differ most (Otsu 1979)."""
    counts, edges = np.histogram(values, 256)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    sums = np.cumsum(counts * middles)
    between = (sums[-1] * below - sums[:-1] * counts.sum()) ** 2 / (below * above)
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))  # many, where nothing lies between the two
    return float(edges[1 + best[len(best) // 2]])


def _in_field(digit: np.ndarray) -> np.ndarray:
    """The digit in a field of 28×28, from 0 to 1, its longer side at 20 pixels, its mass at (14, 14)."""
    height, width = (max(1, round(length * INK_SIDE / max(digit.shape))) for length in digit.shape)
    resized = Image.fromarray(digit.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    small = np.asarray(resized)
    # A thin pen leaves little in each pixel, and the networks know strong strokes only.
    small = np.minimum(small / np.percentile(small[small > small.max() / 2], 75), 1)
    corner = [round(SIDE / 2 - middle) for middle in ndimage.center_of_mass(small)]
    top, left = (min(max(at, 0), SIDE - n) for at, n in zip(corner, small.shape, strict=True))
    field = np.zeros((SIDE, SIDE))
    field[top : top + height, left : left + width] = small
    return field
