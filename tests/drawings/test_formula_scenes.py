"""The pictures drawn by formula: repeatable, and what is asked about them is what they show."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ladder.drawings.formula_figures import HELD, KEYPOINTS, draw_figure
from ladder.drawings.formula_pens import PARTS, Pens
from ladder.drawings.formula_scenes import ANSWERS, GRID, STRIDES, draw_scenes, parts_in_cells, targets_of

COUNT, SIDE = 200, 64


@pytest.fixture(scope="module")
def scenes():
    return draw_scenes([1, 2], COUNT, SIDE)


def test_shapes_types_and_ranges(scenes):
    assert scenes.images.shape == (COUNT, SIDE, SIDE, 3) and scenes.images.dtype == np.uint8
    assert scenes.parts.shape == (COUNT, SIDE, SIDE) and scenes.parts.max() < len(PARTS)
    assert scenes.cells.shape == (COUNT, len(KEYPOINTS))
    assert scenes.cells.min() >= 0 and scenes.cells.max() <= GRID * GRID
    assert scenes.held.shape == (COUNT, 2) and set(np.unique(scenes.held)) == set(range(len(HELD)))
    assert np.isfinite(scenes.directions).all()


def test_same_seed_same_bytes_and_another_seed_other_pictures(scenes):
    again, other = draw_scenes([1, 2], COUNT, SIDE), draw_scenes([1, 3], COUNT, SIDE)
    for first, second in zip(scenes, again, strict=True):
        assert first.tobytes() == second.tobytes()
    assert not (scenes.images == other.images).all(axis=(1, 2, 3)).any()


def test_fronts_are_directions(scenes):
    for front in (scenes.directions[:, 0:3], scenes.directions[:, 3:6]):
        np.testing.assert_allclose(np.linalg.norm(front, axis=1), 1.0, atol=1e-5)


def test_the_answers_fit_the_shapes_that_are_asked_for(scenes):
    targets = targets_of(scenes)
    assert targets.keys() == {f"parts_{stride}" for stride in STRIDES} | ANSWERS.keys()
    for stride in STRIDES:
        assert targets[f"parts_{stride}"].shape == (COUNT, SIDE // stride, SIDE // stride, len(PARTS))
    for name in ("cells", "held"):
        assert targets[name].shape == (COUNT, *ANSWERS[name][:-1])
        assert targets[name].max() < ANSWERS[name][-1]
    assert targets["directions"].shape[1:] == ANSWERS["directions"]


@pytest.mark.parametrize("stride", STRIDES)
def test_parts_in_cells_are_those_of_the_map(scenes, stride):
    present = parts_in_cells(scenes.parts[:3], stride)
    for picture, row, column in np.ndindex(present.shape[:3]):
        cell = scenes.parts[
            picture, row * stride : (row + 1) * stride, column * stride : (column + 1) * stride
        ]
        assert set(np.flatnonzero(present[picture, row, column])) == set(np.unique(cell))


class OnePart(Pens):
    """Draws a single part of a figure, so that nothing hides it."""

    def __init__(self, part):
        self.map, self.part = Image.new("L", (256, 256)), part
        super().__init__(ImageDraw.Draw(Image.new("RGB", (256, 256))), ImageDraw.Draw(self.map), 1)

    def polygon(self, points, colour, part):
        if part == self.part:
            super().polygon(points, colour, part)

    def ellipse(self, centre, radii, colour, part):
        if part == self.part:
            super().ellipse(centre, radii, colour, part)


@pytest.mark.parametrize(
    "part", ["face", "right forearm", "right hand", "left forearm", "left hand", *HELD[1:]]
)
def test_answers_name_places_and_things_that_are_there(part):
    held_somewhere = 0
    for number in range(30):
        pens = OnePart(part)
        figure = draw_figure(np.random.default_rng(number), pens, 256)
        ys, xs = np.nonzero(np.asarray(pens.map))
        if part in HELD:
            hands = [n for n, held in enumerate(figure.held) if HELD[held] == part]
            points = [figure.keypoints[KEYPOINTS.index(("right hand", "left hand")[n])] for n in hands]
            held_somewhere += bool(points)
            assert points or not len(xs)
        else:
            name = "head" if part == "face" else part.replace("forearm", "elbow")
            points = [figure.keypoints[KEYPOINTS.index(name)]]
        for x, y in points:
            if 0 < x < 255 and 0 < y < 255:
                assert np.hypot(xs - x, ys - y).min() < 10, number
    assert held_somewhere or part not in HELD


def test_every_part_is_shown_somewhere(scenes):
    assert set(np.unique(scenes.parts)) == set(range(len(PARTS)))


def test_hands_are_in_many_places(scenes):
    hands = scenes.cells[:, KEYPOINTS.index("right hand")]
    assert len(np.unique(hands)) > GRID * GRID // 2
