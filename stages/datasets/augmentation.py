"""Random rotation, shift and flip of training images."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from stages.core.params import Group
from stages.core.runtime import keras


class Augment(Group):
    """The `augment` group of params.yaml."""

    rotation: Annotated[float, Field(ge=0, le=180)]
    shift: Annotated[float, Field(ge=0, le=0.5)]
    flip: Literal["none", "plain"]


def augment(images: np.ndarray, params: Augment, rng: np.random.Generator) -> np.ndarray:
    """Transform each image at random: `images` [n, side, side, 3] uint8 → float32, the same value range.

    What comes in from outside is the nearest edge pixel.
    """
    count, side = len(images), images.shape[1]
    angle = np.deg2rad(rng.uniform(-params.rotation, params.rotation, count))
    shift = rng.uniform(-params.shift, params.shift, (2, count)) * side
    mirror = np.where((rng.random(count) < 0.5) & (params.flip == "plain"), -1.0, 1.0)
    cos, sin, centre = np.cos(angle), np.sin(angle), (side - 1) / 2
    # Each output pixel (x, y) comes from (a x + b y + c, d x + e y + f): about the image's centre, mirror,
    # then rotate, then shift. The op's last two numbers make a perspective; zero here.
    a, b, d, e = mirror * cos, -mirror * sin, sin, cos
    c = centre - a * centre - b * centre + shift[0]
    f = centre - d * centre - e * centre + shift[1]
    zero = np.zeros(count)
    transforms = np.stack([a, b, c, d, e, f, zero, zero], axis=1).astype(np.float32)
    moved = keras.ops.image.affine_transform(
        images.astype(np.float32), transforms, interpolation="bilinear", fill_mode="nearest"
    )
    return keras.ops.convert_to_numpy(moved)
