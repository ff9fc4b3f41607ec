"""Activations and losses of the NumPy network, each a formula and its derivative.

Everything works in place on arrays which the network allocated once: at mini-batches of a few dozen
examples, a pass over fresh memory costs as much as the arithmetic.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Activation(NamedTuple):
    """A function of the pre-activation z, and its slope written with the output a, which backward still has.

    `apply(z)` overwrites z with a; `slope(a, out)` writes da/dz into `out`. All shapes are (n, units).
    """

    apply: Callable[[np.ndarray], None]
    slope: Callable[[np.ndarray, np.ndarray], None]


def _sigmoid(z):
    """a = 1 / (1 + e^-z) = (1 + tanh(z / 2)) / 2, which cannot overflow."""
    z *= 0.5
    np.tanh(z, out=z)
    z += 1
    z *= 0.5


def _sigmoid_slope(a, out):
    """da/dz = a (1 - a)."""
    np.subtract(1, a, out=out)
    out *= a


def _tanh(z):
    """a = tanh z."""
    np.tanh(z, out=z)


def _tanh_slope(a, out):
    """da/dz = 1 - a^2."""
    np.square(a, out=out)
    np.subtract(1, out, out=out)


def _relu(z):
    """a = max(z, 0)."""
    np.maximum(z, 0, out=z)


def _relu_slope(a, out):
    """da/dz = 1 where z > 0, else 0: the sign of a, as a is never negative."""
    np.sign(a, out=out)


ACTIVATIONS = {
    "sigmoid": Activation(_sigmoid, _sigmoid_slope),
    "tanh": Activation(_tanh, _tanh_slope),
    "relu": Activation(_relu, _relu_slope),
}


class Loss(NamedTuple):
    """The output layer's activation and the loss on top of it.

    `outputs(z)` overwrites the last pre-activation z, shape (n, classes), with the network's outputs.
    `value_and_delta(z, labels)` returns the mean loss over the batch and overwrites z with dL/dz; the labels
    are class indices, shape (n,).
    """

    outputs: Callable[[np.ndarray], None]
    value_and_delta: Callable[[np.ndarray, np.ndarray], float]


def _softmax(z):
    """p_k = e^z_k / sum_j e^z_j. Subtracting the row's largest z first changes nothing but the overflow."""
    z -= z.max(axis=1, keepdims=True)
    np.exp(z, out=z)
    z /= z.sum(axis=1, keepdims=True)


def _cross_entropy_and_delta(z, labels):
    """L = -mean log p_label; dL/dz = (p - onehot) / n (Bishop, Pattern Recognition, eq. 4.109).

    log p_label = z_label - log sum_j e^z_j is taken before the division: p itself may round to 0.
    """
    n, classes = z.shape
    flat = z.reshape(-1)  # a view: one index per example is quicker than a pair
    at_label = np.arange(0, z.size, classes) + labels
    z -= z.max(axis=1, keepdims=True)
    label_z = flat[at_label]
    np.exp(z, out=z)
    total = z.sum(axis=1, keepdims=True)
    loss = float(np.log(total).sum() - label_z.sum()) / n
    z /= total * n
    flat[at_label] -= 1 / n
    return loss


def _squared_error_and_delta(z, labels):
    """L = mean (a - onehot)^2 over examples and classes, with a = sigmoid(z);
    dL/dz = 2 (a - onehot) a (1 - a) / (n classes) (Nielsen, Neural Networks and Deep Learning, chapter 2).
    """
    _sigmoid(z)
    slope = np.empty_like(z)
    _sigmoid_slope(z, slope)
    z[np.arange(len(z)), labels] -= 1
    loss = float(np.square(z).mean())
    z *= slope
    z *= 2 / z.size
    return loss


LOSSES = {
    "cross_entropy": Loss(_softmax, _cross_entropy_and_delta),
    "mse": Loss(_sigmoid, _squared_error_and_delta),
}
