"""Train a Keras model on batches that are made while it computes."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from stages.core.processes import ALONE, Processes
from stages.core.runtime import keras, tf
from stages.core.training_log import TrainingLog

if TYPE_CHECKING:
    from stages.core.jax_training import JaxTrainingStep

LEARNING_RATE_FACTOR = 0.2

Batch = tuple[np.ndarray, np.ndarray]


class TrainingStep:
    """One update of a model that ends in a softmax, by the gradient of the categorical cross-entropy."""

    def __init__(self, model: keras.Model, optimizer: keras.Optimizer) -> None:
        optimizer.build(model.trainable_variables)
        weights = model.trainable_variables

        def gradients(inputs: tf.Tensor, targets: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor, tf.Tensor]:
            with tf.GradientTape() as tape:
                probabilities = model(inputs, training=True)
                loss = tf.reduce_mean(keras.losses.categorical_crossentropy(targets, probabilities))
            hits = tf.argmax(probabilities, axis=1) == tf.argmax(targets, axis=1)
            return tape.gradient(loss, weights), loss, tf.reduce_mean(tf.cast(hits, tf.float32))

        self._gradients = tf.function(gradients, reduce_retracing=True)
        # XLA does not help convolutions on a CPU; of Adam's dozen passes over all weights it makes one.
        self._apply = tf.function(lambda found: optimizer.apply(found, weights), jit_compile=True)

    def __call__(
        self, inputs: np.ndarray, targets: np.ndarray, items: int | None = None
    ) -> tuple[float, float]:
        """Update on `inputs` [n, …] and one-hot `targets` [n, classes]: loss and accuracy before that."""
        found, loss, accuracy = self._gradients(tf.constant(inputs), tf.constant(targets))
        self._apply(found)
        return float(loss), float(accuracy)

    def finish(self) -> None:
        """Nothing: the model's variables are up to date after each update."""


def _training_step(
    model: keras.Model, optimizer: keras.Optimizer, batch_size: int, processes: Processes
) -> "TrainingStep | JaxTrainingStep":
    if keras.backend.backend() == "tensorflow":
        return TrainingStep(model, optimizer)
    from stages.core.jax_training import JaxTrainingStep  # JAX is an extra

    return JaxTrainingStep(model, optimizer, batch_size, processes)


def train(
    model: keras.Model,
    optimizer: keras.Optimizer,
    make_batch: Callable[[np.ndarray, int, int], Batch],
    items: int,
    val: Batch,
    batch_size: int,
    seed: list[int],
    log: TrainingLog,
    schedule_patience: int | None = None,
    processes: Processes = ALONE,
) -> None:
    """Train for as long as `log` says so; the model ends with the weights that the log kept.

    Parameters
    ----------
    model : ends in a softmax; its trainable weights are those that learn.
    optimizer : if it keeps a moving average of the weights, that is what is validated and kept.
    make_batch : (item numbers, epoch, step) → inputs and one-hot targets, of several processes just this
        one's part of them; runs beside the training step.
    items : number of training items; their order in epoch e is a function of (*seed, e).
    val : inputs, as `predict` takes them, and class indices of the validation split.
    schedule_patience : after this many epochs in a row without a lower validation loss the learning rate
        is multiplied by 0.2; None: it stays.
    processes : those that train the model together; each calls this.
    """
    update = _training_step(model, optimizer, batch_size, processes)
    log.resume([*model.variables, *optimizer.variables])
    with ThreadPoolExecutor(1) as worker:
        for epoch in log.epochs():
            order = np.random.default_rng([*seed, epoch]).permutation(items)
            parts = [order[start : start + batch_size] for start in range(0, items, batch_size)]
            upcoming = worker.submit(make_batch, parts[0], epoch, 0)
            sums = np.zeros(2)
            for step in range(len(parts)):
                inputs, targets = upcoming.result()
                if step + 1 < len(parts):
                    upcoming = worker.submit(make_batch, parts[step + 1], epoch, step + 1)
                sums += np.multiply(update(inputs, targets, len(parts[step])), len(parts[step]))
            update.finish()
            loss, accuracy = sums / items
            with averaged(model, optimizer):
                answers = predict(model, val[0], batch_size, processes)
                log.record((loss, accuracy), answers, val[1], model.get_weights())
            if schedule_patience and at_plateau(log.history["val_loss"], schedule_patience):
                optimizer.learning_rate = float(optimizer.learning_rate) * LEARNING_RATE_FACTOR
    model.set_weights(log.kept_weights)


@contextmanager
def averaged(model: keras.Model, optimizer: keras.Optimizer) -> Iterator[None]:
    """In this block the model has the moving average of its weights, if the optimizer keeps one."""
    if not optimizer.use_ema:
        yield
        return
    learning = model.get_weights()
    optimizer.finalize_variable_values(model.trainable_variables)
    try:
        yield
    finally:
        model.set_weights(learning)


def at_plateau(losses: Sequence[float], patience: int) -> bool:
    """Whether the last of `losses` ends `patience` epochs in a row without a lower one than ever before.

    After a plateau counting starts anew.
    """
    lowest, since = np.inf, 0
    for loss in losses:
        since = 0 if loss < lowest else since % patience + 1
        lowest = min(lowest, loss)
    return since == patience


def predict(
    model: keras.Model, inputs: np.ndarray, batch_size: int, processes: Processes = ALONE
) -> np.ndarray:
    """The model's outputs for `inputs` [n, …], an array of any number type or what can be sliced like one.

    A batch at a time is read and made float32; `processes` take turns.
    """

    def outputs(start: int) -> dict[str, np.ndarray]:
        batch = np.asarray(inputs[start : start + batch_size], np.float32)
        return {"outputs": np.asarray(model.predict_on_batch(batch))}

    found = processes.in_turn(range(0, len(inputs), batch_size), outputs)
    return np.concatenate([part["outputs"] for part in found])
