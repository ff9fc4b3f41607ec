"""Heat-maps light what the classifier looks at, and nothing else."""

import numpy as np
import pytest

from ladder.training.runtime import keras
from ladder.vgg.features import CHANNELS
from ladder.vgg.grad_cam import heat_maps, overlay
from ladder.vgg.vgg16 import build_base, build_classifier, build_head, start_at_random

SIZE = 64  # pixels: the last pooling has 2 × 2 places
RNG = np.random.default_rng(3)


@pytest.fixture(scope="module")
def base():
    made = build_base(SIZE)
    start_at_random(made, np.random.default_rng(1))
    return made


def classifier_that_looks_at(base, places, channels=slice(None), classes=2):
    """A classifier whose class 1 is decided by the given places (row, column) of the features alone."""
    head = build_head((2, 2, CHANNELS), np.zeros(CHANNELS), np.ones(CHANNELS), 4, 0.0, classes)
    hidden, last = head.get_layer("hidden"), head.get_layer("probabilities")
    kernel = np.zeros((2, 2, CHANNELS, 4), np.float32)
    for row, column in places:
        kernel[row, column, channels] = 0.01
    hidden.set_weights([kernel.reshape(-1, 4), np.zeros(4)])
    last.set_weights([np.tile([[-1.0, 1.0]], (4, 1)), np.zeros(2)])
    return build_classifier(base, head)


@pytest.mark.parametrize(
    ("place", "channels"),
    [((0, 0), slice(None)), ((0, 1), slice(256)), ((1, 0), slice(256, 768)), ((1, 1), slice(768, None))],
)
def test_a_model_that_looks_at_one_corner_lights_that_corner_alone(base, place, channels):
    images = RNG.uniform(0, 255, (3, SIZE, SIZE, 3)).astype(np.float32)
    heat = heat_maps(classifier_that_looks_at(base, [place], channels), images, np.array([1, 1, 1]))
    assert heat.shape == (3, SIZE, SIZE) and heat.dtype == np.float32
    half, reach = SIZE // 2, 8  # between two places the map is interpolated, over half a place's width
    rows, columns = (slice(max(at * half - reach, 0), (at + 1) * half + reach) for at in place)
    lit = np.zeros((SIZE, SIZE), bool)
    lit[rows, columns] = True
    assert (heat[:, lit].max(axis=1) == 1).all() and heat[:, ~lit].max() == 0


def test_the_other_class_is_spoken_for_by_nothing(base):
    images = RNG.uniform(0, 255, (1, SIZE, SIZE, 3)).astype(np.float32)
    model = classifier_that_looks_at(base, [(0, 0)])
    assert heat_maps(model, images, np.array([1])).max() == 1
    assert heat_maps(model, images, np.array([0])).max() == 0


def test_each_image_is_explained_on_its_own(base):
    images = RNG.uniform(0, 255, (2, SIZE, SIZE, 3)).astype(np.float32)
    model = classifier_that_looks_at(base, [(0, 0), (1, 1)])
    together = heat_maps(model, images, np.array([1, 1]))
    np.testing.assert_allclose(together[1:], heat_maps(model, images[1:], np.array([1])), atol=1e-5)


def test_heat_of_a_saved_model_is_the_same(base, tmp_path):
    images = RNG.uniform(0, 255, (1, SIZE, SIZE, 3)).astype(np.float32)
    model = classifier_that_looks_at(base, [(0, 1)])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(*(heat_maps(m, images, np.array([1])) for m in (model, loaded)))


def test_the_overlay_is_grey_where_cold_and_coloured_where_hot():
    image = np.full((4, 4, 3), (90, 120, 150), np.uint8)
    heat = np.zeros((4, 4), np.float32)
    heat[0, 0] = 1
    shown = overlay(image, heat)
    assert shown.dtype == np.uint8 and (shown[1:] == 120).all()
    assert len(set(shown[0, 0].tolist())) == 3
