"""Pictures drawn by formula, on which the VGG16 base learns to see before it meets a driver.

Formula-driven supervised pre-training (Kataoka et al. 2020) with targets that ask where: which part covers
which cell of the picture, where a jointed figure's head, elbows and hands are, which way it faces and what
its hands hold. Shapes, strokes and textures lie behind and in front of it.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from ladder.drawings.formula_figures import DIRECTIONS, HELD, KEYPOINTS, Figure, draw_figure
from ladder.drawings.formula_pens import PARTS, Pens, random_colour

SUPERSAMPLING = 2
STRIDES = (4, 8, 16)  # pixels of the cells in which parts are asked for
GRID = 8  # the keypoints are asked for in cells of a grid of this side


ANSWERS = {  # shapes of the logits that are asked for a whole picture
    "cells": (len(KEYPOINTS), GRID * GRID + 1),
    "directions": (DIRECTIONS,),
    "held": (2, len(HELD)),
}


class Scenes(NamedTuple):
    """A batch of n pictures and what they show."""

    images: np.ndarray  # uint8 [n, side, side, 3]
    parts: np.ndarray  # uint8 [n, side, side], index into PARTS
    cells: np.ndarray  # [n, keypoints], cell of GRID × GRID by rows; the last class means: out of the picture
    directions: np.ndarray  # float32 [n, DIRECTIONS]
    held: np.ndarray  # [n, 2], index into HELD


def draw_shapes(rng: np.random.Generator, pens: Pens, side: int, count: int, largest: float) -> None:
    """Draw `count` random shapes and strokes, each up to `largest` × side across."""
    for _ in range(count):
        u, colour = rng.uniform, random_colour(rng)
        centre, size = u(-0.1, 1.1, 2) * side, side * largest * u(0.08, 0.5)
        match rng.integers(5):
            case 0:
                pens.ellipse(centre, (size * u(0.4, 1), size * u(0.4, 1)), colour, "ellipse")
            case 1:
                angles = np.sort(u(0, 2 * np.pi, rng.integers(3, 6)))
                points = centre + size * np.stack([np.cos(angles), np.sin(angles)], 1) * u(0.7, 1.2)
                pens.polygon(points, colour, "polygon")
            case 2:
                angles, flat, tilt = np.linspace(0, 2 * np.pi, 20), u(0.3, 1), u(0, np.pi)
                points = np.stack([np.cos(angles), flat * np.sin(angles)], 1)
                c, s = np.cos(tilt), np.sin(tilt)
                points = centre + size * points @ np.array([[c, s], [-s, c]])
                pens.line(points, size * u(0.1, 0.3), colour, "ring")
            case 3:
                steps = rng.normal(size=(rng.integers(2, 5), 2)) * size
                pens.line(centre + np.cumsum(steps, axis=0), side * u(0.01, 0.06), colour, "stroke")
            case 4:
                along, other = rng.normal(size=2), random_colour(rng)
                along /= np.hypot(*along)
                across, width = np.array([-along[1], along[0]]), size * u(0.08, 0.3)
                for number in range(rng.integers(3, 7)):
                    start = centre + across * width * number
                    bar = np.array([start, start + along * size])
                    pens.line(bar, width * 1.05, colour if number % 2 else other, "stripes")


def draw_scene(rng: np.random.Generator, side: int) -> tuple[np.ndarray, np.ndarray, Figure]:
    """One picture, its map of parts, and its figure."""
    large = side * SUPERSAMPLING
    picture, parts = Image.new("RGB", (large, large), random_colour(rng)), Image.new("L", (side, side), 0)
    pens = Pens(ImageDraw.Draw(picture), ImageDraw.Draw(parts), SUPERSAMPLING)
    draw_shapes(rng, pens, large, int(rng.integers(2, 6)), 1.5)
    draw_shapes(rng, pens, large, int(rng.integers(0, 8)), 0.6)
    figure = draw_figure(rng, pens, large)
    draw_shapes(rng, pens, large, int(rng.integers(0, 3)), 0.35)
    return np.asarray(picture.reduce(SUPERSAMPLING)), np.asarray(parts), figure


def develop(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light, contrast and noise of a camera: uint8 [n, side, side, 3] in and out."""
    count, side = images.shape[:2]
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side - 0.5
    slope = rng.normal(0, 0.3, (2, count, 1, 1)).astype(np.float32)
    light = 1.0 + slope[0] * x + slope[1] * y
    tint = rng.uniform(0.6, 1.15, (count, 1, 1, 1)) * rng.uniform(0.9, 1.1, (count, 1, 1, 3))
    pixels = np.clip(images * light[..., None] * tint.astype(np.float32), 0, 255) / 255
    pixels = 255 * pixels ** rng.uniform(0.7, 1.3, (count, 1, 1, 1)).astype(np.float32)
    noise = rng.uniform(0, 8, (count, 1, 1, 1)).astype(np.float32)
    pixels += noise * rng.standard_normal(pixels.shape, np.float32)
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def draw_scenes(seed: list[int], count: int, side: int) -> Scenes:
    """Draw `count` pictures of `side` pixels; the same seed gives the same bytes."""
    rng = np.random.default_rng(seed)
    drawn = [draw_scene(rng, side) for _ in range(count)]
    images = develop(np.stack([picture for picture, _, _ in drawn]), rng)
    points = np.stack([figure.keypoints for _, _, figure in drawn]) / (side * SUPERSAMPLING)
    row_column = np.floor(points[..., ::-1] * GRID).astype(np.int64)
    inside = ((row_column >= 0) & (row_column < GRID)).all(axis=-1)
    cells = np.where(inside, row_column @ (GRID, 1), GRID * GRID)
    return Scenes(
        images,
        np.stack([parts for _, parts, _ in drawn]),
        cells,
        np.stack([figure.directions for _, _, figure in drawn]).astype(np.float32),
        np.array([figure.held for _, _, figure in drawn]),
    )


def parts_in_cells(parts: np.ndarray, stride: int) -> np.ndarray:
    """Which parts each cell of `stride` pixels shows.

    `parts` is a map, uint8 [n, side, side]; the answer is 0 or 1, float32 [n, cells, cells, PARTS].
    """
    count, side = parts.shape[:2]
    cells = side // stride
    present = np.zeros((count, cells, cells, len(PARTS)), np.float32)
    n, y, x = np.indices(parts.shape, sparse=True)
    present[n, y // stride, x // stride, parts] = 1
    return present


def targets_of(scenes: Scenes) -> dict[str, np.ndarray]:
    """What a network should answer, by name: parts_4, parts_8, parts_16, cells, directions and held."""
    parts = {f"parts_{stride}": parts_in_cells(scenes.parts, stride) for stride in STRIDES}
    return parts | {name: getattr(scenes, name) for name in ANSWERS}
