"""The network from scratch against central differences, against Keras, and against its own promises."""

import math

import numpy as np
import pytest
import scipy.special
from sklearn.metrics import log_loss

from ladder.files.errors import InputError
from ladder.files.streams import stream
from ladder.scratch import network as scratch
from ladder.scratch.gradient_check import gradient_error
from ladder.scratch.network import at_rest, forward, gradient, init, loss, predict, sgd
from ladder.scratch.trainer import ScratchTrainer, arrays_of
from ladder.training.checkpoints import set_variables, variable_arrays

SIZES = (12, 9, 7, 4)


def make_network(dtype=np.float32):
    """Biases are not zero, so that nothing about them goes unseen."""
    rng = np.random.default_rng(0)
    network = init(SIZES, rng, dtype)
    for layer in network:
        layer.bias[...] = rng.normal(0, 0.3, layer.bias.shape)
    return network


def make_examples(n, seed=0):
    """Four clouds in 12 dimensions, one per class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, n)
    centres = np.random.default_rng(99).normal(0, 1, (4, 12))
    return (centres[labels] + rng.normal(0, 0.3, (n, 12))).astype(np.float32), labels


def make_trainer(rate=0.5, batch_size=8, items=20, network=None):
    def order(epoch):
        return stream(1, "order", epoch)

    start = network or make_network()
    return ScratchTrainer(start, *make_examples(items), rate, 0.9, batch_size, order, "params.yaml: mlp")


def in_keras(network):
    """The same network, which ends in logits. Keras is imported where it is needed: that takes seconds."""
    from ladder.training.runtime import keras

    hidden = [keras.layers.Dense(units, activation="sigmoid") for units in SIZES[1:-1]]
    model = keras.Sequential([keras.Input((SIZES[0],)), *hidden, keras.layers.Dense(SIZES[-1])])
    model.set_weights(arrays_of(network))
    return model


def assert_close(ours, theirs, tolerance):
    for own, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(own, other, rtol=0, atol=tolerance)


def test_gradient_equals_central_differences():
    x, labels = make_examples(8)
    assert gradient_error(make_network(np.float64), x, labels) < 1e-7
    assert gradient_error(make_network(), x, labels) < 1e-7


def test_gradient_check_sees_a_wrong_slope(monkeypatch):
    x, labels = make_examples(8)
    monkeypatch.setattr(scratch, "sigmoid", lambda z: 0.5 + 0.501 * np.tanh(0.5 * z))
    assert gradient_error(make_network(), x, labels) > 1e-5


@pytest.mark.filterwarnings("error")
def test_sigmoid_is_its_formula_and_cannot_overflow():
    z = np.array([-1e4, -3, 0, 0.5, 20, 1e4])
    a = scratch.sigmoid(z)
    expected = [0, *(1 / (1 + math.exp(-float(number))) for number in z[1:-1]), 1]
    np.testing.assert_allclose(a, expected, rtol=0, atol=1e-12)
    slope = (scratch.sigmoid(z + 1e-5) - scratch.sigmoid(z - 1e-5)) / 2e-5
    np.testing.assert_allclose(slope, a * (1 - a), rtol=0, atol=1e-9)


def test_log_softmax_and_loss_equal_other_libraries():
    z, labels = np.random.default_rng(0).normal(0, 3, (50, 4)), np.arange(50) % 4
    log_p = scratch.log_softmax(z)
    np.testing.assert_allclose(log_p, scipy.special.log_softmax(z, axis=1), rtol=0, atol=1e-12)
    assert loss(log_p, labels) == pytest.approx(log_loss(labels, np.exp(log_p)), rel=1e-12)


def test_forward_loss_and_gradient_equal_keras():
    from ladder.training.runtime import keras, tf

    network, (x, labels) = make_network(), make_examples(30)
    model = in_keras(network)
    with tf.GradientTape() as tape:
        logits = model(x)
        losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        mean = tf.reduce_mean(losses)
    activations = forward(network, x)
    np.testing.assert_allclose(np.exp(activations[-1]), tf.nn.softmax(logits), atol=1e-6)
    assert loss(activations[-1], labels) == pytest.approx(float(mean), rel=1e-6)
    theirs = tape.gradient(mean, model.trainable_variables)
    assert_close(arrays_of(gradient(network, activations, labels)), theirs, 1e-7)


def test_sgd_equals_keras_step_by_step():
    from ladder.training.runtime import keras

    network, (x, labels) = make_network(), make_examples(16 * 25)
    model, velocity = in_keras(network), at_rest(network)
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    start = network
    for step in range(100):
        batch = slice(16 * (step % 25), 16 * (step % 25) + 16)
        slope = gradient(network, forward(network, x[batch]), labels[batch])
        network, velocity = sgd(network, velocity, slope, 0.05, 0.9)
        model.train_on_batch(x[batch], labels[batch])
        if step in (0, 99):
            assert_close(arrays_of(network), model.get_weights(), 1e-6 if step == 0 else 1e-5)
    assert np.abs(network[0].weights - start[0].weights).max() > 0.1


def test_no_function_changes_its_arguments():
    network, (x, labels) = make_network(), make_examples(8)
    velocity, activations = make_network(), forward(network, x)
    slope = gradient(network, activations, labels)
    given = [x, labels, *activations, *arrays_of(network, velocity, slope)]
    for array in given:
        array.flags.writeable = False  # whoever writes to it is refused
    forward(network, x)
    loss(activations[-1], labels)
    gradient(network, activations, labels)
    results = arrays_of(*sgd(network, velocity, slope, 0.1, 0.9))
    predict(network, x)
    assert not any(np.shares_memory(result, array) for result in results for array in given)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_everything_has_the_type_of_network_and_inputs(dtype):
    network, (x, labels) = make_network(dtype), make_examples(8)
    activations = forward(network, x.astype(dtype))
    slope = gradient(network, activations, labels)
    found = [*activations, *arrays_of(slope, *sgd(network, at_rest(network), slope, 0.1, 0.9))]
    assert {array.dtype for array in found} == {np.dtype(dtype)}


def test_start_is_glorot_uniform_and_its_stream_alone_decides_it():
    network = init((300, 200, 10), stream(1, "weights"))
    limit = math.sqrt(6 / 500)
    assert 0.99 * limit < np.abs(network[0].weights).max() <= limit
    assert network[0].weights.std() == pytest.approx(limit / math.sqrt(3), rel=0.01)
    assert not any(layer.bias.any() for layer in network)
    again, other = (init((300, 200, 10), stream(seed, "weights")) for seed in (1, 2))
    assert network[1].weights.tobytes() == again[1].weights.tobytes() != other[1].weights.tobytes()


def test_certain_and_wrong_costs_what_the_logits_say():
    """In float32 the probability is exactly 0 here; the loss must not become infinite, nor overflow."""
    log_p = scratch.log_softmax(np.array([[0, 2000, 0, 0]], np.float32))
    assert loss(log_p, np.array([0])) == 2000
    assert np.exp(log_p).tolist() == [[0, 1, 0, 0]]


def test_predictions_are_the_same_in_parts():
    network, (x, _) = make_network(), make_examples(2500)
    outputs = predict(network, x)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(outputs[1000:1100], predict(network, x[1000:1100]), atol=1e-6)


def test_epoch_shows_every_example_once_with_its_own_label():
    """Batches of 8 from 20 examples, the last of 4: with a step of size 0 the epoch's loss is the data's."""
    x, labels = make_examples(20)
    mean, accuracy = make_trainer(rate=0.0).run_epoch(1)
    log_p = forward(make_network(), x)[-1]
    assert mean == pytest.approx(loss(log_p, labels), rel=1e-6)
    assert accuracy == (log_p.argmax(axis=1) == labels).mean()


@pytest.mark.parametrize("batch_size", [1, 10, 199, 1000])
def test_training_learns(batch_size):
    trainer = make_trainer(rate=0.05, batch_size=batch_size, items=200)
    losses = [trainer.run_epoch(epoch)[0] for epoch in range(1, 101 if batch_size < 100 else 301)]
    x, labels = make_examples(200, seed=1)
    assert losses[-1] < 0.3 * losses[0]
    assert (trainer.validate(x)[0].argmax(axis=1) == labels).mean() > 0.95


def test_a_training_that_was_cut_off_goes_on_to_the_same_bytes():
    whole, begun, resumed = make_trainer(), make_trainer(), make_trainer(network=init(SIZES, stream(5, "x")))
    state = begun.state  # asked for before training, as a checkpoint does
    for epoch in (1, 2, 3, 4):
        whole.run_epoch(epoch)
    for epoch in (1, 2):
        begun.run_epoch(epoch)
    set_variables(resumed.state, variable_arrays(state))
    for epoch in (3, 4):
        resumed.run_epoch(epoch)
    assert [a.tobytes() for a in resumed.state] == [a.tobytes() for a in whole.state]


def test_weights_are_copies_and_can_be_set():
    trainer = make_trainer()
    before = trainer.weights
    trainer.run_epoch(1)
    assert not np.array_equal(trainer.weights[0], before[0])
    trainer.weights = before
    assert all(map(np.array_equal, trainer.weights, before))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("batch_size", [8, 20])  # 20: it is the last update that goes wrong
def test_divergence_is_one_line(batch_size):
    with pytest.raises(InputError) as refusal:
        make_trainer(rate=1e39, batch_size=batch_size).run_epoch(3)
    assert str(refusal.value) == "params.yaml: mlp: training diverged in epoch 3: lower the learning_rate"
