"""A multi-layer network in NumPy alone: forward, backward and update, each on one screen.

Layer l takes the activations a_(l-1), shape (n, in), and has weights W_l (in, out) and a bias b_l (out,):

    z_l = a_(l-1) W_l + b_l        a_l = activation(z_l)        a_0 = x

With delta_l = dL/dz_l, back-propagation (Rumelhart, Hinton & Williams 1986; the notation is that of Nielsen,
Neural Networks and Deep Learning, chapter 2) is three products per layer, from the last to the first:

    dL/dW_l = a_(l-1)^T delta_l    dL/db_l = sum over examples of delta_l
    delta_(l-1) = (delta_l W_l^T) * activation'(z_(l-1))

Labels are class indices for every loss. The loss fixes the output layer: "cross_entropy" has a softmax,
"mse" a sigmoid per class, compared with the one-hot label. Hidden layers share one activation.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ladder.files.errors import InputError
from ladder.scratch.aligned_arrays import aligned_zeros
from ladder.scratch.numpy_layers import ACTIVATIONS, LOSSES

PREDICTION_BATCH = 1024


class _WorkingArrays(NamedTuple):
    """Working memory for one batch size: in each list, an array of shape (n, out) per layer."""

    layers: list[np.ndarray]
    deltas: list[np.ndarray]
    slopes: list[np.ndarray]


class DenseNetwork:
    """A fully connected classifier.

    Parameters
    ----------
    layer_sizes : sequence of int
        Inputs, hidden units of each layer, classes: (784, 64, 10).
    activation : str
        Of the hidden layers; a key of `ACTIVATIONS`.
    loss : str
        A key of `LOSSES`.
    rng : numpy.random.Generator
        Draws the initial weights, Glorot-uniform as in Keras; biases start at zero.
    dtype : float32 or float64

    Attributes
    ----------
    parameters : array of shape (number of parameters,)
        Everything that is learnt, in one contiguous vector, so that an optimizer sees no layers.
    weights, biases : lists of arrays of shape (in, out) and (out,)
        Views into `parameters`, layer by layer.
    """

    def __init__(self, layer_sizes, activation, loss, rng, dtype=np.float32):
        self.layer_sizes = tuple(layer_sizes)
        self.activation_name, self.activation = activation, ACTIVATIONS[activation]
        self.loss_name, self.loss = loss, LOSSES[loss]
        size = sum(inputs * outputs + outputs for inputs, outputs in pairwise(self.layer_sizes))
        self.parameters = aligned_zeros((size,), dtype)
        self.gradient = aligned_zeros((size,), dtype)
        self.weights, self.biases = self._layer_views(self.parameters)
        self.weight_gradients, self.bias_gradients = self._layer_views(self.gradient)
        self._arrays_by_size = {}
        for weight in self.weights:
            limit = math.sqrt(6 / sum(weight.shape))  # Glorot & Bengio 2010, eq. 16
            weight[...] = rng.uniform(-limit, limit, weight.shape)

    def forward(self, x):
        """Run a batch x (n, inputs) through all layers: [x, a_1, ..., a_(L-1), z_L].

        The arrays of shape (n, out) are the network's own: the next batch of the same size overwrites them.
        The last layer is left at its pre-activation z_L, as the loss does the rest.
        """
        layers = [x, *self._working_arrays(len(x)).layers]
        for level, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True), start=1):
            z = np.dot(layers[level - 1], weight, out=layers[level])  # (n, in) (in, out) -> (n, out)
            z += bias
            if level < len(self.weights):
                self.activation.apply(z)
        return layers

    def backward(self, layers, delta):
        """Fill `gradient`, given the layers from `forward` and delta = dL/dz_L, shape (n, classes)."""
        deltas, slopes = self._working_arrays(len(delta))[1:]
        for level in reversed(range(len(self.weights))):
            inputs = layers[level]  # of this layer: a_(l-1)
            np.dot(inputs.T, delta, out=self.weight_gradients[level])  # (in, n) (n, out) -> (in, out)
            delta.sum(axis=0, out=self.bias_gradients[level])
            if level > 0:
                slope = slopes[level - 1]
                self.activation.slope(inputs, slope)
                delta = np.dot(delta, self.weights[level].T, out=deltas[level - 1])  # -> (n, in)
                delta *= slope

    def loss_and_gradient(self, x, labels):
        """Mean loss of a batch, and dL/dparameters as one vector, which the next call overwrites.

        Shapes: x (n, inputs) of the network's dtype, labels (n,) class indices.
        """
        layers = self.forward(x)
        z = layers[-1]
        loss = self.loss.value_and_delta(z, labels)  # z now holds delta
        self.backward(layers, z)
        return loss, self.gradient

    def predict_proba(self, x):
        """Outputs for x (n, inputs), shape (n, classes): softmax probabilities for "cross_entropy", one
        independent number between 0 and 1 per class for "mse"."""
        outputs = np.empty((len(x), self.layer_sizes[-1]), self.parameters.dtype)
        for start in range(0, len(x), PREDICTION_BATCH):
            stop = start + PREDICTION_BATCH
            outputs[start:stop] = self.forward(np.asarray(x[start:stop], self.parameters.dtype))[-1]
        self.loss.outputs(outputs)
        return outputs

    def _layer_views(self, vector):
        """Views of a parameter-sized vector: a (in, out) matrix and a (out,) row per layer."""
        matrices, rows, start = [], [], 0
        for inputs, outputs in pairwise(self.layer_sizes):
            middle, stop = start + inputs * outputs, start + inputs * outputs + outputs
            matrices.append(vector[start:middle].reshape(inputs, outputs))
            rows.append(vector[middle:stop])
            start = stop
        return matrices, rows

    def _working_arrays(self, n):
        """Working memory for batches of n, allocated when that size is first seen."""
        if n not in self._arrays_by_size:
            shapes = [(n, units) for units in self.layer_sizes[1:]]
            lists = ([aligned_zeros(shape, self.parameters.dtype) for shape in shapes] for _ in range(3))
            self._arrays_by_size[n] = _WorkingArrays(*lists)
        return self._arrays_by_size[n]


def train_epoch(network, optimizer, x, labels, batch_size, rng, epoch):
    """Show the network every example once, in random order, and update it after each mini-batch.

    Parameters
    ----------
    network : DenseNetwork
    optimizer : SGD or Adam
        Made for `network.parameters`.
    x, labels : arrays of shape (n, inputs) and (n,)
        Examples, and their class indices.
    batch_size : int
        The last batch is smaller where it does not divide n.
    rng : numpy.random.Generator
        Shuffles.
    epoch : int
        For the error message, counted from 1.

    Returns
    -------
    float
        Mean loss over the epoch's batches, each taken before its update.

    Raises
    ------
    InputError
        The loss or a parameter is no longer a finite number.
    """
    x = np.asarray(x, network.parameters.dtype)
    order = rng.permutation(len(x))
    batch_memory = aligned_zeros((min(batch_size, len(x)), x.shape[1]), x.dtype)
    total = 0.0
    with np.errstate(over="ignore", invalid="ignore"):  # the checks for finite numbers report it
        for start in range(0, len(x), batch_size):
            chosen = order[start : start + batch_size]
            # mode="clip" lets take write straight into `out`; the default checks the indices through a copy
            batch = x.take(chosen, axis=0, out=batch_memory[: len(chosen)], mode="clip")
            loss, gradient = network.loss_and_gradient(batch, labels[chosen])
            if not math.isfinite(loss):
                break
            optimizer.step(gradient)
            total += len(chosen) * loss
    if not (math.isfinite(loss) and np.isfinite(network.parameters).all()):
        raise InputError(f"training diverged in epoch {epoch}: lower the learning_rate")
    return total / len(x)
