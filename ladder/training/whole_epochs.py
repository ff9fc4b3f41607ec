"""Train a Keras model on data in memory, one compiled call per epoch.

`Model.fit` returns to Python after every batch; for small networks that costs several times the arithmetic.
Here XLA compiles the whole epoch, the loop over its batches included.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ladder.training.keras_trainer import KerasTrainer
from ladder.training.loop import Order
from ladder.training.runtime import keras, tf

PREDICTION_BATCH = 4096


class WholeEpochs(KerasTrainer):
    """A `Trainer` of a Keras model by the categorical cross-entropy.

    Parameters
    ----------
    model : ends in a softmax; its weights are updated in place.
    optimizer : any Keras optimizer; its state lasts from epoch to epoch.
    inputs_from : epoch → per epoch from that one on, the inputs [items, inputs] of all training items. An
        array must not change once it was given; a new one may take its place.
    labels : [items], class indices.
    order : of the items in an epoch.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.Optimizer,
        inputs_from: Callable[[int], Iterator[np.ndarray]],
        labels: np.ndarray,
        batch_size: int,
        order: Order,
    ) -> None:
        super().__init__(model, optimizer)
        self._inputs_from, self._batch_size, self._order = inputs_from, batch_size, order
        self._epochs: Iterator[np.ndarray] | None = None
        self._targets = tf.constant(keras.utils.to_categorical(labels, model.output_shape[-1]), tf.float32)
        # The last epoch's inputs: where they stay the same, TensorFlow's copy of them is made just once.
        self._inputs: np.ndarray | None = None
        self._input_tensor: tf.Tensor | None = None
        self._run_batches = tf.function(self._batches, jit_compile=True)
        self._predict = tf.function(lambda x: model(x, training=False), reduce_retracing=True)

    def run_epoch(self, epoch: int) -> tuple[float, float]:
        """Mean loss and accuracy over the epoch's batches, each measured just before its update."""
        if self._epochs is None:
            self._epochs = self._inputs_from(epoch)
        x = next(self._epochs)
        if x is not self._inputs:
            self._inputs, self._input_tensor = x, tf.convert_to_tensor(x, tf.float32)
        order, size = self._order(epoch).permutation(len(x)), self._batch_size
        whole = len(order) // size * size
        loss_sum, correct = 0.0, 0
        for part, items in ((order[:whole], size), (order[whole:], len(order) - whole)):
            if len(part):
                batches = tf.convert_to_tensor(part.reshape(-1, items), tf.int32)
                part_loss, part_correct = self._run_batches(self._input_tensor, self._targets, batches)
                loss_sum += float(part_loss) * items
                correct += int(part_correct)
        return loss_sum / len(order), correct / len(order)

    def validate(self, inputs: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        return self.predict(inputs), self.weights

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Probabilities [items, classes] for `x` [items, inputs]."""
        starts = range(0, len(x), PREDICTION_BATCH)
        return np.concatenate(
            [self._predict(tf.constant(x[i : i + PREDICTION_BATCH])).numpy() for i in starts]
        )

    def _batches(self, x: tf.Tensor, y: tf.Tensor, batches: tf.Tensor) -> tuple[Any, Any]:
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
