"""The course of a training: a history for the curves, and which epoch's weights are kept."""

from typing import Any

import numpy as np

from stages.core.evaluation import mean_cross_entropy
from stages.core.progress import Progress

COLUMNS = ("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy")


class TrainingLog:
    """Keeps the weights of the epoch that is best on validation; the test split has no say.

    Better is a higher validation accuracy, or the same with a lower validation loss.

    Attributes
    ----------
    history : columns `epoch`, `train_loss`, `train_accuracy`, `val_loss`, `val_accuracy`.
    kept_epoch : number of the best epoch so far, counted from 1.
    kept_weights : what was recorded with it.
    """

    def __init__(self, progress: Progress, patience: int) -> None:
        self.history: dict[str, list[float]] = {name: [] for name in COLUMNS}
        self.kept_epoch = 0
        self.kept_weights: Any = None
        self._progress, self._patience = progress, patience
        self._best = (-1.0, 0.0)

    def record(
        self,
        train: tuple[float, float],
        val_probabilities: np.ndarray,
        val_labels: np.ndarray,
        weights: Any,
    ) -> bool:
        """Add an epoch; True while training should go on.

        Parameters
        ----------
        train : loss and accuracy on the training split: the means over the epoch, each batch measured before
            its update; the accuracy of the NumPy networks is measured after the epoch.
        val_probabilities, val_labels : [items, classes] and [items] of the validation split.
        weights : the model's weights after this epoch, a copy.
        """
        epoch = len(self.history["epoch"]) + 1
        val_loss = mean_cross_entropy(val_probabilities, val_labels)
        val_accuracy = float((val_probabilities.argmax(axis=1) == val_labels).mean())
        for name, value in zip(COLUMNS, (epoch, *train, val_loss, val_accuracy), strict=True):
            self.history[name].append(value)
        if (val_accuracy, -val_loss) > self._best:
            self._best = (val_accuracy, -val_loss)
            self.kept_epoch, self.kept_weights = epoch, weights
        self._progress.advance(loss=train[0], accuracy=train[1], val_loss=val_loss, val_accuracy=val_accuracy)
        return epoch - self.kept_epoch < self._patience
