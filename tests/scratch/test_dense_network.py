"""The NumPy network against central differences, against Keras, and against its own promises."""

import math

import numpy as np
import pytest

from ladder.files.errors import InputError
from ladder.scratch.dense_network import DenseNetwork, train_epoch
from ladder.scratch.gradient_check import gradient_check
from ladder.scratch.numpy_layers import ACTIVATIONS, LOSSES
from ladder.scratch.numpy_optimizers import NEGLIGIBLE, SGD, STEPS_BETWEEN_FLUSHES, Adam

SIZES = (12, 9, 7, 4)


def make_network(activation="relu", loss="cross_entropy", dtype=np.float32, seed=0):
    return DenseNetwork(SIZES, activation, loss, np.random.default_rng(seed), dtype)


def make_examples(n, seed=0):
    """Four clouds in 12 dimensions, one per class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, n)
    centres = np.random.default_rng(99).normal(0, 1, (4, 12))
    return (centres[labels] + rng.normal(0, 0.3, (n, 12))).astype(np.float32), labels


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_equals_central_differences(activation, loss):
    network = make_network(activation, loss)
    x, labels = make_examples(8)
    before = network.parameters.copy()
    assert gradient_check(network, x, labels, np.random.default_rng(1), samples=100) <= 1e-7
    assert np.array_equal(network.parameters, before)


def test_gradient_check_sees_a_wrong_slope(monkeypatch):
    wrong = ACTIVATIONS["tanh"]._replace(slope=lambda a, out: np.subtract(1.001, a * a, out=out))
    monkeypatch.setitem(ACTIVATIONS, "tanh", wrong)
    x, labels = make_examples(8)
    assert gradient_check(make_network("tanh"), x, labels, np.random.default_rng(1)) > 1e-5


@pytest.mark.parametrize("loss", LOSSES)
def test_loss_equals_its_definition(loss):
    network = make_network(loss=loss, dtype=np.float64)
    x, labels = make_examples(30)
    outputs, onehot = network.predict_proba(x), np.eye(4)[labels]
    expected = {
        "cross_entropy": -np.mean(np.log(outputs[np.arange(30), labels])),
        "mse": np.mean((outputs - onehot) ** 2),
    }[loss]
    assert network.loss_and_gradient(x.astype(np.float64), labels)[0] == pytest.approx(expected)


def test_predictions_are_independent_of_the_chunks():
    network = make_network()
    x, _ = make_examples(2500)
    outputs = network.predict_proba(x)
    assert outputs.sum(axis=1) == pytest.approx(np.ones(2500), abs=1e-5)
    assert outputs[1500:1600] == pytest.approx(network.predict_proba(x[1500:1600]), abs=1e-6)


def test_certain_and_wrong_costs_what_the_logits_say():
    """Float32 softmax rounds to exactly 0 here; the loss must not become infinite, nor overflow."""
    logits = np.array([[0, 2000, 0, 0]], np.float32)
    assert LOSSES["cross_entropy"].value_and_delta(logits, np.array([0])) == 2000
    assert logits.tolist() == [[-1, 1, 0, 0]]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_and_slope_match_their_formulas(name):
    z = np.linspace(-200, 200, 400)
    with np.errstate(over="ignore"):
        formula = {"sigmoid": 1 / (1 + np.exp(-z)), "tanh": np.tanh(z), "relu": np.maximum(z, 0)}[name]
    a, slope = z.copy(), np.empty_like(z)
    ACTIVATIONS[name].apply(a)
    ACTIVATIONS[name].slope(a, slope)
    assert a == pytest.approx(formula, abs=1e-15)
    assert slope == pytest.approx({"sigmoid": a * (1 - a), "tanh": 1 - a**2, "relu": np.sign(formula)}[name])


@pytest.mark.parametrize("name", ["sgd", "adam"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_hundred_steps_equal_keras(name, activation):
    import keras

    ours = make_network(activation)
    layers = [keras.layers.Dense(units, activation=activation) for units in SIZES[1:-1]]
    model = keras.Sequential([keras.Input((SIZES[0],)), *layers, keras.layers.Dense(SIZES[-1])])
    model.set_weights([array for pair in zip(ours.weights, ours.biases, strict=True) for array in pair])
    if name == "sgd":
        optimizer, theirs = SGD(ours.parameters, 0.05, 0.9), keras.optimizers.SGD(0.05, momentum=0.9)
    else:
        optimizer, theirs = Adam(ours.parameters, 0.003), keras.optimizers.Adam(0.003)
    model.compile(theirs, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, labels = make_examples(16 * 25)
    start = ours.parameters.copy()
    for step in range(100):
        batch = slice(16 * (step % 25), 16 * (step % 25) + 16)
        _, gradient = ours.loss_and_gradient(x[batch], labels[batch])
        optimizer.step(gradient)
        model.train_on_batch(x[batch], labels[batch])
    assert np.abs(ours.parameters - start).max() > 0.1
    learnt = np.concatenate([array.ravel() for array in model.get_weights()])
    assert np.abs(ours.parameters - learnt).max() <= 1e-5


@pytest.mark.parametrize("make_optimizer", [lambda p: SGD(p, 0.05, 0.9), lambda p: Adam(p, 0.01)])
@pytest.mark.parametrize("loss", LOSSES)
def test_training_learns(loss, make_optimizer):
    network = make_network("tanh", loss)
    optimizer, rng = make_optimizer(network.parameters), np.random.default_rng(0)
    x, labels = make_examples(200)
    losses = [train_epoch(network, optimizer, x, labels, 10, rng, epoch) for epoch in range(1, 31)]
    test_x, test_labels = make_examples(200, seed=1)
    assert losses[-1] < 0.3 * losses[0]
    assert np.mean(network.predict_proba(test_x).argmax(axis=1) == test_labels) > 0.95


def test_epoch_shows_every_example_once_with_its_own_label():
    """Batches of 8 from 20 examples, the last of 4: with a step of size 0 the epoch's loss is the data's."""
    network, (x, labels) = make_network(), make_examples(20)
    loss = train_epoch(network, SGD(network.parameters, 0.0), x, labels, 8, np.random.default_rng(0), 1)
    everything = network.loss_and_gradient(x.astype(np.float32), labels)[0]
    assert loss == pytest.approx(everything, rel=1e-5)


def test_same_seed_same_bits():
    results = []
    for seed in (3, 3, 4):
        network, (x, labels) = make_network(seed=seed), make_examples(50)
        train_epoch(network, Adam(network.parameters, 0.01), x, labels, 16, np.random.default_rng(seed), 1)
        results.append(network.parameters.copy())
    assert np.array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_honoured(dtype):
    network = make_network(dtype=dtype)
    optimizer, (x, labels) = Adam(network.parameters, 0.01), make_examples(20)
    train_epoch(network, optimizer, x, labels, 8, np.random.default_rng(0), 1)
    arrays = [network.parameters, network.gradient, optimizer.mean, optimizer.square]
    arrays += [*network.weights, *network.biases, *network.forward(x.astype(dtype)), network.predict_proba(x)]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


def test_parameters_are_one_vector_and_the_layers_are_views():
    network = make_network()
    assert [weight.shape for weight in network.weights] == [(12, 9), (9, 7), (7, 4)]
    assert [bias.shape for bias in network.biases] == [(9,), (7,), (4,)]
    network.parameters[:] = np.arange(network.parameters.size)
    views = [array.ravel() for pair in zip(network.weights, network.biases, strict=True) for array in pair]
    assert np.array_equal(np.concatenate(views), network.parameters)


def test_initial_weights_are_glorot_uniform():
    network = DenseNetwork((300, 200, 10), "relu", "cross_entropy", np.random.default_rng(0))
    limit = math.sqrt(6 / 500)
    assert 0.99 * limit < np.abs(network.weights[0]).max() <= limit
    assert network.weights[0].std() == pytest.approx(limit / math.sqrt(3), rel=0.01)
    assert not any(bias.any() for bias in network.biases)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("make_optimizer", [lambda p: SGD(p, 1e30, 0.9), lambda p: Adam(p, 1e38)])
def test_divergence_is_one_line(make_optimizer):
    network, (x, labels) = make_network(), make_examples(50)
    with pytest.raises(InputError) as refusal:
        train_epoch(network, make_optimizer(network.parameters), x, labels, 10, np.random.default_rng(0), 3)
    assert str(refusal.value) == "training diverged in epoch 3: lower the learning_rate"


@pytest.mark.filterwarnings("error")
def test_divergence_in_the_very_last_update_is_seen():
    network, (x, labels) = make_network(), make_examples(10)
    with pytest.raises(InputError, match="diverged in epoch 1"):
        train_epoch(network, SGD(network.parameters, 1e39), x, labels, 10, np.random.default_rng(0), 1)


@pytest.mark.parametrize("make_optimizer", [lambda p: SGD(p, 0.1, 0.9), lambda p: Adam(p, 0.1)])
def test_moments_do_not_linger_as_denormals(make_optimizer):
    """A parameter gets one gradient and then none, like the weights of a unit that died."""
    parameters = np.zeros(5, np.float32)
    optimizer = make_optimizer(parameters)
    optimizer.step(np.full(5, 0.01, np.float32))
    for _ in range(1200):
        optimizer.step(np.zeros(5, np.float32))
    fading = optimizer.velocity if isinstance(optimizer, SGD) else optimizer.mean
    assert not fading.any()


def test_flush_keeps_what_matters():
    optimizer = SGD(np.zeros(2, np.float32), 1.0, 1.0)
    for _ in range(STEPS_BETWEEN_FLUSHES):
        optimizer.step(np.array([NEGLIGIBLE, NEGLIGIBLE / 100], np.float32))
    assert optimizer.velocity[0] == pytest.approx(-STEPS_BETWEEN_FLUSHES * NEGLIGIBLE)
    assert optimizer.velocity[1] == 0
