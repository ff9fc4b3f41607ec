"""Is the network's gradient right? Ask central differences, which know nothing of back-propagation."""

import numpy as np

from ladder.scratch.network import Layer, Network, forward, gradient, loss


def gradient_error(network: Network, x: np.ndarray, labels: np.ndarray, step: float = 1e-5) -> float:
    """Largest relative error of `gradient` against central differences, over the weights and biases.

    The error of one array is |g - g'| / (|g| + |g'|) in Euclidean norms, where g' of a parameter theta is
    (L(theta + step) - L(theta - step)) / (2 step). Below 1e-7 a gradient is right (Stanford CS231n, "Gradient
    checks"). Everything is computed in float64, on a copy of the network.

    Shapes: x (n, inputs), labels (n,) class indices.
    """
    probed = [Layer(*(array.astype(np.float64) for array in layer)) for layer in network]
    x = x.astype(np.float64)
    errors = []
    for layer, slope in zip(probed, gradient(probed, forward(probed, x), labels), strict=True):
        for array, analytic in zip(layer, slope, strict=True):
            numeric = np.empty_like(array)
            for place in np.ndindex(array.shape):
                centre, losses = array[place], []
                for theta in (centre + step, centre - step):
                    array[place] = theta
                    losses.append(loss(forward(probed, x)[-1], labels))
                array[place] = centre
                numeric[place] = (losses[0] - losses[1]) / (2 * step)
            scale = np.linalg.norm(analytic) + np.linalg.norm(numeric)
            errors.append(float(np.linalg.norm(analytic - numeric) / scale))
    return max(errors)
