"""Optimizers: how a gradient becomes a step. The same formulas and defaults as Keras's.

Each works in place on one contiguous vector which holds every weight and bias of a network, so that an update
is a handful of array operations however many layers there are.
"""

import math

import numpy as np

from ladder.scratch.aligned_arrays import aligned_zeros

# A moment which no longer receives a gradient (the weights of a dead ReLU unit, or of a pixel that is almost
# always black) decays geometrically, and rounding then keeps it for ever at a few multiples of the smallest
# denormal number. Processors may take many times longer over denormals than over other numbers. Moments this
# small cannot move a parameter, so they are set to zero. That costs a few passes over the vector, hence not
# in every step; 100 steps of the usual decay, 0.9, take 1e-30 to 3e-35, which is not yet denormal in float32.
NEGLIGIBLE = 1e-30
STEPS_BETWEEN_FLUSHES = 100


def flush_negligible(moment):
    """Set to zero, in place, the entries which are too small to matter."""
    moment[np.abs(moment) < NEGLIGIBLE] = 0


class SGD:
    """Gradient descent with momentum (Polyak 1964; as in Sutskever et al. 2013, eq. 1 and 2).

    velocity = momentum * velocity - learning_rate * gradient
    parameters += velocity
    """

    def __init__(self, parameters, learning_rate, momentum=0.0):
        self.parameters = parameters
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.velocity = aligned_zeros(parameters.shape, parameters.dtype)
        self.steps = 0

    def step(self, gradient):
        """Move the parameters. The gradient, of their shape, serves as working memory and is lost."""
        self.steps += 1
        gradient *= self.learning_rate
        self.velocity *= self.momentum
        self.velocity -= gradient
        self.parameters += self.velocity
        if self.steps % STEPS_BETWEEN_FLUSHES == 0:
            flush_negligible(self.velocity)


class Adam:
    """Adam (Kingma & Ba 2015), in the order of operations given before their section 2.1, as in Keras.

    m = beta_1 * m + (1 - beta_1) * gradient
    v = beta_2 * v + (1 - beta_2) * gradient^2
    parameters -= learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)

    Here epsilon is the paper's "epsilon hat": it is added to the uncorrected sqrt(v).
    """

    def __init__(self, parameters, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
        self.parameters = parameters
        self.learning_rate = learning_rate
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.mean = aligned_zeros(parameters.shape, parameters.dtype)
        self.square = aligned_zeros(parameters.shape, parameters.dtype)
        self._scratch = aligned_zeros(parameters.shape, parameters.dtype)
        self.steps = 0

    def step(self, gradient):
        """Move the parameters. The gradient, of their shape, serves as working memory and is lost."""
        self.steps += 1
        m, v, scratch = self.mean, self.square, self._scratch
        bias_correction = math.sqrt(1 - self.beta_2**self.steps) / (1 - self.beta_1**self.steps)
        np.multiply(gradient, 1 - self.beta_1, out=scratch)
        m *= self.beta_1
        m += scratch
        gradient *= gradient
        gradient *= 1 - self.beta_2
        v *= self.beta_2
        v += gradient
        np.sqrt(v, out=scratch)
        scratch += self.epsilon
        np.divide(m, scratch, out=scratch)
        scratch *= self.learning_rate * bias_correction
        self.parameters -= scratch
        if self.steps % STEPS_BETWEEN_FLUSHES == 0:
            flush_negligible(m)
            flush_negligible(v)
