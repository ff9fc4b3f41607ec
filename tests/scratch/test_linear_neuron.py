"""The linear neuron against least squares, and its path against the theory of quadratic bowls."""

import numpy as np
import pytest

from ladder.files.errors import InputError
from ladder.scratch.neuron import curvatures, fit, gradient_descent, loss_and_gradient, predict


@pytest.fixture
def noisy_line():
    """Temperatures (°C), and what a noisy thermometer shows in °F."""
    rng = np.random.default_rng(7)
    x = rng.uniform(-40, 60, 50)
    return x, 1.8 * x + 32 + rng.normal(0, 3, 50)


def test_fit_equals_least_squares(noisy_line):
    x, y = noisy_line
    learnt = fit(x, y, learning_rate=0.1, epochs=200, rng=np.random.default_rng(0))
    best, *_ = np.linalg.lstsq(np.column_stack([x, np.ones_like(x)]), y)
    assert [learnt.weight, learnt.bias] == pytest.approx(list(best), rel=0, abs=1e-9)


def test_fit_without_noise_finds_the_law():
    x = np.linspace(-40, 60, 11)
    learnt = fit(x, 1.8 * x + 32, learning_rate=0.3, epochs=100, rng=np.random.default_rng(0))
    assert (learnt.weight, learnt.bias) == pytest.approx((1.8, 32), rel=0, abs=1e-9)
    assert predict(100, learnt.weight, learnt.bias) == pytest.approx(212)


def test_history_is_the_path_in_raw_units(noisy_line):
    x, y = noisy_line
    learnt = fit(x, y, learning_rate=0.1, epochs=5, rng=np.random.default_rng(0))
    assert len(learnt.losses) == len(learnt.weights) == len(learnt.biases) == 6
    for loss, weight, bias in zip(learnt.losses, learnt.weights, learnt.biases, strict=True):
        assert loss == pytest.approx(np.mean((weight * x + bias - y) ** 2))
    assert (learnt.weight, learnt.bias) == (learnt.weights[-1], learnt.biases[-1])
    assert (np.diff(learnt.losses) < 0).all()


def test_start_depends_on_the_seed_only(noisy_line):
    fits = [fit(*noisy_line, 0.1, 3, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(fits[0].weights, fits[1].weights)
    assert fits[0].weights[0] != fits[2].weights[0]


def test_gradient_equals_central_differences(noisy_line):
    _, weight_slope, bias_slope = loss_and_gradient(*noisy_line, 0.3, -2.0)
    step = 1e-4  # the loss is quadratic: central differences are exact but for rounding

    def loss(weight, bias):
        return loss_and_gradient(*noisy_line, weight, bias)[0]

    assert weight_slope == pytest.approx((loss(0.3 + step, -2) - loss(0.3 - step, -2)) / (2 * step))
    assert bias_slope == pytest.approx((loss(0.3, -2 + step) - loss(0.3, -2 - step)) / (2 * step))


def test_curvature_of_a_standardised_input_is_two(noisy_line):
    x, _ = noisy_line
    assert curvatures((x - x.mean()) / x.std()) == pytest.approx([2, 2])
    assert curvatures(x)[-1] > 100 * curvatures(x)[0]


def test_each_epoch_contracts_the_error_by_the_analytic_factor():
    """Two inputs of unlike curvature, so that the two eigendirections shrink at rates of their own."""
    x = np.array([0.5, 1.0, 2.0, 4.0])
    y = 3 * x - 1
    learning_rate, epochs = 0.05, 30
    _, weights, biases = gradient_descent(x, y, -1.0, 2.0, learning_rate, epochs)
    design = np.column_stack([x, np.ones_like(x)])
    eigenvalues, directions = np.linalg.eigh(2 / len(x) * design.T @ design)
    errors = np.abs(np.column_stack([weights - 3, biases + 1]) @ directions)  # (epochs + 1, 2)
    factors = np.abs(1 - learning_rate * eigenvalues)
    assert abs(factors[0] - factors[1]) > 0.1
    assert errors == pytest.approx(errors[0] * factors ** np.arange(epochs + 1)[:, None], abs=1e-12)


def test_learning_curve_follows_the_analytic_rate(noisy_line):
    """What the loss exceeds its minimum by falls by (1 - learning_rate * 2)^2 per epoch."""
    learnt = fit(*noisy_line, learning_rate=0.1, epochs=20, rng=np.random.default_rng(0))
    minimum = fit(*noisy_line, learning_rate=0.5, epochs=2, rng=np.random.default_rng(0)).losses[-1]
    excess = learnt.losses - minimum
    assert excess[1:] / excess[:-1] == pytest.approx(np.full(20, 0.8**2))


@pytest.mark.parametrize("learning_rate", [1.0, 2.5, 0.0, -0.1, float("nan")])
def test_learning_rate_past_the_limit_is_refused_in_one_line(noisy_line, learning_rate):
    with pytest.raises(InputError, match=r"learning_rate .* is not between 0 and 2/λmax = 1:") as refusal:
        fit(*noisy_line, learning_rate, 10, np.random.default_rng(0))
    assert "\n" not in str(refusal.value)


def test_the_limit_is_where_descent_turns_into_ascent(noisy_line):
    learnt = fit(*noisy_line, learning_rate=0.999, epochs=50, rng=np.random.default_rng(0))
    assert learnt.losses[-1] < learnt.losses[0]


def test_equal_inputs_are_refused():
    with pytest.raises(InputError, match="all 3 inputs are equal"):
        fit([5, 5, 5], [1, 2, 3], 0.1, 10, np.random.default_rng(0))
