"""Stage `train-mlp`: the network from scratch learns the digits, and the same network in Keras beside it."""

from itertools import repeat
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from ladder.digits.images import CLASS_NAMES, DIGITS_FILE, Images, load_digits_splits
from ladder.digits.networks import build_dense
from ladder.evaluation.accuracy import Answers
from ladder.evaluation.report import write_classifier_report
from ladder.files.errors import run_stage
from ladder.files.metrics import Metrics, write_metrics
from ladder.files.params import read_params, read_seed
from ladder.files.progress import Progress
from ladder.files.streams import stream
from ladder.scratch.network import init, predict
from ladder.scratch.network_file import write_network
from ladder.scratch.trainer import ScratchTrainer, SgdTraining
from ladder.training.checkpoints import Checkpoint, fingerprint
from ladder.training.keras_archive import save_keras
from ladder.training.loop import Order, train
from ladder.training.runtime import keras, start_keras
from ladder.training.training_log import TrainingLog
from ladder.training.whole_epochs import WholeEpochs

PLOTS = Path("plots/train_mlp")


class Mlp(SgdTraining):
    """The `mlp` group of params.yaml."""


def report(part: str, splits: dict[str, Images], log: TrainingLog, answers: dict[str, Answers]) -> Metrics:
    """Write the plot data of "numpy" or "keras"; its metrics, with the part before each name."""
    items = range(len(splits["test"].labels))
    metrics = write_classifier_report(PLOTS / part, CLASS_NAMES, items, log.history, log.kept_epoch, answers)
    return {f"{part}_{name}": value for name, value in metrics.items()}


def learn_from_scratch(
    params: Mlp, seed: int, splits: dict[str, Images], order: Order, checkpoint: Checkpoint
) -> Metrics:
    """784 → layers → 10 in NumPy."""
    network = init((784, *params.layers, 10), stream(seed, "train-mlp/weights"))
    learnt, val = splits["train"], splits["val"]
    rates = params.learning_rate, params.momentum
    trainer = ScratchTrainer(
        network, learnt.pixels(), learnt.labels, *rates, params.batch_size, order, "params.yaml: mlp"
    )
    with Progress("train-mlp, NumPy", params.epochs) as progress:
        log = TrainingLog(progress, params.patience, checkpoint)
        train(trainer, (val.pixels(), val.labels), log)
    write_network(Path("models/mlp_numpy.npz"), network)
    answers = {split: Answers(predict(network, part.pixels()), part.labels) for split, part in splits.items()}
    return report("numpy", splits, log, answers)


def learn_in_keras(params: Mlp, splits: dict[str, Images], order: Order, checkpoint: Checkpoint) -> Metrics:
    """The same network, optimizer and batches in Keras; only the initial weights differ."""
    model = build_dense(params.layers, "sigmoid")
    optimizer = keras.optimizers.SGD(params.learning_rate, params.momentum)
    pixels, val = splits["train"].pixels(), splits["val"]
    trainer = WholeEpochs(
        model, optimizer, lambda first: repeat(pixels), splits["train"].labels, params.batch_size, order
    )
    with Progress("train-mlp, Keras", params.epochs) as progress:
        log = TrainingLog(progress, params.patience, checkpoint)
        train(trainer, (val.pixels(), val.labels), log)
    save_keras(model, "models/mlp_keras.keras")
    answers = {split: Answers(trainer.predict(part.pixels()), part.labels) for split, part in splits.items()}
    return report("keras", splits, log, answers)


def main() -> None:
    params, seed = read_params("mlp", Mlp), read_seed()
    start_keras(seed)
    splits = load_digits_splits()
    key = fingerprint(params, seed, DIGITS_FILE)
    checkpoints = [Checkpoint(f"train-mlp-{part}", key) for part in ("numpy", "keras")]

    def order(epoch: int) -> np.random.Generator:
        return stream(seed, "train-mlp/order", epoch)

    # Products this small are fastest on one BLAS thread, and then do not depend on the number of cores.
    with threadpool_limits(1, "blas"):
        metrics = learn_from_scratch(params, seed, splits, order, checkpoints[0])
    metrics |= learn_in_keras(params, splits, order, checkpoints[1])
    write_metrics("train-mlp", metrics)
    for checkpoint in checkpoints:
        checkpoint.discard()


if __name__ == "__main__":
    run_stage(main)
