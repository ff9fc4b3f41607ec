"""Train a Keras model on batches that are made while it computes."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from stages.core.prediction import filled_up, predict
from stages.core.processes import ALONE, Processes
from stages.core.runtime import keras, tf
from stages.core.training_log import TrainingLog

if TYPE_CHECKING:
    from stages.core.jax_training import JaxTrainingStep

LEARNING_RATE_FACTOR = 0.2

Batch = tuple[np.ndarray, np.ndarray]


class TrainingStep:
    """One update of a model that ends in a softmax, by the gradient of the categorical cross-entropy.

    For a model that XLA compiles a batch is filled up with rows that count for nothing, since one of another
    size would be compiled anew. (Batch normalisation would count them; VGG16 has none.)
    """

    def __init__(self, model: keras.Model, optimizer: keras.Optimizer, batch_size: int) -> None:
        optimizer.build(model.trainable_variables)
        self._filled = batch_size if model.jit_compile else 0
        weights = model.trainable_variables

        def gradients(
            inputs: tf.Tensor, targets: tf.Tensor, items: tf.Tensor
        ) -> tuple[list[tf.Tensor], tf.Tensor, tf.Tensor]:
            with tf.GradientTape() as tape:
                probabilities = model(inputs, training=True)
                losses = keras.losses.categorical_crossentropy(targets, probabilities)  # 0 without a target
                loss = tf.reduce_sum(losses) / items
            hits = tf.reduce_sum(targets * tf.one_hot(tf.argmax(probabilities, axis=1), targets.shape[1]))
            return tape.gradient(loss, weights), loss, hits / items

        self._gradients = tf.function(gradients, jit_compile=model.jit_compile, reduce_retracing=True)
        # Of Adam's dozen passes over all weights XLA makes one.
        self._apply = tf.function(lambda found: optimizer.apply(found, weights), jit_compile=True)

    def __call__(self, inputs: np.ndarray, targets: np.ndarray, items: int) -> tuple[float, float]:
        """Update on `inputs` [items, …], one-hot `targets` [items, classes]: loss, accuracy before that."""
        rows = max(items, self._filled)
        filled = [tf.constant(filled_up(array, rows)) for array in (inputs, targets)]
        found, loss, accuracy = self._gradients(*filled, tf.constant(items, tf.float32))
        self._apply(found)
        return float(loss), float(accuracy)

    def finish(self) -> None:
        """Nothing: the model's variables are up to date after each update."""


def _training_step(
    model: keras.Model, optimizer: keras.Optimizer, batch_size: int, processes: Processes
) -> "TrainingStep | JaxTrainingStep":
    if keras.backend.backend() == "tensorflow":
        return TrainingStep(model, optimizer, batch_size)
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
