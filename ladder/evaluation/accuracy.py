"""Figures of merit of a classifier, with the uncertainty that comes from a finite test set."""

from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest, bootstrap, norm, t
from sklearn.metrics import log_loss

from ladder.files.errors import InputError

RESAMPLES = 9999
BATCH = 256  # resamples at once, for memory's sake
COVERAGE = 0.95


class Answers(NamedTuple):
    """What a classifier says of the items of a split.

    `probabilities` [items, classes], rows sum to 1; `labels` [items], class indices; `drivers` [items], who
    is on the picture, where several items show the same person.
    """

    probabilities: np.ndarray
    labels: np.ndarray
    drivers: np.ndarray | None = None

    def correct(self) -> np.ndarray:
        """Whether the most probable class is the right one: bool [items]."""
        return self.probabilities.argmax(axis=1) == self.labels


def wilson_interval(correct: int, total: int) -> tuple[float, float]:
    """95 % score interval for `correct` of `total` independent items (Wilson 1927)."""
    interval = binomtest(correct, total).proportion_ci(confidence_level=COVERAGE, method="wilson")
    return float(interval.low), float(interval.high)


def clustered_interval(values: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval for the mean of `values` [items] that draws whole groups, given as [items].

    Frames of one driver succeed or fail together. The percentiles are those of the expanded interval
    (Hesterberg 2015, "What Teachers Should Know About the Bootstrap"), since with few groups the plain ones
    promise too much. Of one group alone nothing follows: minus to plus infinity.
    """
    _, who = np.unique(groups, return_inverse=True)
    sums, sizes = np.bincount(who, values), np.bincount(who)
    count = len(sizes)
    if count < 2:
        return -np.inf, np.inf
    tail = norm.cdf(-np.sqrt(count / (count - 1)) * t.ppf((1 + COVERAGE) / 2, count - 1))
    drawn = bootstrap(
        (sums, sizes),
        lambda sums, sizes, axis: sums.sum(axis) / sizes.sum(axis),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=RESAMPLES,
        batch=BATCH,
        confidence_level=1 - 2 * max(tail, 1 / RESAMPLES),
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(drawn.low), float(drawn.high)


def accuracy_interval(correct: np.ndarray, drivers: np.ndarray | None) -> tuple[float, float]:
    """95 % interval for the mean of `correct`, bool [items].

    Wilson's; where `drivers` [items] are given, the hull of it and the clustered one, which alone would claim
    to be certain where all drivers do equally well.
    """
    low, high = wilson_interval(int(correct.sum()), len(correct))
    if drivers is None:
        return low, high
    clustered_low, clustered_high = clustered_interval(correct, drivers)
    return max(0.0, min(low, clustered_low)), min(1.0, max(high, clustered_high))


def classification_metrics(split: str, answers: Answers) -> dict[str, float]:
    """Accuracy with its 95 % interval, and loss, of one split: "train", "val" or "test".

    Returns
    -------
    `{split}_accuracy`, `{split}_accuracy_low`, `{split}_accuracy_high` and `{split}_loss`, the mean
    cross-entropy in nats.
    """
    correct = answers.correct()
    low, high = accuracy_interval(correct, answers.drivers)
    return {
        f"{split}_accuracy": float(correct.mean()),
        f"{split}_accuracy_low": low,
        f"{split}_accuracy_high": high,
        f"{split}_loss": mean_cross_entropy(answers.probabilities, answers.labels),
    }


def mean_cross_entropy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean cross-entropy in nats of `probabilities` [items, classes] for class indices `labels` [items]."""
    if not np.isfinite(probabilities).all():
        raise InputError("training diverged: the network's outputs are no numbers; lower the learning rate")
    # In float64 with rows that sum to 1: float32 rounding must not decide the logarithm of a small number.
    precise = probabilities.astype(np.float64)
    precise /= precise.sum(axis=1, keepdims=True)
    return float(log_loss(labels, precise, labels=range(probabilities.shape[1])))
