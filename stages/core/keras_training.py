"""Train a compiled Keras model on batches that are made while it computes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from stages.core.runtime import keras
from stages.core.training_log import TrainingLog

LEARNING_RATE_FACTOR = 0.2

Batch = tuple[np.ndarray, np.ndarray]


def train(
    model: keras.Model,
    make_batch: Callable[[np.ndarray, int, int], Batch],
    items: int,
    val: Batch,
    epochs: int,
    batch_size: int,
    seed: list[int],
    log: TrainingLog,
    schedule_patience: int | None = None,
) -> None:
    """Train for as long as `log` says so; the model ends with the weights that the log kept.

    Parameters
    ----------
    model : compiled with the metric accuracy alone; ends in a softmax.
    make_batch : (item numbers, epoch, step) → inputs and one-hot targets; runs beside the training step.
    items : number of training items; their order in epoch e is a function of (*seed, e).
    val : inputs, as `predict` takes them, and class indices of the validation split.
    schedule_patience : after this many epochs in a row without a lower validation loss the learning rate
        is multiplied by 0.2; None: it stays.
    """
    lowest_loss, epochs_since = np.inf, 0
    with ThreadPoolExecutor(1) as worker:
        for epoch in range(1, epochs + 1):
            order = np.random.default_rng([*seed, epoch]).permutation(items)
            parts = [order[start : start + batch_size] for start in range(0, items, batch_size)]
            upcoming = worker.submit(make_batch, parts[0], epoch, 0)
            sums = np.zeros(2)
            for step in range(len(parts)):
                inputs, targets = upcoming.result()
                if step + 1 < len(parts):
                    upcoming = worker.submit(make_batch, parts[step + 1], epoch, step + 1)
                sums += np.multiply(model.train_on_batch(inputs, targets), len(targets))
            loss, accuracy = sums / items
            if not log.record(
                (loss, accuracy), predict(model, val[0], batch_size), val[1], model.get_weights()
            ):
                break
            val_loss = log.history["val_loss"][-1]
            epochs_since = 0 if val_loss < lowest_loss else epochs_since + 1
            lowest_loss = min(lowest_loss, val_loss)
            if epochs_since == schedule_patience:
                model.optimizer.learning_rate = float(model.optimizer.learning_rate) * LEARNING_RATE_FACTOR
                epochs_since = 0
    model.set_weights(log.kept_weights)


def predict(model: keras.Model, inputs: np.ndarray, batch_size: int) -> np.ndarray:
    """The model's outputs for `inputs` [n, …], an array of any number type or what can be sliced like one.

    A batch at a time is read and made float32.
    """
    starts = range(0, len(inputs), batch_size)
    batches = (np.asarray(inputs[i : i + batch_size], np.float32) for i in starts)
    return np.concatenate([model.predict_on_batch(batch) for batch in batches])
