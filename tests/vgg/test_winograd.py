"""Winograd's convolution beside Keras's, and the model that is made of it."""

import os
import subprocess
import sys

import numpy as np
import pytest

from ladder.files.errors import InputError
from ladder.training.runtime import dtype_policy, keras, tf
from ladder.vgg import vgg16
from ladder.vgg.features import CHANNELS
from ladder.vgg.winograd import WinogradConv2D, accelerated, winograd_convolution
from tools.pipeline.reproduce_check import on_cores

MANY = 10**6  # images


def direct(x, kernel):
    return tf.nn.conv2d(x, kernel, 1, "SAME")


def with_gradients(convolution, x, kernel, upstream, compiled):
    """The output of a convolution and the gradients of its product with `upstream`."""

    def run(x, kernel):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = convolution(x, kernel)
            product = tf.reduce_sum(y * upstream)
        return y, *tape.gradient(product, [x, kernel])

    found = tf.function(run, jit_compile=compiled)(tf.constant(x), tf.constant(kernel))
    return [part.numpy() for part in found]


@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (2, 11), (3, 4), (4, 6), (5, 1), (6, 11), (7, 4), (8, 6), (12, 11), (13, 4)]
)
def test_values_and_gradients_are_those_of_the_direct_convolution(height, width):
    rng = np.random.default_rng([height, width])
    x = rng.normal(size=(3, height, width, 5)).astype(np.float32)
    kernel = rng.normal(size=(3, 3, 5, 7)).astype(np.float32)
    upstream = rng.normal(size=(3, height, width, 7)).astype(np.float32)
    expected = with_gradients(direct, x, kernel, upstream, False)
    found = with_gradients(winograd_convolution, x, kernel, upstream, False)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() < 2e-5 * np.abs(theirs).max()


def test_compiled_it_is_the_same_and_twice_the_same_bytes():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 10, 12, 16)).astype(np.float32)
    kernel = rng.normal(size=(3, 3, 16, 24)).astype(np.float32)
    upstream = rng.normal(size=(4, 10, 12, 24)).astype(np.float32)
    expected = with_gradients(direct, x, kernel, upstream, False)
    first, second = (with_gradients(winograd_convolution, x, kernel, upstream, True) for _ in range(2))
    for ours, again, theirs in zip(first, second, expected, strict=True):
        assert np.abs(ours - theirs).max() < 2e-5 * np.abs(theirs).max()
        assert ours.tobytes() == again.tobytes()


IN_A_PROCESS = """
import hashlib
import numpy as np
from ladder.vgg.winograd import winograd_convolution
from tests.vgg.test_winograd import with_gradients
rng = np.random.default_rng(0)
x, kernel = (rng.normal(size=size).astype(np.float32) for size in ((8, 24, 24, 64), (3, 3, 64, 64)))
found = with_gradients(winograd_convolution, x, kernel, np.sin(x), True)
print(hashlib.sha256(b"".join(part.tobytes() for part in found)).hexdigest())
"""


def test_two_processes_compute_the_same_bytes_on_two_cores():
    variables = {name: value for name, value in os.environ.items() if not name.endswith("_THREADS")}
    command = [sys.executable, "-c", IN_A_PROCESS]
    try:
        with on_cores(2):
            found = [subprocess.run(command, env=variables, capture_output=True, text=True) for _ in range(2)]
    except InputError as error:
        pytest.skip(str(error))
    assert found[0].stdout == found[1].stdout != "", found[0].stderr


@pytest.fixture(scope="module")
def classifier():
    """A driver classifier for 64 pixels, block 1 frozen."""
    keras.utils.set_random_seed(0)
    base = vgg16.build_base(64)
    vgg16.start_at_random(base, np.random.default_rng(0))
    vgg16.unfreeze_last(base, 15)
    head = vgg16.build_head((2, 2, CHANNELS), np.zeros(CHANNELS), np.ones(CHANNELS), 8, 0.0, 10)
    return vgg16.build_classifier(base, head)


def images(count):
    return np.random.default_rng(1).uniform(0, 255, (count, 64, 64, 3)).astype(np.float32)


def convolutions(model):
    layers = model.get_layer("vgg16_base").layers
    return [layer for layer in layers if isinstance(layer, keras.layers.Conv2D)]


def test_the_accelerated_model_answers_as_the_plain_one_with_weights_of_its_own(classifier):
    faster = accelerated(classifier, MANY)
    kinds = [type(layer) for layer in convolutions(faster)]
    assert kinds == [keras.layers.Conv2D] + [WinogradConv2D] * 10  # the first has three channels
    assert faster.jit_compile and not classifier.jit_compile
    assert [v.path for v in faster.trainable_variables] == [v.path for v in classifier.trainable_variables]
    expected, found = (features_of(model) for model in (classifier, faster))
    assert expected.std() > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    faster.set_weights([np.zeros_like(weights) for weights in faster.get_weights()])
    np.testing.assert_array_equal(features_of(classifier), expected)


def features_of(model):
    """What the head reads, of three images."""
    levels = keras.Model(model.input, model.get_layer("driver_head").input)
    levels.jit_compile = model.jit_compile
    return levels.predict_on_batch(images(3))


def test_for_few_images_the_model_stays_as_it_is(classifier):
    assert accelerated(classifier, 1000) is classifier
    assert accelerated(classifier, 2000) is not classifier


def test_in_bfloat16_the_model_stays_as_it_is():
    with dtype_policy("mixed_bfloat16"):
        extractor = vgg16.build_feature_extractor(vgg16.build_base(32))
    assert accelerated(extractor, MANY) is extractor
