"""Which parts of an image speak for a class: heat-maps of the driver classifier."""

import matplotlib
import numpy as np

from ladder.training.runtime import keras, require_backend, tf
from ladder.vgg.vgg16 import FEATURE_LAYERS, join_levels

CONVOLUTIONS = [name.replace("pool", "conv3") for name in FEATURE_LAYERS]  # a pooling's, or the layer itself
OPACITY = 0.55  # of the heat-map where it is hottest


def heat_maps(classifier: keras.Model, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Where each image speaks for a class: [n, size, size] float32, from 0 to 1 at its hottest place.

    Grad-CAM (Selvaraju et al. 2017) in the form of HiResCAM (Draelos and Carin 2020): each activation of the
    convolutions that the head reads times the gradient of the class's logit, summed over the channels;
    what is negative in the end speaks against the class and is left out. Grad-CAM averages the gradients over
    all places first, which is right in front of global average pooling; a head that flattens weighs each
    place on its own. The maps of the layers, of different sizes, add up as evidence per area.

    Parameters
    ----------
    classifier : what `ladder.vgg.vgg16.build_classifier` builds.
    images : [n, size, size, 3], RGB from 0 to 255.
    classes : [n], the class to explain in each image.
    """
    require_backend("tensorflow", "a heat-map")
    base, head = classifier.get_layer("vgg16_base"), classifier.get_layer("driver_head")
    convolutions = keras.Model(base.input, [base.get_layer(name).output for name in CONVOLUTIONS])
    before_softmax = keras.Model(head.inputs, head.layers[-1].input)
    kernel, bias = head.layers[-1].weights
    activations = convolutions(classifier.get_layer("subtract_mean")(tf.constant(images, tf.float32)))
    with tf.GradientTape() as tape:
        tape.watch(activations)
        outputs = [
            level if name == convolution else base.get_layer(name)(level)
            for name, convolution, level in zip(FEATURE_LAYERS, CONVOLUTIONS, activations, strict=True)
        ]
        logits = before_softmax(join_levels(outputs)) @ kernel + bias
        score = tf.reduce_sum(logits * tf.one_hot(classes, logits.shape[-1]))
    evidence = np.zeros(images.shape[:3], np.float32)
    for level, gradient in zip(activations, tape.gradient(score, activations), strict=True):
        at_places = tf.reduce_sum(level * gradient, axis=-1, keepdims=True)
        places = at_places.shape[1] * at_places.shape[2]
        evidence += tf.image.resize(places * at_places, images.shape[1:3], "bilinear")[..., 0].numpy()
    heat = np.maximum(evidence, 0)
    return heat / np.maximum(heat.max(axis=(1, 2), keepdims=True), np.finfo(np.float32).tiny)


def overlay(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """An RGB image [h, w, 3], uint8, in grey under its heat-map [h, w]; where that is cold it stays clear."""
    grey = image.astype(np.float32).mean(axis=-1, keepdims=True)
    colours = matplotlib.colormaps["inferno"](heat)[..., :3] * 255
    opacity = OPACITY * heat[..., None]
    return np.rint(grey * (1 - opacity) + colours * opacity).astype(np.uint8)
