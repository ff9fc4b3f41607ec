"""Deformed digits: within the stated ranges, and each epoch a function of the seed and its number."""

import numpy as np
import pytest

from ladder.digits import deformation as module
from ladder.digits.deformation import Deformation, deform, deformed_epochs

SIDE = 28
NONE = {
    "rotation": 0.0,
    "scaling": 0.0,
    "shear": 0.0,
    "shift": 0.0,
    "elastic": 0.0,
    "elastic_smoothness": 4.0,
}
EACH = [("rotation", 15.0), ("scaling", 0.2), ("shear", 0.2), ("shift", 2.0), ("elastic", 1.5)]


def make(**changes):
    return Deformation(**(NONE | changes))


def blobs(count=20):
    """Different smooth spots away from the edge, uint8."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    y, x = rng.uniform(10, 17, (2, count, 1, 1))
    return np.rint(255 * np.exp(-((rows - y) ** 2 / 30 + (columns - x) ** 2 / 12))).astype(np.uint8)


def ramps(count):
    """The row number and the column number of each pixel, as images."""
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    return rows[None].repeat(count, axis=0), columns[None].repeat(count, axis=0)


def sources(params, count=200, seed=0):
    """Row and column that the middle 8×8 pixels come from, relative to the centre, [2, count, 8, 8]."""
    middle = slice(SIDE // 2 - 4, SIDE // 2 + 4)
    found = [deform(ramp, params, np.random.default_rng(seed)) for ramp in ramps(count)]
    return np.array(found)[:, :, middle, middle] - (SIDE - 1) / 2


@pytest.mark.parametrize(("name", "value"), EACH)
def test_each_setting_alone_deforms(name, value):
    assert not make(**{name: value}).is_none()
    images = blobs()
    moved = deform(images, make(**{name: value}), np.random.default_rng(0))
    assert moved.shape == images.shape and moved.dtype == np.float32
    assert (np.abs(moved - images).max(axis=(1, 2)) > 2).mean() > 0.8
    assert moved.min() >= 0 and moved.max() <= 255


def test_none_leaves_the_images_as_they_are():
    assert make().is_none()
    assert np.array_equal(deform(blobs(), make(), np.random.default_rng(0)), blobs())


def test_without_deformation_every_epoch_is_the_plain_pixels():
    images = blobs()
    epochs = list(deformed_epochs(images, make(), seed=0, epochs=3))
    assert len(epochs) == 3
    for pixels in epochs:
        assert pixels.dtype == np.float32
        assert np.array_equal(pixels, images.reshape(20, -1).astype(np.float32) / 255)


STRONG = make(rotation=15.0, scaling=0.2, shear=0.2, shift=2.0, elastic=1.5)


def test_epochs_are_input_from_0_to_1():
    images = blobs()
    before = images.copy()
    for pixels in deformed_epochs(images, STRONG, seed=0, epochs=4):
        assert pixels.shape == (20, SIDE * SIDE) and pixels.dtype == np.float32
        assert pixels.min() >= 0 and 0.5 < pixels.max() <= 1
    assert np.array_equal(images, before)


def test_epochs_differ_and_depend_on_seed_and_number_alone():
    images = blobs()
    first = list(deformed_epochs(images, STRONG, seed=7, epochs=3))
    assert not np.array_equal(first[0], first[1]) and not np.array_equal(first[1], first[2])
    more = list(deformed_epochs(images, STRONG, seed=7, epochs=5))
    assert len(more) == 5
    assert all(np.array_equal(a, b) for a, b in zip(first, more, strict=False))
    other = next(deformed_epochs(images, STRONG, seed=8, epochs=1))
    assert not np.array_equal(first[0], other)


def test_images_of_one_epoch_are_deformed_differently():
    moved = deform(blobs(1).repeat(4, axis=0), STRONG, np.random.default_rng(0))
    assert all(np.abs(moved[0] - other).max() > 5 for other in moved[1:])


def test_a_chunk_is_no_seam(monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 6)
    moved = deform(blobs(), make(shift=3.0), np.random.default_rng(0))
    assert (moved.sum(axis=(1, 2)) > 1000).all()
    assert len(np.unique(moved.round(3), axis=0)) == 20


def test_a_shift_moves_rows_and_columns_by_at_most_its_pixels():
    found = sources(make(shift=3.0))
    offsets = found.mean(axis=(2, 3))
    assert np.abs(offsets).max() <= 3.001
    assert (offsets.max(axis=1) > 2.5).all() and (offsets.min(axis=1) < -2.5).all()
    assert np.abs(np.corrcoef(offsets)[0, 1]) < 0.3


def test_a_rotation_keeps_lengths_and_the_centre():
    rows, columns = sources(make(rotation=20.0))
    assert np.abs(rows.mean(axis=(1, 2))).max() < 1e-3
    down, across = np.diff(rows, axis=1).mean(axis=(1, 2)), np.diff(rows, axis=2).mean(axis=(1, 2))
    assert np.hypot(down, across) == pytest.approx(np.ones(200), abs=1e-3)
    angles = np.rad2deg(np.arctan2(across, down))
    assert np.abs(angles).max() <= 20.01
    assert angles.max() > 17 and angles.min() < -17
    assert np.diff(columns, axis=2).mean(axis=(1, 2)) == pytest.approx(down, abs=1e-3)


def test_scaling_stretches_height_and_width_separately():
    rows, columns = sources(make(scaling=0.2))
    height, width = np.diff(rows, axis=1).mean(axis=(1, 2)), np.diff(columns, axis=2).mean(axis=(1, 2))
    for scale in (height, width):
        assert np.abs(scale - 1).max() <= 0.2001
        assert scale.max() > 1.15 and scale.min() < 0.85
    assert np.abs(np.corrcoef(height, width)[0, 1]) < 0.3


def test_a_shear_slants_columns_and_keeps_rows():
    rows, columns = sources(make(shear=0.3))
    slant, other = np.diff(columns, axis=1).mean(axis=(1, 2)), np.diff(rows, axis=2).mean(axis=(1, 2))
    steps = sorted([np.abs(slant).max(), np.abs(other).max()])
    assert steps[0] < 1e-3
    assert 0.25 < steps[1] <= 0.3001


def test_a_rotation_after_a_shear_keeps_areas():
    rows, columns = sources(make(rotation=30.0, shear=0.5))
    (down, across), (fall, step) = (
        (np.diff(part, axis=1).mean(axis=(1, 2)), np.diff(part, axis=2).mean(axis=(1, 2)))
        for part in (rows, columns)
    )
    assert down * step - across * fall == pytest.approx(np.ones(200), abs=1e-3)


@pytest.mark.parametrize("smoothness", [1.0, 4.0])
@pytest.mark.parametrize("elastic", [0.5, 2.0])
def test_elastic_displacement_has_the_stated_root_mean_square(elastic, smoothness):
    found = sources(make(elastic=elastic, elastic_smoothness=smoothness), count=400)
    plain = np.mgrid[:8, :8][:, None] - 3.5
    displacement = found - plain
    for direction in displacement:
        assert np.sqrt((direction**2).mean()) == pytest.approx(elastic, rel=0.1)
        assert abs(direction.mean()) < 0.15 * elastic


def test_elastic_displacement_is_smoother_with_a_wider_filter():
    plain = np.mgrid[:8, :8][:, None] - 3.5
    steps = []
    for smoothness in (1.0, 3.0, 6.0):
        displacement = sources(make(elastic=1.0, elastic_smoothness=smoothness)) - plain
        steps.append(np.sqrt((np.diff(displacement, axis=2) ** 2).mean()))
    # Neighbours of Gaussian-filtered noise differ by √(2 − 2 exp(−1 / 4σ²)) of its root mean square.
    expected = [np.sqrt(2 - 2 * np.exp(-1 / (4 * sigma**2))) for sigma in (1.0, 3.0, 6.0)]
    assert steps == pytest.approx(expected, rel=0.1)
