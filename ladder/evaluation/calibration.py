"""Whether a classifier's probabilities can be taken at their word, and one number that mends them."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from ladder.evaluation.accuracy import mean_cross_entropy

BINS = 15
LARGEST_LOG_TEMPERATURE = 4.0
PRIOR_DEVIATION = 0.35  # of the log temperature: a half to two hold 95 % of it


class Reliability(NamedTuple):
    """Per bin of confidence that holds items: mean confidence, accuracy, and number of items."""

    confidence: np.ndarray
    accuracy: np.ndarray
    items: np.ndarray

    def expected_error(self) -> float:
        """The expected calibration error: the mean of |accuracy − confidence| over the items."""
        return float(np.abs(self.accuracy - self.confidence) @ self.items / self.items.sum())


def reliability(probabilities: np.ndarray, labels: np.ndarray) -> Reliability:
    """How often the answers of each confidence are right, in 15 bins of equal width (Guo et al. 2017).

    Parameters
    ----------
    probabilities : [items, classes].
    labels : [items], class indices.
    """
    confidence, correct = probabilities.max(axis=1).astype(float), probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    items = np.bincount(bins, minlength=BINS)
    filled = items > 0
    sums = (np.bincount(bins, values, BINS)[filled] / items[filled] for values in (confidence, correct))
    return Reliability(*sums, items[filled])


def scaled(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities [items, classes] whose logits are divided by `temperature`; the order stays."""
    tiny = np.finfo(np.float32).tiny
    return softmax(np.log(np.maximum(probabilities.astype(np.float64), tiny)) / temperature, axis=1)


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The temperature that fits a validation split best (Guo et al. 2017). Above 1: too sure of itself.

    The lowest cross-entropy, held towards 1 where a few mistakes decide: the mode of the posterior with
    log temperature ~ N(0, PRIOR_DEVIATION²) before any item is seen. Between e⁻⁴ and e⁴.
    """

    def negative_log_posterior(log_temperature: float) -> float:
        loss = mean_cross_entropy(scaled(probabilities, np.exp(log_temperature)), labels)
        return loss * len(labels) + (log_temperature / PRIOR_DEVIATION) ** 2 / 2

    ends = (-LARGEST_LOG_TEMPERATURE, LARGEST_LOG_TEMPERATURE)
    return float(np.exp(minimize_scalar(negative_log_posterior, bounds=ends, method="bounded").x))
