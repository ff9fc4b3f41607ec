"""A neural network in NumPy alone: every formula of its training, each as one pure function.

Layer l takes the activations a_(l-1) of n examples, shape (n, in), and has weights W_l (in, out) and a bias
b_l (out,). All layers but the last, L, end in a sigmoid; the last ends in a softmax:

    z_l = a_(l-1) W_l + b_l      a_0 = x      a_l = 1 / (1 + e^-z_l)      p_k = e^z_L,k / sum_j e^z_L,j

The loss is the mean cross-entropy of p with the labels. With delta_l = dL/dz_l its gradient is, from the
last layer to the first (back-propagation: Rumelhart, Hinton & Williams 1986; in the notation of Nielsen,
Neural Networks and Deep Learning, chapter 2):

    delta_L = (p - onehot) / n      delta_(l-1) = (delta_l W_l^T) * a_(l-1) * (1 - a_(l-1))
    dL/dW_l = a_(l-1)^T delta_l     dL/db_l = sum over examples of delta_l

No function changes its arguments. All compute in the type of the network and its inputs: float32 to train,
float64 to check a gradient.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

PREDICTION_BATCH = 1024


class Layer(NamedTuple):
    """Weights (in, out) and bias (out,) of one layer; or, in the same shapes, their gradient or velocity."""

    weights: np.ndarray
    bias: np.ndarray


Network = list[Layer]


def init(sizes: Sequence[int], rng: np.random.Generator, dtype: type = np.float32) -> Network:
    """A network at its start: weights uniform within ± sqrt(6 / (in + out)), bias 0 (as in Keras).

    The limit is that of Glorot & Bengio 2010, eq. 16. `sizes` are inputs, units of each hidden layer and
    classes: (784, 64, 10).
    """
    network = []
    for inputs, outputs in pairwise(sizes):
        limit = math.sqrt(6 / (inputs + outputs))
        weights = rng.uniform(-limit, limit, (inputs, outputs)).astype(dtype)
        network.append(Layer(weights, np.zeros(outputs, dtype)))
    return network


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-z), written with tanh, which cannot overflow. Any shape."""
    return 0.5 + 0.5 * np.tanh(0.5 * z)


def log_softmax(z: np.ndarray) -> np.ndarray:
    """log p_k = z_k - log sum_j e^z_j, for each row of z (n, classes).

    Subtracting the row's largest z first changes nothing but that no exponential overflows.
    """
    shifted = z - z.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def forward(network: Network, x: np.ndarray) -> list[np.ndarray]:
    """The way of a batch x (n, inputs) through all layers: [x, a_1, ..., a_(L-1), log p].

    The last is log p, not p: where p rounds to 0, its logarithm would be lost.
    """
    activations = [x]
    for weights, bias in network[:-1]:
        activations.append(sigmoid(activations[-1] @ weights + bias))
    weights, bias = network[-1]
    return [*activations, log_softmax(activations[-1] @ weights + bias)]


def loss(log_p: np.ndarray, labels: np.ndarray) -> float:
    """Cross-entropy, the mean of -log p_label: of log p (n, classes) and class indices (n,).

    NaN or infinite once training has diverged: nothing is raised here.
    """
    return -float(log_p[np.arange(len(labels)), labels].sum()) / len(labels)


def gradient(network: Network, activations: list[np.ndarray], labels: np.ndarray) -> Network:
    """dL/dW and dL/db of each layer, given what `forward` returned and the class indices (n,)."""
    *inputs, log_p = activations
    n, classes = log_p.shape
    onehot = np.eye(classes, dtype=log_p.dtype)[labels]
    deltas = [(np.exp(log_p) - onehot) / n]  # delta_L (Bishop 2006, eq. 4.109), before it the others
    for (weights, _), a in zip(network[:0:-1], inputs[:0:-1], strict=True):
        deltas.insert(0, (deltas[0] @ weights.T) * a * (1 - a))
    return [Layer(a.T @ delta, delta.sum(axis=0)) for a, delta in zip(inputs, deltas, strict=True)]


def sgd(
    network: Network, velocity: Network, slope: Network, rate: float, momentum: float
) -> tuple[Network, Network]:
    """One step against the gradient `slope`: the new network and velocity; the first velocity is `at_rest`.

    velocity = momentum * velocity - rate * gradient      weights = weights + velocity

    Momentum is Polyak's (1964), written as in Keras.
    """

    def accelerated(v: np.ndarray, g: np.ndarray) -> np.ndarray:
        new = momentum * v
        new -= rate * g  # into the array just made: a third one would slow the step down
        return new

    velocity = [Layer(*map(accelerated, *pair)) for pair in zip(velocity, slope, strict=True)]
    network = [Layer(*map(np.add, *pair)) for pair in zip(network, velocity, strict=True)]
    return network, velocity


def at_rest(network: Network) -> Network:
    """The velocity before the first step: zeros in the shapes of the network."""
    return [Layer(np.zeros_like(weights), np.zeros_like(bias)) for weights, bias in network]


def predict(network: Network, x: np.ndarray) -> np.ndarray:
    """Probabilities (n, classes) for x (n, inputs), a batch at a time to save memory."""
    starts = range(0, len(x), PREDICTION_BATCH)
    return np.concatenate([np.exp(forward(network, x[i : i + PREDICTION_BATCH])[-1]) for i in starts])
