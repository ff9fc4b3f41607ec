"""Stage `train-mlp`: a network written from scratch in NumPy, on two moons and on digits; Keras beside it."""

from itertools import repeat
from pathlib import Path
from typing import Annotated

import numpy as np
from ladder.training.compiled_epochs import CompiledEpochs
from pydantic import Field
from sklearn.datasets import make_moons
from threadpoolctl import threadpool_limits

from ladder.digits.images import CLASS_NAMES, DIGITS_FILE, SPLITS, Images, load_digits_splits
from ladder.digits.networks import build_dense
from ladder.evaluation.accuracy import Answers, classification_metrics
from ladder.evaluation.report import Subject, write_classifier_report
from ladder.figures import style as figures
from ladder.files.errors import InputError, run_stage
from ladder.files.metrics import write_metrics
from ladder.files.outputs import write_arrays
from ladder.files.params import Count, Group, LayerSizes, LearningRate, read_params
from ladder.files.progress import Progress
from ladder.scratch.dense_network import DenseNetwork, train_epoch
from ladder.scratch.gradient_check import gradient_check
from ladder.scratch.numpy_layers import ACTIVATIONS, LOSSES
from ladder.scratch.numpy_optimizers import SGD
from ladder.training.checkpoints import Checkpoint, fingerprint
from ladder.training.keras_archive import save_keras
from ladder.training.runtime import keras, start_keras
from ladder.training.training_log import TrainingLog

PLOTS = Path("plots/train_mlp")


class Mlp(Group):
    """The `mlp` group of params.yaml."""

    moons: Annotated[int, Field(ge=20, le=1_000_000)]
    moons_noise: Annotated[float, Field(ge=0, le=10)]
    moons_layers: LayerSizes
    moons_learning_rate: LearningRate
    moons_epochs: Count
    layers: LayerSizes
    learning_rate: LearningRate
    momentum: Annotated[float, Field(ge=0, lt=1)]
    epochs: Count
    batch_size: Count
    patience: Count


Examples = tuple[np.ndarray, np.ndarray]


def train_numpy(
    title: str,
    network: DenseNetwork,
    optimizer: SGD,
    train: Examples,
    val: Examples,
    params: Mlp,
    epochs: int,
    seed: list[int],
    checkpoint: Checkpoint,
) -> TrainingLog:
    """Train with back-propagation; the network ends with the weights of the epoch best on validation."""
    with Progress(title, epochs) as progress:
        log = TrainingLog(progress, params.patience, checkpoint)
        log.resume([network.parameters, optimizer.velocity])
        for epoch in log.epochs():
            optimizer.steps = (epoch - 1) * -(-len(train[0]) // params.batch_size)
            rng = np.random.default_rng([*seed, epoch])
            try:
                loss = train_epoch(network, optimizer, *train, params.batch_size, rng, epoch)
            except InputError as error:
                raise InputError(f"params.yaml: mlp: {title}: {error}") from None
            accuracy = float((network.predict_proba(train[0]).argmax(axis=1) == train[1]).mean())
            weights = [network.parameters.copy()]
            log.record((loss, accuracy), network.predict_proba(val[0]), val[1], weights)
    network.parameters[:] = log.kept_weights[0]
    return log


def learn_moons(params: Mlp, seed: int, checkpoint: Checkpoint) -> dict[str, float]:
    """Two interleaved half circles: the smallest problem that needs a hidden layer."""
    points, labels = make_moons(params.moons, noise=params.moons_noise, random_state=seed)
    ends = (params.moons * 6 // 10, params.moons * 8 // 10)
    parts = zip(np.split(points.astype(np.float32), ends), np.split(labels, ends), strict=True)
    splits = dict(zip(SPLITS, parts, strict=True))

    rng = np.random.default_rng([seed, 5])
    network = DenseNetwork((2, *params.moons_layers, 2), "sigmoid", "cross_entropy", rng)
    optimizer = SGD(network.parameters, params.moons_learning_rate, params.momentum)
    title, epochs = "train-mlp, two moons", params.moons_epochs
    train, val = splits["train"], splits["val"]
    train_numpy(title, network, optimizer, train, val, params, epochs, [seed, 6], checkpoint)

    x, y = (np.linspace(values.min() - 0.5, values.max() + 0.5, 200) for values in points.T)
    plane = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float32)
    probability = network.predict_proba(plane)[:, 1].reshape(len(y), len(x))
    figure = figures.decision_boundary(x, y, probability, *splits["test"])
    figures.write_figure(PLOTS / "moons.png", figure)
    metrics: dict[str, float] = {}
    for split, (inputs, targets) in splits.items():
        metrics |= classification_metrics(split, Answers(network.predict_proba(inputs), targets))
    return {f"moons_{name}": value for name, value in metrics.items()}


def learn_digits_numpy(
    params: Mlp, seed: int, splits: dict[str, Images], checkpoint: Checkpoint
) -> dict[str, float]:
    """784 → layers → 10 with sigmoid, softmax, cross-entropy and SGD, in NumPy."""
    rng = np.random.default_rng([seed, 7])
    network = DenseNetwork((784, *params.layers, 10), "sigmoid", "cross_entropy", rng)
    optimizer = SGD(network.parameters, params.learning_rate, params.momentum)
    train, val = ((part.pixels(), part.labels) for part in (splits["train"], splits["val"]))
    title, epochs = "train-mlp, NumPy", params.epochs
    log = train_numpy(title, network, optimizer, train, val, params, epochs, [seed, 8], checkpoint)
    arrays = {f"weights_{n}": weight for n, weight in enumerate(network.weights, start=1)}
    arrays |= {f"biases_{n}": bias for n, bias in enumerate(network.biases, start=1)}
    write_arrays("models/mlp_numpy.npz", arrays)
    metrics = write_classifier_report(
        PLOTS / "numpy",
        "Network from scratch (NumPy)",
        Subject(CLASS_NAMES, range(len(splits["test"].labels)), splits["test"].images),
        log.history,
        log.kept_epoch,
        {split: Answers(network.predict_proba(part.pixels()), part.labels) for split, part in splits.items()},
    )
    return {f"numpy_{name}": value for name, value in metrics.items()}


def learn_digits_keras(
    params: Mlp, seed: int, splits: dict[str, Images], checkpoint: Checkpoint
) -> dict[str, float]:
    """The same network, optimizer and batches in Keras; only the initial weights differ."""
    train, val = splits["train"], splits["val"]
    model = build_dense(params.layers, "sigmoid")
    trainer = CompiledEpochs(model, keras.optimizers.SGD(params.learning_rate, params.momentum))
    pixels, examples = train.pixels(), (val.pixels(), val.labels)
    with Progress("train-mlp, Keras", params.epochs) as progress:
        log = TrainingLog(progress, params.patience, checkpoint)
        trainer.fit(lambda epoch: repeat(pixels), train.labels, examples, params.batch_size, [seed, 8], log)
    save_keras(model, "models/mlp_keras.keras")
    metrics = write_classifier_report(
        PLOTS / "keras",
        "The same network in Keras",
        Subject(CLASS_NAMES, range(len(splits["test"].labels)), splits["test"].images),
        log.history,
        log.kept_epoch,
        {split: Answers(trainer.predict(part.pixels()), part.labels) for split, part in splits.items()},
    )
    return {f"keras_{name}": value for name, value in metrics.items()}


def worst_gradient_error(seed: int) -> float:
    """Largest relative error of back-propagation against central differences, every activation and loss."""
    errors = []
    for number, (activation, loss) in enumerate((a, b) for a in ACTIVATIONS for b in LOSSES):
        rng = np.random.default_rng([seed, 9, number])
        network = DenseNetwork((12, 9, 7, 4), activation, loss, rng, np.float64)
        x, labels = rng.standard_normal((16, 12)), rng.integers(0, 4, 16)
        errors.append(gradient_check(network, x, labels, rng))
    return max(errors)


def main() -> None:
    params, seed = read_params("mlp", Mlp), start_keras()
    splits = load_digits_splits()
    key = fingerprint(params, seed, DIGITS_FILE)
    checkpoints = [Checkpoint(f"train-mlp-{name}", key) for name in ("moons", "numpy", "keras")]
    # One significant digit: the rest is rounding, another on every machine.
    metrics = {"gradient_relative_error": float(f"{worst_gradient_error(seed):.0e}")}
    # Products this small are fastest on one BLAS thread, and then do not depend on the number of cores.
    with threadpool_limits(1, "blas"):
        metrics |= learn_moons(params, seed, checkpoints[0])
        metrics |= learn_digits_numpy(params, seed, splits, checkpoints[1])
    metrics |= learn_digits_keras(params, seed, splits, checkpoints[2])
    write_metrics("train-mlp", metrics)
    for checkpoint in checkpoints:
        checkpoint.discard()


if __name__ == "__main__":
    run_stage(main)
