"""Random rotation, shift and flip of training images."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ladder.files.params import Group
from ladder.training.runtime import keras

# The class of a mirror image: texting or phoning with the right hand (c1, c2) is with the left (c3, c4).
MIRRORED_CLASS = np.array([0, 3, 4, 1, 2, 5, 6, 7, 8, 9])

AUGMENTED_SHARE = 0.5  # of what a model sees of the training images


class Augment(Group):
    """The `augment` group of params.yaml."""

    rotation: Annotated[float, Field(ge=0, le=180)]
    shift: Annotated[float, Field(ge=0, le=0.5)]
    flip: Literal["none", "plain", "swap"]


def augment(
    images: np.ndarray,
    classes: np.ndarray,
    params: Augment,
    rng: np.random.Generator,
    part: slice = slice(None),
    count: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Transform each image at random; what comes in from outside is the nearest edge pixel.

    Parameters
    ----------
    images : [n, side, side, 3].
    classes : [n], class indices.
    part, count : the images are this part of a batch of `count`, and are moved as they would be in the whole
        batch; by default they are all of it.

    Returns
    -------
    Images in float32, the same value range, and their classes: with `flip: swap` a mirror image has that of
    the other hand.
    """
    count, side = count or len(images), images.shape[1]
    angle = np.deg2rad(rng.uniform(-params.rotation, params.rotation, count))
    shift = rng.uniform(-params.shift, params.shift, (2, count)) * side
    flipped = (rng.random(count) < 0.5) & (params.flip != "none")
    mirror = np.where(flipped, -1.0, 1.0)
    cos, sin, centre = np.cos(angle), np.sin(angle), (side - 1) / 2
    # Each output pixel (x, y) comes from (a x + b y + c, d x + e y + f): about the image's centre, mirror,
    # then rotate, then shift. The op's last two numbers make a perspective; zero here.
    a, b, d, e = mirror * cos, -mirror * sin, sin, cos
    c = centre - a * centre - b * centre + shift[0]
    f = centre - d * centre - e * centre + shift[1]
    zero = np.zeros(count)
    transforms = np.stack([a, b, c, d, e, f, zero, zero], axis=1).astype(np.float32)[part]
    if len(images) == 0:  # of a last batch that is small, some processes have no part
        return images.astype(np.float32), classes
    moved = keras.ops.image.affine_transform(
        images.astype(np.float32), transforms, interpolation="bilinear", fill_mode="nearest"
    )
    seen_as = np.where(flipped[part] & (params.flip == "swap"), MIRRORED_CLASS[classes], classes)
    return keras.ops.convert_to_numpy(moved), seen_as


def draw_augmented(count: int, rng: np.random.Generator) -> np.ndarray:
    """Which of `count` training images are seen augmented and which, as often, as they are: bool [count].

    As they are that often, since validation and test show them so: on validation more are then recognised.
    """
    return rng.random(count) < AUGMENTED_SHARE
