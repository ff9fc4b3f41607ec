"""Digits written once more by other hands: random affine and elastic deformation of training images.

The recipe is that of Simard, Steinkraus and Platt, "Best practices for convolutional neural networks applied
to visual document analysis" (2003), with the affine part of Cireșan et al. (2010).
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import numpy as np
from pydantic import Field
from scipy.ndimage import gaussian_filter1d, map_coordinates

from ladder.digits.images import as_network_input
from ladder.files.params import Group
from ladder.files.streams import stream

CHUNK = 2000  # images deformed at once: their coordinates fit in the cache and in little memory


class Deformation(Group):
    """The `mnist.deformation` group of params.yaml. All zero: the images stay as they are."""

    rotation: Annotated[float, Field(ge=0, le=180)]
    scaling: Annotated[float, Field(ge=0, le=0.9)]
    shear: Annotated[float, Field(ge=0, le=1)]
    shift: Annotated[float, Field(ge=0, le=14)]
    elastic: Annotated[float, Field(ge=0, le=14)]
    elastic_smoothness: Annotated[float, Field(ge=0.5, le=14)]

    def is_none(self) -> bool:
        return not (self.rotation or self.scaling or self.shear or self.shift or self.elastic)


def deform(images: np.ndarray, deformation: Deformation, rng: np.random.Generator) -> np.ndarray:
    """Deform each image at random: `images` [n, side, side] → float32 [n, side, side], same value range.

    Each output pixel is looked up, with linear interpolation, where the inverse deformation puts it.
    """
    deformed = np.empty(images.shape, np.float32)
    for start in range(0, len(images), CHUNK):
        part = images[start : start + CHUNK].astype(np.float32)
        rows, columns = _source_coordinates(len(part), images.shape[1], deformation, rng)
        item = np.broadcast_to(np.arange(len(part), dtype=np.float32)[:, None, None], rows.shape)
        map_coordinates(part, [item, rows, columns], order=1, output=deformed[start : start + len(part)])
    return deformed


def deformed_epochs(
    images: np.ndarray, deformation: Deformation, seed: int, epochs: int, first: int = 1
) -> Iterator[np.ndarray]:
    """Per epoch from `first` to `epochs`, all images as network input [n, side · side], newly deformed.

    From 0 to 1.
    The next epoch is prepared in a thread while the caller trains on this one. Epoch e is a function of
    (seed, e) alone.
    """
    if deformation.is_none():
        pixels = as_network_input(images)
        for _ in range(first, epochs + 1):
            yield pixels
        return

    def prepare(epoch: int) -> np.ndarray:
        return as_network_input(deform(images, deformation, stream(seed, "train-mnist/deformation", epoch)))

    with ThreadPoolExecutor(1) as worker:
        upcoming = worker.submit(prepare, first)
        for epoch in range(first, epochs + 1):
            ready = upcoming.result()
            if epoch < epochs:
                upcoming = worker.submit(prepare, epoch + 1)
            yield ready


def _source_coordinates(
    count: int, side: int, deformation: Deformation, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Row and column, float32 [count, side, side] each, where every output pixel comes from."""
    angle = np.deg2rad(rng.uniform(-deformation.rotation, deformation.rotation, count))
    height, width = rng.uniform(1 - deformation.scaling, 1 + deformation.scaling, (2, count))
    slant = rng.uniform(-deformation.shear, deformation.shear, count)
    shift = rng.uniform(-deformation.shift, deformation.shift, (2, count, 1, 1))
    cos, sin = np.cos(angle), np.sin(angle)
    # Rotation · (scaling with shear), one 2×2 matrix per image.
    matrix = np.array([[cos * height, cos * slant - sin * width], [sin * height, sin * slant + cos * width]])
    centre = (side - 1) / 2
    grid = np.indices((side, side)) - centre
    coordinates = np.einsum("abn,bij->anij", matrix, grid, optimize=True) + centre + shift
    if deformation.elastic:
        coordinates = coordinates + _smooth_field((2, count, side, side), deformation, rng)
    rows, columns = coordinates.astype(np.float32)
    return rows, columns


def _smooth_field(
    shape: tuple[int, int, int, int], deformation: Deformation, rng: np.random.Generator
) -> np.ndarray:
    """White noise, Gaussian-filtered in each image, scaled to `elastic` pixels (root mean square)."""
    # The filter is linear: applied to the identity it gives the matrix that applies it to everything, fast.
    smooth = gaussian_filter1d(np.eye(shape[-1]), deformation.elastic_smoothness, axis=0, mode="constant")
    smooth = smooth.astype(np.float32)
    field = smooth @ rng.standard_normal(shape, np.float32) @ smooth.T
    centre = shape[-1] // 2
    gain = deformation.elastic / float(np.sum(smooth[centre] ** 2))  # the filter's gain in the middle
    return field * np.float32(gain)
