"""Stage `train-moons`: the network from scratch on two moons, the smallest task that needs a hidden layer."""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field
from sklearn.datasets import make_moons
from threadpoolctl import threadpool_limits

from ladder.evaluation.accuracy import Answers, classification_metrics
from ladder.files.errors import run_stage
from ladder.files.metrics import SPLITS, write_metrics
from ladder.files.outputs import write_table
from ladder.files.params import read_params, read_seed
from ladder.files.progress import Progress
from ladder.files.streams import stream
from ladder.scratch.gradient_check import gradient_error
from ladder.scratch.network import init, predict
from ladder.scratch.network_file import write_network
from ladder.scratch.trainer import ScratchTrainer, SgdTraining
from ladder.training.checkpoints import Checkpoint, fingerprint
from ladder.training.loop import train
from ladder.training.training_log import TrainingLog

PLOTS = Path("plots/train_moons")


class Moons(SgdTraining):
    """The `moons` group of params.yaml."""

    points: Annotated[int, Field(ge=20, le=1_000_000)]
    noise: Annotated[float, Field(ge=0, le=10)]


def draw_splits(params: Moons, rng: np.random.Generator) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Points (n, 2) float32 on two interleaved half circles, and which one (n,): 60, 20 and 20 % by split."""
    points, labels = make_moons(params.points, noise=params.noise, random_state=int(rng.integers(2**32)))
    ends = (params.points * 6 // 10, params.points * 8 // 10)
    parts = zip(np.split(points.astype(np.float32), ends), np.split(labels, ends), strict=True)
    return dict(zip(SPLITS, parts, strict=True))


def check_gradient(rng: np.random.Generator) -> float:
    """Relative error of back-propagation on a small network and random examples.

    One significant digit: the rest is rounding, another on every machine.
    """
    network = init((12, 9, 7, 4), rng)
    error = gradient_error(network, rng.standard_normal((16, 12)), rng.integers(0, 4, 16))
    return float(f"{error:.0e}")


def main() -> None:
    params, seed = read_params("moons", Moons), read_seed()
    splits = draw_splits(params, stream(seed, "train-moons/points"))
    network = init((2, *params.layers, 2), stream(seed, "train-moons/weights"))
    trainer = ScratchTrainer(
        network,
        *splits["train"],
        params.learning_rate,
        params.momentum,
        params.batch_size,
        lambda epoch: stream(seed, "train-moons/order", epoch),
        "params.yaml: moons",
    )
    checkpoint = Checkpoint("train-moons", fingerprint(params, seed))
    # Products this small are fastest on one BLAS thread, and then do not depend on the number of cores.
    with threadpool_limits(1, "blas"):
        with Progress("train-moons", params.epochs) as progress:
            log = TrainingLog(progress, params.patience, checkpoint)
            train(trainer, splits["val"], log)
        metrics = {"gradient_relative_error": check_gradient(stream(seed, "train-moons/gradient-check"))}
        for split, (points, labels) in splits.items():
            metrics |= classification_metrics(split, Answers(predict(network, points), labels))

    write_network(Path("models/moons.npz"), network)
    write_table(PLOTS / "curves.csv", log.history)
    points = np.concatenate([points for points, _ in splits.values()])
    columns = {
        "split": [split for split, (_, labels) in splits.items() for _ in labels],
        "x1": points[:, 0],
        "x2": points[:, 1],
        "class": np.concatenate([labels for _, labels in splits.values()]),
    }
    write_table(PLOTS / "points.csv", columns)
    write_metrics("train-moons", metrics)
    checkpoint.discard()


if __name__ == "__main__":
    run_stage(main)
