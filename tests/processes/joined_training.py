"""A small training that the processes of a launcher share; the tests run it as a program.

It reads params.yaml and the environment: DATA_SEED, SECONDS_PER_BATCH. Each process writes what it ended
with, to compare.
"""

import json
import os
import time
from pathlib import Path

import numpy as np

from ladder.digits.networks import build_dense
from ladder.files.errors import run_command
from ladder.files.outputs import write_arrays
from ladder.files.params import read_params, read_seed
from ladder.files.progress import Progress
from ladder.processes.processes import Processes, join_processes
from ladder.training.batched_epochs import Batch, BatchedEpochs
from ladder.training.loop import train
from ladder.training.optimizers import build_adam
from ladder.training.prediction import predict
from ladder.training.runtime import Runtime, keras
from ladder.training.training_log import TrainingLog

ITEMS, INPUTS, CLASSES, BATCH_SIZE = 50, 6, 3, 16  # the last batch has 2 items
EPOCHS = 3


def main() -> None:
    distribution, seed = read_params("runtime", Runtime).distribution, read_seed()
    with join_processes(distribution) as processes:
        learn(seed, processes)


def learn(seed: int, processes: Processes) -> None:
    keras.utils.set_random_seed(seed)
    x = np.random.default_rng(int(os.environ.get("DATA_SEED", "0"))).random((ITEMS, INPUTS), np.float32)
    labels = x[:, :CLASSES].argmax(axis=1)
    targets = np.eye(CLASSES, dtype=np.float32)[labels]
    pause = float(os.environ.get("SECONDS_PER_BATCH", "0"))
    model = build_dense([16, 16], "relu", classes=CLASSES, inputs=INPUTS, dropout=0.3)
    part = processes.part(BATCH_SIZE)

    def make_batch(numbers: np.ndarray, epoch: int, step: int) -> Batch:
        time.sleep(pause)
        return x[numbers[part]], targets[numbers[part]]

    processes.agree({"data": x.tolist()})
    checkpoint = processes.checkpoint("joined-training", "00")
    with Progress("joined-training", EPOCHS, bar=processes.first) as progress:
        log, val = TrainingLog(progress, EPOCHS, checkpoint), (x, labels)
        adam = build_adam(0.01, "cosine", ITEMS, BATCH_SIZE, EPOCHS)

        def order(epoch: int) -> np.random.Generator:
            return np.random.default_rng([1, epoch])

        train(BatchedEpochs(model, adam, make_batch, ITEMS, BATCH_SIZE, order, processes), val, log)
    answers = predict(model, x, 7, processes)
    ended = {f"weights_{number}": weights for number, weights in enumerate(model.get_weights())}
    write_arrays(f"ended-{processes.index}.npz", ended | {"answers": answers})
    if processes.first:
        Path("history.json").write_text(json.dumps(log.history), "utf-8")
    checkpoint.discard()


if __name__ == "__main__":
    run_command(main)
