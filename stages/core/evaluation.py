"""Figures of merit of a classifier, with the uncertainty that comes from a finite test set."""

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import log_loss

from stages.core.errors import InputError


def accuracy_interval(correct: int, total: int) -> tuple[float, float]:
    """95 % Wilson score interval for `correct` of `total` (Wilson 1927)."""
    interval = binomtest(correct, total).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def classification_metrics(split: str, probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy with its 95 % interval, and loss, of one split.

    The interval takes the items as independent. Frames of one driver are not: there it is a lower bound of
    the uncertainty.

    Parameters
    ----------
    split : "train", "val" or "test"; the names of the metrics begin with it.
    probabilities : [items, classes], rows sum to 1.
    labels : [items], class indices.

    Returns
    -------
    `{split}_accuracy`, `{split}_accuracy_low`, `{split}_accuracy_high` and `{split}_loss`, the mean
    cross-entropy in nats.
    """
    correct = int((probabilities.argmax(axis=1) == labels).sum())
    low, high = accuracy_interval(correct, len(labels))
    return {
        f"{split}_accuracy": correct / len(labels),
        f"{split}_accuracy_low": low,
        f"{split}_accuracy_high": high,
        f"{split}_loss": mean_cross_entropy(probabilities, labels),
    }


def mean_cross_entropy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean cross-entropy in nats of `probabilities` [items, classes] for class indices `labels` [items]."""
    if not np.isfinite(probabilities).all():
        raise InputError("training diverged: the network's outputs are no numbers; lower the learning rate")
    # In float64 with rows that sum to 1: float32 rounding must not decide the logarithm of a small number.
    precise = probabilities.astype(np.float64)
    precise /= precise.sum(axis=1, keepdims=True)
    return float(log_loss(labels, precise, labels=range(probabilities.shape[1])))
