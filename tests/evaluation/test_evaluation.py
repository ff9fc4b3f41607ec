"""Figures of merit against their formulas and against scikit-learn."""

import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss

from ladder.evaluation.accuracy import (
    Answers,
    accuracy_interval,
    classification_metrics,
    clustered_interval,
    mean_cross_entropy,
    wilson_interval,
)
from ladder.files.errors import InputError


@pytest.mark.parametrize(
    ("correct", "total"), [(0, 1), (1, 1), (0, 20), (20, 20), (1, 20), (10, 20), (81, 263), (9_700, 10_000)]
)
def test_the_interval_is_wilsons(correct, total):
    z, share = 1.959963984540054, correct / total
    centre = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    low, high = wilson_interval(correct, total)
    assert low == pytest.approx(centre - half, abs=1e-12)
    assert high == pytest.approx(centre + half, abs=1e-12)
    assert 0 <= low <= share <= high <= 1


def test_the_interval_of_a_textbook_example():
    # Newcombe (1998), table I: 81 of 263, method 3.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_none_or_all_right_leaves_room_on_one_side():
    assert wilson_interval(0, 50)[0] == 0 and wilson_interval(0, 50)[1] > 0.05
    assert wilson_interval(50, 50)[1] == 1 and wilson_interval(50, 50)[0] < 0.95


def random_answers(items=200, classes=10, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (items, classes))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return probabilities.astype(dtype), rng.integers(0, classes, items)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_metrics_agree_with_scikit_learn(split, dtype):
    probabilities, labels = random_answers(dtype=dtype)
    metrics = classification_metrics(split, Answers(probabilities, labels))
    names = ("accuracy", "accuracy_low", "accuracy_high", "loss")
    assert list(metrics) == [f"{split}_{name}" for name in names]
    assert metrics[f"{split}_accuracy"] == accuracy_score(labels, probabilities.argmax(axis=1))
    precise = probabilities.astype(np.float64)
    expected = log_loss(labels, precise / precise.sum(axis=1, keepdims=True), labels=range(10))
    assert metrics[f"{split}_loss"] == pytest.approx(expected, rel=1e-6)
    bounds = wilson_interval(round(metrics[f"{split}_accuracy"] * 200), 200)
    assert (metrics[f"{split}_accuracy_low"], metrics[f"{split}_accuracy_high"]) == bounds
    assert all(type(value) is float for value in metrics.values())


def drawn_drivers(rng, drivers, frames, spread):
    """Right or wrong for each frame: every driver has a share of right frames of its own, 0.7 on average."""
    shares = rng.beta(0.7 * spread, 0.3 * spread, drivers)
    return rng.random((drivers, frames)).ravel() < shares.repeat(frames), np.arange(drivers).repeat(frames)


@pytest.mark.parametrize("drivers", [6, 20])
def test_the_clustered_interval_holds_the_truth_about_as_often_as_it_says(drivers):
    rng, hits, wilson_hits, runs = np.random.default_rng(0), 0, 0, 200
    for _ in range(runs):
        correct, who = drawn_drivers(rng, drivers, 60, 5)
        low, high = clustered_interval(correct, who)
        hits += low <= 0.7 <= high
        wilson_low, wilson_high = wilson_interval(int(correct.sum()), len(correct))
        wilson_hits += wilson_low <= 0.7 <= wilson_high
    assert 0.9 <= hits / runs <= 0.99
    assert wilson_hits / runs < 0.6  # what frames taken as independent would promise


def test_with_many_drivers_the_clustered_interval_is_the_normal_one_of_their_means():
    correct, who = drawn_drivers(np.random.default_rng(1), 2000, 10, 3)
    means = correct.reshape(2000, 10).mean(axis=1)
    half = 1.96 * means.std(ddof=1) / np.sqrt(2000)
    low, high = clustered_interval(correct, who)
    assert (low, high) == pytest.approx((means.mean() - half, means.mean() + half), abs=0.002)


def test_a_driver_with_many_frames_weighs_more():
    correct = np.array([True] * 90 + [False] * 10)
    who = np.array(["a"] * 90 + ["b"] * 5 + ["c"] * 5)
    low, high = clustered_interval(correct, who)
    assert low == 0 and high == 1


def test_one_driver_alone_tells_nothing_of_others():
    assert accuracy_interval(np.arange(100) < 80, np.zeros(100)) == (0, 1)


def test_the_order_of_items_and_names_of_drivers_make_no_difference():
    rng = np.random.default_rng(2)
    correct, who = drawn_drivers(rng, 8, 10, 3)
    order = rng.permutation(80)
    assert clustered_interval(correct[order], who[order]) == clustered_interval(correct, who)


def test_drivers_widen_the_interval_and_never_narrow_it():
    correct, who = drawn_drivers(np.random.default_rng(3), 6, 60, 3)
    alone, clustered = accuracy_interval(correct, None), accuracy_interval(correct, who)
    assert alone == wilson_interval(int(correct.sum()), 360)
    assert clustered == clustered_interval(correct, who)
    assert clustered[0] < alone[0] and alone[1] < clustered[1]
    right = np.ones(360, bool)
    assert accuracy_interval(right, who) == wilson_interval(360, 360)


def test_labels_may_leave_out_a_class():
    probabilities, labels = random_answers()
    labels[labels == 9] = 0
    expected = -np.log(probabilities[np.arange(200), labels].astype(np.float64)).mean()
    assert mean_cross_entropy(probabilities, labels) == pytest.approx(expected, rel=1e-6)


def test_a_certain_mistake_costs_much_but_not_infinity():
    loss = mean_cross_entropy(np.array([[1, 0], [0, 1]], np.float32), np.array([1, 1]))
    assert 10 < loss < 30


def test_the_sum_of_a_row_makes_no_difference():
    probabilities, labels = random_answers()
    expected = mean_cross_entropy(probabilities, labels)
    assert mean_cross_entropy(probabilities * np.float32(1.01), labels) == pytest.approx(expected, rel=1e-6)


def test_the_probabilities_are_left_as_they_are():
    probabilities, labels = random_answers(dtype=np.float64)
    before = probabilities.copy()
    mean_cross_entropy(probabilities, labels)
    assert np.array_equal(probabilities, before)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_network_that_diverged_is_no_bug_of_the_program(value):
    probabilities, labels = random_answers()
    probabilities[7] = value
    with pytest.raises(InputError, match=r"diverged.*learning rate"):
        mean_cross_entropy(probabilities, labels)
