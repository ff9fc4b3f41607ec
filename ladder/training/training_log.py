"""The course of a training: a history for the curves, which epoch's weights are kept, and where to go on."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ladder.evaluation.accuracy import mean_cross_entropy
from ladder.files.progress import Progress
from ladder.training.checkpoints import Checkpoint, set_variables, variable_arrays

COLUMNS = ("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy")


class TrainingLog:
    """Keeps the weights of the epoch that is best on validation; the test split has no say.

    Better is a higher validation accuracy, or the same with a lower validation loss.

    Parameters
    ----------
    progress : counts the epochs; its total is their number.
    patience : epochs without a better one before training stops.
    checkpoint : where a training that was cut off goes on.

    Attributes
    ----------
    history : columns `epoch`, `train_loss`, `train_accuracy`, `val_loss`, `val_accuracy`.
    kept_epoch : number of the best epoch so far, counted from 1.
    kept_weights : what was recorded with it: arrays.
    """

    def __init__(self, progress: Progress, patience: int, checkpoint: Checkpoint) -> None:
        self.history: dict[str, list[float]] = {name: [] for name in COLUMNS}
        self.kept_epoch = 0
        self.kept_weights: list[np.ndarray] = []
        self._progress, self._patience, self._checkpoint = progress, patience, checkpoint
        self._variables: Sequence[Any] = []

    @property
    def next_epoch(self) -> int:
        """The number of the epoch to train next, counted from 1."""
        return len(self.history["epoch"]) + 1

    def resume(self, variables: Sequence[Any]) -> None:
        """Set `variables`, and this log, to where the checkpoint says that training was cut off, if it was.

        Parameters
        ----------
        variables : all that the next epoch depends on beside the epoch's number: weights, the optimizer's
            state, random states; arrays or Keras variables.
        """
        self._variables = variables
        saved = self._checkpoint.load()
        if saved is None:
            return
        set_variables(variables, saved)
        self.history = {name: saved[name].tolist() for name in COLUMNS}
        self.kept_epoch = int(saved["kept_epoch"])
        kept = sum(name.startswith("kept_weights_") for name in saved)
        self.kept_weights = [saved[f"kept_weights_{number}"] for number in range(kept)]
        print(f"{self._progress.title}: goes on after epoch {self.next_epoch - 1}", flush=True)
        self._progress.advance(self.next_epoch - 1)

    def epochs(self) -> Iterator[int]:
        """Numbers of the epochs to train, for as long as patience lasts; each must be recorded."""
        while (
            epoch := self.next_epoch
        ) <= self._progress.total and epoch - 1 - self.kept_epoch < self._patience:
            yield epoch
            self._checkpoint.save_if_due(self._state)

    def record(
        self,
        train: tuple[float, float],
        val_probabilities: np.ndarray,
        val_labels: np.ndarray,
        weights: list[np.ndarray],
    ) -> None:
        """Add an epoch.

        Parameters
        ----------
        train : loss and accuracy on the training split: the means over the epoch, each batch measured before
            its update.
        val_probabilities, val_labels : [items, classes] and [items] of the validation split.
        weights : the model's weights after this epoch, copies.
        """
        epoch, history = self.next_epoch, self.history
        val_loss = mean_cross_entropy(val_probabilities, val_labels)
        val_accuracy = float((val_probabilities.argmax(axis=1) == val_labels).mean())
        best = self.kept_epoch - 1
        if not self.kept_epoch or (val_accuracy, -val_loss) > (
            history["val_accuracy"][best],
            -history["val_loss"][best],
        ):
            self.kept_epoch, self.kept_weights = epoch, weights
        for name, value in zip(COLUMNS, (epoch, *train, val_loss, val_accuracy), strict=True):
            history[name].append(value)
        self._progress.advance(loss=train[0], accuracy=train[1], val_loss=val_loss, val_accuracy=val_accuracy)

    def _state(self) -> dict[str, np.ndarray]:
        state = variable_arrays(self._variables)
        state |= {f"kept_weights_{number}": array for number, array in enumerate(self.kept_weights)}
        state |= {name: np.array(values) for name, values in self.history.items()}
        return state | {"kept_epoch": np.array(self.kept_epoch)}
