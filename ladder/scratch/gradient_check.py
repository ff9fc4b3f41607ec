"""Is the network's gradient right? Ask central differences, which know nothing of back-propagation."""

import numpy as np

from ladder.scratch.dense_network import DenseNetwork


def gradient_check(network, x, labels, rng, samples=20, step=1e-5):
    """Largest relative error of `loss_and_gradient` against central differences, in float64.

    In each weight matrix and bias vector, up to `samples` parameters are drawn, and for each theta
    (L(theta + step) - L(theta - step)) / (2 step) is compared with the gradient g. The error of an array is
    |g - g'| / (|g| + |g'|) in Euclidean norms; below 1e-7 a gradient is right (Stanford CS231n, "Gradient
    checks"). A parameter is left out where its two probes put a ReLU unit on different sides of its kink:
    there the quotient mixes two slopes.

    Parameters
    ----------
    network : DenseNetwork
        Of any dtype; it stays as it is, a float64 copy is probed.
    x, labels : arrays of shape (n, inputs) and (n,)
        A few examples, and their class indices.
    rng : numpy.random.Generator
        Draws the parameters.
    """
    copy = DenseNetwork(network.layer_sizes, network.activation_name, network.loss_name, rng, np.float64)
    copy.parameters[:] = network.parameters
    x = np.asarray(x, np.float64)
    copy.loss_and_gradient(x, labels)
    arrays = zip([*copy.weights, *copy.biases], [*copy.weight_gradients, *copy.bias_gradients], strict=True)
    # The probes run forward only, so the gradient of the unmoved parameters stays.
    return max(
        _relative_error(copy, x, labels, values.ravel(), gradient.ravel(), rng, samples, step)
        for values, gradient in arrays
    )


def _relative_error(network, x, labels, values, gradient, rng, samples, step):
    """The error of one array: `values` and `gradient` are flat views of its parameters and their gradient."""
    analytic, numeric = [], []
    for index in rng.permutation(values.size)[:samples]:
        centre = values[index]
        values[index] = centre + step
        loss_above, active_above = _probe(network, x, labels)
        values[index] = centre - step
        loss_below, active_below = _probe(network, x, labels)
        values[index] = centre
        if network.activation_name != "relu" or np.array_equal(active_above, active_below):
            analytic.append(gradient[index])
            numeric.append((loss_above - loss_below) / (2 * step))
    scale = np.linalg.norm(analytic) + np.linalg.norm(numeric)
    difference = np.linalg.norm(np.subtract(analytic, numeric))
    return float(difference / scale) if scale > 0 else 0.0  # both exactly zero: the units are dead


def _probe(network, x, labels):
    """Loss of the batch x, and which hidden units are on: a flat array of booleans."""
    layers = network.forward(x)
    active = np.concatenate([a.ravel() > 0 for a in layers[1:-1]]) if len(layers) > 2 else np.empty(0, bool)
    return network.loss.value_and_delta(layers[-1], labels), active
