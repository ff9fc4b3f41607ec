"""One update of a Keras model on JAX, spread over every device of every process (data parallelism)."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ladder.processes.processes import Processes, rows_per_device
from ladder.training.prediction import filled_up
from ladder.training.runtime import keras

State = tuple[list[Any], list[Any], list[Any]]  # trainable weights, other variables, optimizer's variables


class JaxTrainingStep:
    """As `batched_epochs.TrainingStep`: each device takes some rows of a batch, their gradients are summed.

    The weights are the same on every device. A batch is filled up with rows that count for nothing, so that
    all are of one size.
    """

    def __init__(
        self, model: keras.Model, optimizer: keras.Optimizer, batch_size: int, processes: Processes
    ) -> None:
        optimizer.build(model.trainable_variables)
        self._model, self._optimizer = model, optimizer
        self._rows = rows_per_device(batch_size, processes.devices) * (processes.devices // processes.count)
        mesh = Mesh(np.array(jax.devices()), ("items",))
        self._by_rows = NamedSharding(mesh, PartitionSpec("items"))
        self._everywhere = NamedSharding(mesh, PartitionSpec())
        self._state: State | None = None
        self._update = jax.jit(self._updated, donate_argnums=0)

    def __call__(self, inputs: np.ndarray, targets: np.ndarray, items: int) -> tuple[float, float]:
        """Update on this process's rows of a batch of `items`: loss and accuracy of all before that."""
        if self._state is None:
            self._state = jax.tree.map(self._copy_everywhere, self._variables())
        rows = (
            jax.make_array_from_process_local_data(self._by_rows, filled_up(array, self._rows))
            for array in (inputs, targets)
        )
        self._state, figures = self._update(self._state, *rows, np.float32(items))
        loss, accuracy = np.asarray(figures)
        return float(loss), float(accuracy)

    def finish(self) -> None:
        """Give the model and the optimizer what the updates since the last time have made of them."""
        if self._state is not None:
            jax.tree.map(
                lambda variable, value: variable.assign(np.asarray(value)), self._variables(), self._state
            )
        self._state = None

    def _variables(self) -> State:
        model = self._model
        return model.trainable_variables, model.non_trainable_variables, self._optimizer.variables

    def _copy_everywhere(self, variable: keras.Variable) -> jax.Array:
        return jax.device_put(np.array(variable), self._everywhere)

    def _updated(
        self, state: State, inputs: jax.Array, targets: jax.Array, items: jax.Array
    ) -> tuple[State, jax.Array]:
        weights, others, slots = state

        def loss_of(weights: list[jax.Array]) -> tuple[jax.Array, tuple[jax.Array, list[jax.Array]]]:
            probabilities, moved = self._model.stateless_call(weights, others, inputs, training=True)
            losses = keras.losses.categorical_crossentropy(targets, probabilities)  # 0 without a target
            hits = (probabilities.argmax(axis=1) == targets.argmax(axis=1)) & targets.any(axis=1)
            return losses.sum() / items, (hits.sum() / items, moved)

        (loss, (accuracy, others)), found = jax.value_and_grad(loss_of, has_aux=True)(weights)
        weights, slots = self._optimizer.stateless_apply(slots, found, weights)
        return (weights, others, slots), jnp.stack([loss, accuracy])
