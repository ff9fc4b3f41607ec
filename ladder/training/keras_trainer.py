"""What every `Trainer` of a Keras model has in common: its state and its weights."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ladder.training.runtime import keras


class KerasTrainer:
    """Holds a model and its optimizer; how an epoch goes, its subclasses say."""

    def __init__(self, model: keras.Model, optimizer: keras.Optimizer) -> None:
        self.model, self.optimizer = model, optimizer
        optimizer.build(model.trainable_variables)

    @property
    def state(self) -> Sequence[Any]:
        return [*self.model.variables, *self.optimizer.variables]

    @property
    def weights(self) -> list[np.ndarray]:
        return self.model.get_weights()

    @weights.setter
    def weights(self, weights: list[np.ndarray]) -> None:
        self.model.set_weights(weights)
