"""Train a Keras model on batches that are made while it computes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from ladder.files.memory_maps import Rows
from ladder.processes.processes import ALONE, Processes
from ladder.training.keras_trainer import KerasTrainer
from ladder.training.loop import Order
from ladder.training.prediction import filled_up, predict
from ladder.training.runtime import keras, tf

if TYPE_CHECKING:
    from ladder.processes.jax_step import JaxTrainingStep

Batch = tuple[np.ndarray, np.ndarray]
MakeBatch = Callable[[np.ndarray, int, int], Batch]


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
    from ladder.processes.jax_step import JaxTrainingStep  # JAX is an extra

    return JaxTrainingStep(model, optimizer, batch_size, processes)


class BatchedEpochs(KerasTrainer):
    """A `Trainer` of a Keras model by the categorical cross-entropy.

    Parameters
    ----------
    model : ends in a softmax; its trainable weights are those that learn.
    make_batch : (item numbers, epoch, step) → inputs and one-hot targets, of several processes just this
        one's part of them; runs beside the training step.
    items : number of training items.
    order : of the items in an epoch.
    processes : those that train the model together.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.Optimizer,
        make_batch: MakeBatch,
        items: int,
        batch_size: int,
        order: Order,
        processes: Processes = ALONE,
    ) -> None:
        super().__init__(model, optimizer)
        self.make_batch, self.items, self._batch_size, self._order = make_batch, items, batch_size, order
        self._processes = processes
        self._update = _training_step(model, optimizer, batch_size, processes)

    def run_epoch(self, epoch: int) -> tuple[float, float]:
        """Mean loss and accuracy over the epoch's items, each batch measured just before its update."""
        order = self._order(epoch).permutation(self.items)
        parts = [order[start : start + self._batch_size] for start in range(0, len(order), self._batch_size)]
        sums = np.zeros(2)
        with ThreadPoolExecutor(1) as worker:
            upcoming = worker.submit(self.make_batch, parts[0], epoch, 0)
            for step, part in enumerate(parts):
                inputs, targets = upcoming.result()
                if step + 1 < len(parts):
                    upcoming = worker.submit(self.make_batch, parts[step + 1], epoch, step + 1)
                sums += np.multiply(self._update(inputs, targets, len(part)), len(part))
        self._update.finish()
        loss, accuracy = sums / self.items
        return float(loss), float(accuracy)

    def validate(self, inputs: Rows) -> tuple[np.ndarray, list[np.ndarray]]:
        """Probabilities for `inputs`, as `predict` takes them, and the weights that gave them."""
        return predict(self.model, inputs, self._batch_size, self._processes), self.weights
