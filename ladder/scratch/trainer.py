"""Train the network from scratch: the `Trainer` that the training loop asks for."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ladder.files.errors import InputError
from ladder.files.params import Count, Group, LayerSizes, LearningRate, Momentum
from ladder.scratch.network import Network, at_rest, forward, gradient, loss, predict, sgd
from ladder.training.loop import Order


class SgdTraining(Group):
    """What params.yaml says of a network that learns by SGD with momentum until it stops improving."""

    layers: LayerSizes
    learning_rate: LearningRate
    momentum: Momentum
    epochs: Count
    batch_size: Count
    patience: Count


def arrays_of(*networks: Network) -> list[np.ndarray]:
    """Weights and bias of each layer, one after another; not copies."""
    return [array for network in networks for layer in network for array in layer]


class ScratchTrainer:
    """A `Trainer` by the cross-entropy and SGD with momentum.

    Parameters
    ----------
    network : where to start; these arrays are the trainer's from now on, and it writes to them.
    x, labels : training items, (n, inputs) in the network's type, and class indices (n,).
    rate, momentum : of SGD.
    batch_size : the last batch of an epoch is smaller where this does not divide n.
    order : of the items in an epoch.
    where : the learning rate is set, for the error message.
    """

    def __init__(
        self,
        network: Network,
        x: np.ndarray,
        labels: np.ndarray,
        rate: float,
        momentum: float,
        batch_size: int,
        order: Order,
        where: str,
    ) -> None:
        self.network, self._velocity = network, at_rest(network)
        self._x, self._labels = x, labels
        self._rate, self._momentum, self._batch_size = rate, momentum, batch_size
        self._order, self._where = order, where

    @property
    def state(self) -> Sequence[Any]:
        return arrays_of(self.network, self._velocity)

    @property
    def weights(self) -> list[np.ndarray]:
        return [array.copy() for array in arrays_of(self.network)]

    @weights.setter
    def weights(self, weights: list[np.ndarray]) -> None:
        for own, new in zip(arrays_of(self.network), weights, strict=True):
            own[...] = new

    # No warning where numbers overflow: the end of the epoch, or the log of the validation, raises an error.
    @np.errstate(over="ignore", invalid="ignore")
    def run_epoch(self, epoch: int) -> tuple[float, float]:
        """Mean loss and accuracy over the epoch's items, each batch measured just before its update.

        Raises
        ------
        InputError
            The loss or a parameter is no longer a finite number.
        """
        network, velocity = self.network, self._velocity
        order = self._order(epoch).permutation(len(self._x))
        loss_sum, correct = 0.0, 0
        for start in range(0, len(order), self._batch_size):
            items = order[start : start + self._batch_size]
            network, velocity, mean, hits = self._step(network, velocity, items)
            loss_sum += mean * len(items)
            correct += hits
        for own, new in zip(self.state, arrays_of(network, velocity), strict=True):
            own[...] = new  # in place: a checkpoint knows these arrays
        if not (np.isfinite(loss_sum) and all(np.isfinite(array).all() for array in self.state)):
            raise InputError(f"{self._where}: training diverged in epoch {epoch}: lower the learning_rate")
        return loss_sum / len(order), correct / len(order)

    def _step(
        self, network: Network, velocity: Network, items: np.ndarray
    ) -> tuple[Network, Network, float, int]:
        """Network and velocity after one batch of item numbers; its mean loss and correct answers before."""
        labels = self._labels[items]
        activations = forward(network, self._x[items])
        correct = int((activations[-1].argmax(axis=1) == labels).sum())
        slope = gradient(network, activations, labels)
        return (
            *sgd(network, velocity, slope, self._rate, self._momentum),
            loss(activations[-1], labels),
            correct,
        )

    @np.errstate(over="ignore", invalid="ignore")
    def validate(self, inputs: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        return predict(self.network, inputs), self.weights
