"""The VGG16 base and classifier: which layers learn, what they compute, what is saved."""

import json

import numpy as np
import pytest

from ladder.training.runtime import dtype_policy, keras
from ladder.vgg import vgg16
from ladder.vgg.features import CHANNELS
from tests.vgg.thin_base import THINNER, build_thin_base

SIZE = 32


@pytest.fixture
def base():
    base = build_thin_base(SIZE)
    vgg16.start_at_random(base, np.random.default_rng(1))
    return base


@pytest.fixture(scope="module")
def whole():
    """A base with all its filters."""
    base = vgg16.build_base(SIZE)
    vgg16.start_at_random(base, np.random.default_rng(1))
    return base


def head_for(base, dropout=0.5):
    shape = vgg16.build_feature_extractor(base).output_shape[1:]
    return vgg16.build_head(shape, np.zeros(shape[-1]), np.ones(shape[-1]), 4, dropout, 10)


def random_images(count=4, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, (count, SIZE, SIZE, 3)).astype(np.float32)


def test_last_15_of_the_19_layers_start_at_block2_conv1(base):
    vgg16.unfreeze_last(base, 15)
    learning = [layer.name for layer in base.layers if layer.trainable and layer.weights]
    assert len(base.layers) == 19
    assert learning[0] == "block2_conv1" and learning[-1] == "block5_conv3" and len(learning) == 11


@pytest.mark.parametrize("layers", [0, 4, 15, 19])
def test_frozen_layers_do_not_move_and_the_others_do(base, layers):
    head = head_for(base, dropout=0.0)
    vgg16.unfreeze_last(base, layers)
    model = vgg16.build_classifier(base, head)
    model.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy")
    before = {layer.name: layer.get_weights() for layer in base.layers}
    model.train_on_batch(random_images(), np.eye(10, dtype=np.float32)[:4])
    for number, layer in enumerate(base.layers):
        moved = any(np.any(a != b) for a, b in zip(before[layer.name], layer.get_weights(), strict=True))
        read = layer.name not in ("block5_conv2", "block5_conv3")  # behind what the head reads
        assert moved == (bool(layer.weights) and read and number >= 19 - layers), layer.name


def test_a_signal_passes_through_the_random_base(whole):
    features = vgg16.build_feature_extractor(whole).predict_on_batch(random_images(16))
    assert 0.1 < features.std() < 100
    assert (features > 0).mean() > 0.1


@pytest.mark.parametrize("size", [64, 90, 96, 130])
def test_features_are_the_head_s_layers_averaged_over_cells(size):
    base = build_thin_base(size)
    vgg16.start_at_random(base, np.random.default_rng(2))
    images = np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype(np.float32)
    features = vgg16.build_feature_extractor(base).predict_on_batch(images)
    names = ("block3_pool", "block4_conv2", "block4_pool", "block5_conv1")
    levels = keras.Model(base.input, [base.get_layer(name).output for name in names])
    n, expected = min(3, size // 32), []
    for level in levels.predict_on_batch(images - np.array(vgg16.MEAN_RGB, np.float32)):
        step = level.shape[1] // n
        parts = [slice(k * step, level.shape[1] - (n - 1 - k) * step) for k in range(n)]
        cells = [[level[:, rows, columns].mean(axis=(1, 2)) for columns in parts] for rows in parts]
        expected.append(np.moveaxis(np.array(cells), 2, 0))
    assert features.shape == (2, n, n, CHANNELS // THINNER)
    np.testing.assert_allclose(features, np.concatenate(expected, axis=-1), rtol=1e-4, atol=1e-4)


def test_a_saved_base_is_the_same_base(whole, tmp_path):
    vgg16.save_base(whole, tmp_path / "base.npz")
    loaded = vgg16.load_base(SIZE, tmp_path / "base.npz")
    for saved, read in zip(whole.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(saved, read)


def test_bfloat16_features_agree_with_float32_to_rounding(whole, tmp_path):
    vgg16.save_base(whole, tmp_path / "base.npz")
    exact = vgg16.build_feature_extractor(whole).predict_on_batch(random_images())
    with dtype_policy("mixed_bfloat16"):
        extractor = vgg16.build_feature_extractor(vgg16.load_base(SIZE, tmp_path / "base.npz"))
    rounded = extractor.predict_on_batch(random_images())
    error = np.linalg.norm(rounded.astype(np.float32) - exact) / np.linalg.norm(exact)
    assert 0 < error < 0.05


def test_the_softmax_stays_in_float32_under_bfloat16():
    with dtype_policy("mixed_bfloat16"):
        base = vgg16.build_base(SIZE)
        model = vgg16.build_classifier(base, head_for(base))
    assert base.get_layer("block5_conv3").compute_dtype == "bfloat16"
    assert model.predict_on_batch(random_images()).dtype == np.float32


def test_head_has_the_recipe_s_layers():
    mean, variance = np.full(512, 3.0), np.full(512, 4.0)
    head = vgg16.build_head((2, 2, 512), mean, variance, 256, 0.5, 10)
    kinds = [type(layer).__name__ for layer in head.layers]
    assert kinds == ["Normalization", "Flatten", "Dense", "Dropout", "Dense"]
    assert sum(np.prod(w.shape) for w in head.trainable_weights) == 2048 * 256 + 256 + 256 * 10 + 10
    np.testing.assert_allclose(head.layers[0](np.full((1, 2, 2, 512), 7.0, np.float32)), 2.0)


def test_without_hidden_units_the_head_is_a_logistic_regression_from_zero():
    head = vgg16.build_head((2, 2, 512), np.zeros(512), np.ones(512), 0, 0.0, 10)
    assert [type(layer).__name__ for layer in head.layers] == ["Normalization", "Flatten", "Dropout", "Dense"]
    assert not any(np.any(weights) for weights in head.layers[-1].get_weights())


def test_no_layer_of_the_final_model_carries_code(base):
    model = vgg16.build_classifier(base, head_for(base))
    assert "Lambda" not in json.dumps(keras.saving.serialize_keras_object(model))
