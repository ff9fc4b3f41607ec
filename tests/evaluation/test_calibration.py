"""Calibration against its definition and against scikit-learn's temperature scaling."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from ladder.evaluation.accuracy import mean_cross_entropy
from ladder.evaluation.calibration import fit_temperature, reliability, scaled


def answers(temperature, items=4000, seed=0):
    """Probabilities that are right if divided by `temperature`, and the labels."""
    rng = np.random.default_rng(seed)
    true_logits = rng.normal(0, 1.5, (items, 10))
    labels = (softmax(true_logits, axis=1).cumsum(axis=1) < rng.random((items, 1))).sum(axis=1)
    return softmax(true_logits * temperature, axis=1).astype(np.float32), np.minimum(labels, 9)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_the_temperature_is_found_again(temperature):
    probabilities, labels = answers(temperature)
    assert fit_temperature(probabilities, labels) == pytest.approx(temperature, rel=0.06)


def test_a_single_mistake_decides_little():
    # 360 sure answers: the classifier is right about all, or wrong about one.
    rng = np.random.default_rng(3)
    logits, labels = rng.normal(0, 1, (360, 10)), rng.integers(0, 10, 360)
    logits[np.arange(360), labels] += rng.uniform(4, 14, 360)
    probabilities, others = softmax(logits, axis=1), labels.copy()
    surest_but_few = np.argsort(probabilities.max(axis=1))[200]
    others[surest_but_few] = (labels[surest_but_few] + 1) % 10
    with_none, with_one = (fit_temperature(probabilities, truth) for truth in (labels, others))
    assert 0.4 < with_none < with_one < 2 * with_none


class Logits(ClassifierMixin, BaseEstimator):
    """What it is given are the logits."""

    def fit(self, logits, labels):
        self.classes_ = np.arange(10)
        return self

    def decision_function(self, logits):
        return logits

    def predict(self, logits):
        return logits.argmax(axis=1)


@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_scaling_agrees_with_scikit_learn_where_items_abound(temperature):
    probabilities, labels = answers(temperature, items=20_000)
    logits = np.log(probabilities.astype(np.float64))
    peer = CalibratedClassifierCV(FrozenEstimator(Logits().fit(logits, labels)), method="temperature")
    expected = peer.fit(logits, labels).predict_proba(logits)
    ours = scaled(probabilities, fit_temperature(probabilities, labels))
    assert np.abs(ours - expected).max() < 1e-3


def test_scaling_lowers_loss_and_calibration_error_and_keeps_every_answer():
    val, test = answers(3.0, seed=1), answers(3.0, seed=2)
    after = scaled(test[0], fit_temperature(*val))
    assert mean_cross_entropy(after, test[1]) < mean_cross_entropy(*test)
    assert reliability(after, test[1]).expected_error() < 0.03 < reliability(*test).expected_error()
    assert np.array_equal(after.argmax(axis=1), test[0].argmax(axis=1))
    assert after.sum(axis=1) == pytest.approx(np.ones(len(after)))


def test_a_temperature_of_one_changes_nothing_and_certainty_stays_finite():
    probabilities, _ = answers(1.0, items=50)
    assert scaled(probabilities, 1.0) == pytest.approx(probabilities, abs=1e-6)
    certain = np.array([[1, 0], [0, 1]], np.float32)
    assert 1 < fit_temperature(certain.repeat(5, axis=0), np.array([0] * 6 + [1] * 4)) < 60
    assert np.isfinite(fit_temperature(certain, np.array([0, 1])))


def test_the_expected_error_of_an_example_by_hand():
    # Two answers at 0.95, one of them right; two at 0.55, both right.
    probabilities = np.array([[0.95, 0.05], [0.05, 0.95], [0.55, 0.45], [0.45, 0.55]])
    bins = reliability(probabilities, np.array([0, 0, 0, 1]))
    assert bins.confidence == pytest.approx([0.55, 0.95])
    assert bins.accuracy == pytest.approx([1.0, 0.5])
    assert bins.items.tolist() == [2, 2]
    assert bins.expected_error() == pytest.approx((0.45 + 0.45) / 2)


def test_there_are_fifteen_bins_of_equal_width():
    sure = np.linspace(0.5, 0.999, 400)
    bins = reliability(np.column_stack([sure, 1 - sure]), np.zeros(400, int))
    expected = [((sure >= low / 15) & (sure < (low + 1) / 15)).sum() for low in range(7, 15)]
    assert bins.items.tolist() == expected


def test_full_confidence_falls_into_the_last_bin():
    bins = reliability(np.array([[1.0, 0.0]] * 3), np.array([0, 0, 1]))
    assert bins.items.tolist() == [3] and bins.expected_error() == pytest.approx(1 / 3)
