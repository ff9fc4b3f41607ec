"""Augmentation of training images: within the stated ranges, and a function of the generator alone."""

import numpy as np
import pytest

from ladder.drivers.augmentation import Augment, augment
from ladder.drivers.images import CLASS_NAMES

SIDE = 32


def make(rotation=0.0, shift=0.0, flip="none"):
    return Augment(rotation=rotation, shift=shift, flip=flip)


def run(images, params, seed=0):
    moved, classes = augment(images, np.zeros(len(images), np.int64), params, np.random.default_rng(seed))
    assert not classes.any()
    return moved


def random_images(count=6, side=SIDE):
    return np.random.default_rng(9).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def ramps(count):
    """Images whose first channel is 4 per column and whose second is 4 per row."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return np.stack([4 * columns, 4 * rows, 0 * rows], axis=-1).astype(np.uint8)[None].repeat(count, axis=0)


def source_of_centre(moved):
    """Column and row where the four pixels in the middle come from, per image, relative to the centre."""
    middle = moved[:, SIDE // 2 - 1 : SIDE // 2 + 1, SIDE // 2 - 1 : SIDE // 2 + 1, :2].mean(axis=(1, 2)) / 4
    return (middle - (SIDE - 1) / 2).T


def test_nothing_asked_nothing_changed():
    images = random_images()
    moved = run(images, make())
    assert moved.dtype == np.float32 and moved.shape == images.shape
    assert np.abs(moved - images).max() < 1e-3


def test_shape_type_and_range_with_everything_on():
    images = random_images(16)
    before = images.copy()
    moved = run(images, make(30.0, 0.3, "plain"))
    assert type(moved) is np.ndarray and moved.dtype == np.float32 and moved.shape == images.shape
    assert moved.min() >= -1e-3 and moved.max() <= 255.001
    assert np.array_equal(images, before)


def test_a_flip_mirrors_about_half_of_the_images_exactly():
    images = random_images(64)
    moved = run(images, make(flip="plain"))
    mirrored = np.array([np.abs(a - b[:, ::-1]).max() < 1e-3 for a, b in zip(moved, images, strict=True)])
    kept = np.array([np.abs(a - b).max() < 1e-3 for a, b in zip(moved, images, strict=True)])
    assert (mirrored ^ kept).all()
    assert 16 < mirrored.sum() < 48


def is_mirrored(moved, images):
    return np.array([np.abs(a - b[:, ::-1]).max() < 1e-3 for a, b in zip(moved, images, strict=True)])


def test_swap_gives_a_mirror_image_the_class_of_the_other_hand_and_leaves_the_rest():
    images, classes = random_images(200), np.arange(200) % 10
    moved, seen_as = augment(images, classes, make(flip="swap"), np.random.default_rng(0))
    other_hand = {
        name: name.replace("right", "LEFT").replace("left", "right").lower() for name in CLASS_NAMES
    }
    for mirrored, before, after in zip(is_mirrored(moved, images), classes, seen_as, strict=True):
        name = CLASS_NAMES[before]
        assert CLASS_NAMES[after] == (other_hand[name] if mirrored else name)


def test_plain_mirrors_the_same_images_as_swap_and_changes_no_class():
    images, classes = random_images(200), np.arange(200) % 10
    plain, unchanged = augment(images, classes, make(flip="plain"), np.random.default_rng(0))
    swap, _ = augment(images, classes, make(flip="swap"), np.random.default_rng(0))
    assert np.array_equal(plain, swap) and np.array_equal(unchanged, classes)
    assert 50 < is_mirrored(plain, images).sum() < 150


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_a_shift_moves_whole_images_by_at_most_its_share(share):
    images = ramps(100)
    moved = run(images, make(shift=share))
    columns, rows = source_of_centre(moved)
    for offsets in (columns, rows):
        assert np.abs(offsets).max() <= share * SIDE + 1e-3
        assert offsets.max() > 0.95 * share * SIDE and offsets.min() < -0.95 * share * SIDE
    assert np.abs(np.corrcoef(columns, rows)[0, 1]) < 0.4
    inside = slice(8, SIDE - 8)
    by = (moved - images)[:, inside, inside]
    assert np.abs(by[..., 0] - 4 * columns[:, None, None]).max() < 0.01
    assert np.abs(by[..., 1] - 4 * rows[:, None, None]).max() < 0.01


def test_what_comes_in_from_outside_is_the_nearest_edge():
    image = np.full((20, SIDE, SIDE, 3), 80, np.uint8)
    assert np.abs(run(image, make(45.0, 0.5, "plain")) - 80).max() < 1e-3


@pytest.mark.parametrize("degrees", [10.0, 45.0])
def test_a_rotation_turns_about_the_centre_by_at_most_its_angle(degrees):
    moved = run(ramps(100), make(rotation=degrees))
    assert np.abs(source_of_centre(moved)).max() < 1e-2
    middle = slice(SIDE // 2 - 4, SIDE // 2 + 4)
    column = moved[:, middle, middle, 0] / 4
    along_x, along_y = np.diff(column, axis=2).mean(axis=(1, 2)), np.diff(column, axis=1).mean(axis=(1, 2))
    assert np.hypot(along_x, along_y) == pytest.approx(np.ones(100), abs=1e-3)
    angles = np.rad2deg(np.arctan2(along_y, along_x))
    assert np.abs(angles).max() <= degrees + 0.01
    assert angles.max() > 0.8 * degrees and angles.min() < -0.8 * degrees


def test_the_generator_decides():
    images, params = random_images(), make(10.0, 0.1, "plain")
    first = run(images, params, seed=1)
    assert np.array_equal(first, run(images, params, seed=1))
    assert not np.array_equal(first, run(images, params, seed=2))


def test_images_of_one_batch_move_differently():
    moved = run(random_images(1).repeat(4, axis=0), make(10.0, 0.1))
    assert all(np.abs(moved[0] - other).max() > 1 for other in moved[1:])
