"""Run a Keras model on many inputs, a batch at a time."""

import numpy as np

from ladder.files.memory_maps import Rows
from ladder.processes.processes import ALONE, Processes
from ladder.training.runtime import keras


def predict(model: keras.Model, inputs: Rows, batch_size: int, processes: Processes = ALONE) -> np.ndarray:
    """The model's outputs for `inputs` [n, …], an array of any number type or what can be sliced like one.

    A batch at a time is read; `processes` take turns.
    """

    def outputs(start: int) -> dict[str, np.ndarray]:
        batch = np.asarray(inputs[start : start + batch_size], np.float32)
        return {"outputs": predict_batch(model, batch, batch_size)}

    found = processes.in_turn(range(0, len(inputs), batch_size), outputs)
    return np.concatenate([part["outputs"] for part in found])


def predict_batch(model: keras.Model, inputs: np.ndarray, batch_size: int) -> np.ndarray:
    """The model's outputs for `inputs` [n, …], at most `batch_size` of them.

    For a model that XLA compiles a smaller batch is filled up: one of another size would be compiled anew.
    """
    rows = batch_size if model.jit_compile else len(inputs)
    return np.asarray(model.predict_on_batch(filled_up(inputs, rows)))[: len(inputs)]


def filled_up(rows: np.ndarray, count: int) -> np.ndarray:
    """`rows` [n, …] in float32, with zeros after them: [count, …]."""
    if len(rows) == count:
        return np.asarray(rows, np.float32)
    whole = np.zeros((count, *rows.shape[1:]), np.float32)
    whole[: len(rows)] = rows
    return whole
