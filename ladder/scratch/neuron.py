"""One neuron, y = w x + b, learnt by gradient descent written out by hand.

The loss is the mean squared error over all n examples (full batch, no randomness but the start):

    L(w, b)  = 1/n sum (w x + b - y)^2
    dL/dw    = 2/n sum (w x + b - y) x
    dL/db    = 2/n sum (w x + b - y)

L is a quadratic bowl, so everything about the descent is known in advance. Its curvature is the constant
Hessian H = 2/n X^T X with X = [x, 1]. In each eigendirection of H, with eigenvalue lambda, one step
multiplies the distance to the minimum by 1 - learning_rate * lambda: it shrinks only while
learning_rate < 2 / lambda_max, and slowly where lambda is far below lambda_max (Boyd & Vandenberghe,
Convex Optimization, section 9.3; Goh, "Why Momentum Really Works", Distill 2017).

That is why `fit` standardises x: for raw temperatures lambda_max / lambda_min is in the thousands, and a
learning rate which is safe for the weight hardly moves the bias. Standardised, both eigenvalues are 2. The
weight and bias are always reported in the raw units of x and y.
"""

from dataclasses import dataclass

import numpy as np

from ladder.files.errors import InputError


@dataclass(frozen=True)
class LinearFit:
    """What `fit` learnt, and the way there. Entry 0 of each history is the random start.

    Attributes
    ----------
    weight, bias : float
        The learnt neuron in raw units: y = weight * x + bias.
    losses, weights, biases : arrays of shape (epochs + 1,)
        Mean squared error in the units of y squared, and the raw weight and bias, after each epoch.
    """

    weight: float
    bias: float
    losses: np.ndarray
    weights: np.ndarray
    biases: np.ndarray


def predict(x, weight, bias):
    """The neuron: y = w x + b. Shapes: x (n,) -> (n,)."""
    return weight * x + bias


def loss_and_gradient(x, y, weight, bias):
    """Mean squared error and its derivatives: three floats, (L, dL/dw, dL/db). x and y are (n,)."""
    error = predict(x, weight, bias) - y
    return np.mean(error**2), 2 * np.mean(error * x), 2 * np.mean(error)


def curvatures(x):
    """Eigenvalues of the Hessian 2/n X^T X of the loss, ascending: shape (2,). The last is lambda_max."""
    design = np.column_stack([x, np.ones_like(x)])  # (n, 2)
    return np.linalg.eigvalsh(2 / len(x) * design.T @ design)


def gradient_descent(x, y, weight, bias, learning_rate, epochs):
    """Take `epochs` full-batch steps from (weight, bias): w -= learning_rate * dL/dw, the same for b.

    Returns
    -------
    losses, weights, biases : arrays of shape (epochs + 1,)
        Before the first step and after each.

    Raises
    ------
    InputError
        The learning rate is not between 0 and 2 / lambda_max, the limit beyond which the loss grows.
    """
    limit = 2 / curvatures(x)[-1]
    if not 0 < learning_rate < limit:
        raise InputError(
            f"learning_rate {learning_rate:g} is not between 0 and 2/λmax = {limit:.4g}: "
            "gradient descent diverges; choose a smaller one"
        )
    history = np.empty((epochs + 1, 3))
    for epoch in range(epochs + 1):
        loss, weight_slope, bias_slope = loss_and_gradient(x, y, weight, bias)
        history[epoch] = loss, weight, bias
        weight -= learning_rate * weight_slope
        bias -= learning_rate * bias_slope
    return history.T


def fit(x, y, learning_rate, epochs, rng):
    """Learn y = w x + b from a random start.

    Parameters
    ----------
    x, y : arrays of shape (n,)
        Inputs and targets in their raw units, at least two different inputs.
    learning_rate : float
        Step size for the standardised input, where lambda_max is 2: below 1.
    epochs : int
        Number of steps; each sees every example.
    rng : numpy.random.Generator
        Draws the start from the standard normal distribution.

    Returns
    -------
    LinearFit

    Raises
    ------
    InputError
        All inputs are equal, or the learning rate is too large.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    mean, scale = x.mean(), x.std()
    if not scale > 0:
        raise InputError(f"all {len(x)} inputs are equal: a line needs at least two different ones")
    start_weight, start_bias = rng.standard_normal(2)
    losses, weights, biases = gradient_descent(
        (x - mean) / scale, y, start_weight, start_bias, learning_rate, epochs
    )
    # w (x - mean) / scale + b  =  (w / scale) x + (b - w mean / scale)
    weights = weights / scale
    biases = biases - weights * mean
    return LinearFit(float(weights[-1]), float(biases[-1]), losses, weights, biases)
