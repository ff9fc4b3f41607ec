"""The drawn drivers: repeatable, alike within a clip, and hard for whoever has not seen the driver."""

import numpy as np
import pytest
from PIL import Image

from ladder.drawings.driver_scenes import draw_clip

DRIVERS, CLASSES, FRAMES, SIDE = 10, 10, 5, 64


@pytest.fixture(scope="module")
def thumbnails() -> np.ndarray:
    """Small grey pictures, float32 [driver, class, frame, pixel]."""
    pictures = np.empty((DRIVERS, CLASSES, FRAMES, SIDE * SIDE), np.float32)
    for driver in range(DRIVERS):
        for class_index in range(CLASSES):
            for frame, pixels in enumerate(draw_clip(3, driver, class_index, FRAMES, SIDE)):
                small = Image.fromarray(pixels).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
                pictures[driver, class_index, frame] = np.asarray(small).ravel()
    return pictures


def nearest_neighbour_accuracy(pictures: np.ndarray, held_out: np.ndarray) -> float:
    """Share of held-out pictures (mask over driver, class, frame) whose nearest other one has their class."""
    labels = np.broadcast_to(np.arange(CLASSES)[None, :, None], pictures.shape[:3])
    known, asked = pictures[~held_out], pictures[held_out]
    distances = (known**2).sum(axis=1) - 2.0 * asked @ known.T
    return float((labels[~held_out][distances.argmin(axis=1)] == labels[held_out]).mean())


def test_the_promised_number_and_shape():
    clip = draw_clip(1, 2, 3, 2, 48)
    assert [frame.shape for frame in clip] == [(48, 64, 3)] * 2
    assert all(frame.dtype == np.uint8 for frame in clip)
    assert draw_clip(1, 2, 3, 1, 50)[0].shape == (50, 66, 3)


def test_same_arguments_same_bytes_and_any_other_argument_another_picture():
    first = draw_clip(1, 2, 3, 1, 48)[0]
    assert first.tobytes() == draw_clip(1, 2, 3, 1, 48)[0].tobytes()
    for other in ((2, 2, 3), (1, 3, 3), (1, 2, 4)):
        assert first.tobytes() != draw_clip(*other, 1, 48)[0].tobytes()


@pytest.mark.parametrize("class_index", range(CLASSES))
def test_a_frame_does_not_depend_on_how_many_are_drawn(class_index):
    many = draw_clip(5, 0, class_index, 3, 48)
    assert np.array_equal(draw_clip(5, 0, class_index, 2, 48), many[:2])
    assert not np.array_equal(many[0], many[1])


def test_frames_of_a_clip_are_near_duplicates(thumbnails):
    within = np.abs(thumbnails[:, :, 0] - thumbnails[:, :, 1]).mean()
    between_classes = np.abs(thumbnails[:, :-1, 0] - thumbnails[:, 1:, 0]).mean()
    assert within < 0.5 * between_classes


def test_drivers_look_different(thumbnails):
    between_classes = np.abs(thumbnails[:, :-1, 0] - thumbnails[:, 1:, 0]).mean()
    between_drivers = np.abs(thumbnails[:-1, :, 0] - thumbnails[1:, :, 0]).mean(axis=(1, 2))
    assert between_drivers.min() > between_classes


def test_memory_of_pixels_does_not_carry_over_to_unseen_drivers(thumbnails):
    held_out = np.zeros(thumbnails.shape[:3], bool)
    scores = []
    for driver in range(DRIVERS):
        held_out[:] = False
        held_out[driver] = True
        scores.append(nearest_neighbour_accuracy(thumbnails, held_out))
    assert np.mean(scores) <= 0.30


def test_memory_of_pixels_is_enough_when_frames_are_split_at_random(thumbnails):
    held_out = np.random.default_rng(0).random(thumbnails.shape[:3]) < 0.2
    assert nearest_neighbour_accuracy(thumbnails, held_out) >= 0.90
