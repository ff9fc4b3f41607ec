"""The one training loop, for every model that learns over epochs: from scratch, in Keras, small or large."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from ladder.training.training_log import TrainingLog

Order = Callable[[int], np.random.Generator]  # epoch → the stream that its items' order is drawn from


class Trainer(Protocol):
    """A model and how one epoch of its training goes."""

    @property
    def state(self) -> Sequence[Any]:
        """All that the next epoch depends on beside its number: weights, optimizer state, random states.

        Arrays or Keras variables; a training that was cut off sets them and goes on.
        """

    @property
    def weights(self) -> list[np.ndarray]:
        """The model's weights, copies. Assigned to, they are the model's from then on."""

    @weights.setter
    def weights(self, weights: list[np.ndarray]) -> None: ...

    def run_epoch(self, epoch: int) -> tuple[float, float]:
        """Train one epoch, counted from 1: its training loss and accuracy."""

    def validate(self, inputs: Any) -> tuple[np.ndarray, list[np.ndarray]]:
        """Probabilities [items, classes] for `inputs`, and copies of the weights that gave them."""


def train(trainer: Trainer, val: tuple[Any, np.ndarray], log: TrainingLog) -> None:
    """Train for as long as `log` says so; the model ends with the weights that the log kept.

    Parameters
    ----------
    val : inputs and class indices [items] of the validation split.
    """
    inputs, labels = val
    log.resume(trainer.state)
    for epoch in log.epochs():
        figures = trainer.run_epoch(epoch)
        probabilities, weights = trainer.validate(inputs)
        log.record(figures, probabilities, labels, weights)
    trainer.weights = log.kept_weights
