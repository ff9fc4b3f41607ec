"""Train a Keras model on data in memory, one compiled call per epoch.

`Model.fit` returns to Python after every batch; for small networks that costs several times the arithmetic.
Here XLA compiles the whole epoch, the loop over its batches included.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from stages.core.runtime import keras, tf
from stages.core.training_log import TrainingLog

PREDICTION_BATCH = 4096


class EpochFigures(NamedTuple):
    """Mean loss and accuracy over an epoch's batches, each measured just before its update."""

    loss: float
    accuracy: float


class CompiledEpochs:
    """Runs epochs of mini-batch training with the given Keras model, optimizer and categorical cross-entropy.

    Parameters
    ----------
    model : ends in a softmax; its weights are updated in place.
    optimizer : any Keras optimizer; its state lasts from epoch to epoch.
    """

    def __init__(self, model: keras.Model, optimizer: keras.Optimizer) -> None:
        self.model, self.optimizer = model, optimizer
        optimizer.build(model.trainable_variables)
        # The last epoch's inputs: where they stay the same, TensorFlow's copy of them is made just once.
        self._inputs: np.ndarray | None = None
        self._input_tensor: tf.Tensor | None = None
        self._run_batches = tf.function(self._batches, jit_compile=True)
        self._predict = tf.function(lambda x: model(x, training=False), reduce_retracing=True)

    def run(self, x: np.ndarray, y: np.ndarray, order: np.ndarray, batch_size: int) -> EpochFigures:
        """One epoch over `x` [items, inputs] and one-hot `y` [items, classes] in this order.

        `x` must not be changed in place between epochs; a new array may take its place. `order` is a
        permutation of the items; the last batch is smaller where batch_size does not divide.
        """
        if x is not self._inputs:
            self._inputs, self._input_tensor = x, tf.convert_to_tensor(x, tf.float32)
        x, y = self._input_tensor, tf.convert_to_tensor(y, tf.float32)
        whole = len(order) // batch_size * batch_size
        loss_sum, correct = 0.0, 0
        for part, size in ((order[:whole], batch_size), (order[whole:], len(order) - whole)):
            if len(part):
                batches = tf.convert_to_tensor(part.reshape(-1, size), tf.int32)
                part_loss, part_correct = self._run_batches(x, y, batches)
                loss_sum += float(part_loss) * size
                correct += int(part_correct)
        return EpochFigures(loss_sum / len(order), correct / len(order))

    def fit(
        self,
        inputs_from: Callable[[int], Iterable[np.ndarray]],
        labels: np.ndarray,
        val: tuple[np.ndarray, np.ndarray],
        batch_size: int,
        seed: Sequence[int],
        log: TrainingLog,
    ) -> None:
        """Train for as long as `log` says so; the model ends with the weights it kept.

        Parameters
        ----------
        inputs_from : epoch → per epoch from that one on, the inputs [items, inputs] of all training items.
        labels : [items], class indices.
        val : inputs and labels of the validation split.
        seed : the order of the items in epoch e is a function of (*seed, e).
        """
        targets = keras.utils.to_categorical(labels, self.model.output_shape[-1])
        log.resume([*self.model.variables, *self.optimizer.variables])
        for epoch, inputs in zip(log.epochs(), inputs_from(log.next_epoch), strict=False):
            order = np.random.default_rng([*seed, epoch]).permutation(len(inputs))
            figures = self.run(inputs, targets, order, batch_size)
            log.record(figures, self.predict(val[0]), val[1], self.model.get_weights())
        self.model.set_weights(log.kept_weights)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Probabilities [items, classes] for `x` [items, inputs]."""
        starts = range(0, len(x), PREDICTION_BATCH)
        return np.concatenate(
            [self._predict(tf.constant(x[i : i + PREDICTION_BATCH])).numpy() for i in starts]
        )

    def _batches(self, x: tf.Tensor, y: tf.Tensor, batches: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Sum over batches [steps, batch_size] of item numbers: mean loss of a batch, correct answers."""
        loss_sum, correct = tf.constant(0.0), tf.constant(0)
        weights = self.model.trainable_variables
        for items in batches:
            inputs, targets = tf.gather(x, items), tf.gather(y, items)
            with tf.GradientTape() as tape:
                probabilities = self.model(inputs, training=True)
                losses = keras.losses.categorical_crossentropy(targets, probabilities)
                loss = tf.reduce_mean(losses)
            self.optimizer.apply(tape.gradient(loss, weights), weights)
            hits = tf.argmax(probabilities, axis=1) == tf.argmax(targets, axis=1)
            loss_sum += loss
            correct += tf.reduce_sum(tf.cast(hits, tf.int32))
        return loss_sum, correct
