"""Stage train-mnist's compiled epochs beside Keras's default `fit`: same network, data, batches and threads.

    python -m benchmarks.digits.train_mnist_vs_fit [--idx FOLDER] [--accuracy [--seeds N]]

FOLDER holds MNIST's IDX files; without it, random images of the same size and sparsity are trained on. The
network is the recipe's: 784-128-128-128-10, ReLU, Adam, batches of 20.

--accuracy also trains both sides from N seeds and compares their accuracy on the test images, which needs
FOLDER and takes minutes.
"""

import math
import os
import statistics
from itertools import count, repeat
from pathlib import Path

import numpy as np

from benchmarks.timing import (
    Row,
    alternate,
    argument_parser,
    describe,
    make_row,
    print_rows,
    read_mnist,
    training_images,
    use_cpu,
)
from ladder.digits.images import Images
from ladder.digits.networks import build_dense
from ladder.files.errors import InputError, run_command
from ladder.training.runtime import keras
from ladder.training.whole_epochs import WholeEpochs

LAYERS = (128, 128, 128)
LEARNING_RATE = 0.001
BATCH_SIZE = 20
IMAGES = 60_000
RUNS = 5
SEEDS = 5
ACCURACY_EPOCHS = 10
PREDICTION_BATCH = 1000


class CompiledTraining:
    """Ours: every epoch is one call that XLA has compiled."""

    def __init__(self, train: Images, seed: int) -> None:
        keras.utils.set_random_seed(seed)
        self.model = build_dense(LAYERS, "relu")
        pixels, self._epochs = train.pixels(), count(1)
        self._trainer = WholeEpochs(
            self.model,
            keras.optimizers.Adam(LEARNING_RATE),
            lambda first: repeat(pixels),
            train.labels,
            BATCH_SIZE,
            lambda epoch: np.random.default_rng([seed, epoch]),
        )

    def epoch(self) -> None:
        self._trainer.run_epoch(next(self._epochs))


class FitTraining:
    """The peer: `fit` as Keras configures it, but for the progress bar."""

    def __init__(self, train: Images, seed: int) -> None:
        keras.utils.set_random_seed(seed)
        self.model = build_dense(LAYERS, "relu")
        self.model.compile(
            keras.optimizers.Adam(LEARNING_RATE), "categorical_crossentropy", metrics=["accuracy"]
        )
        self._x, self._y = train.pixels(), keras.utils.to_categorical(train.labels, 10)

    def epoch(self) -> None:
        self.model.fit(self._x, self._y, batch_size=BATCH_SIZE, verbose=0)


def time_row(folder: Path | None) -> Row:
    """Seconds per epoch of both sides."""
    train = training_images(folder, IMAGES)
    ours, peer = CompiledTraining(train, seed=0), FitTraining(train, seed=0)
    for side in (ours, peer):
        side.epoch()  # traces and compiles
    note = (
        f"{_recipe()}; {describe(train, folder)}, all {os.cpu_count()} cores on both sides, median of {RUNS} "
        "alternating epochs; both trained one epoch before, so that tracing and compiling is left out"
    )
    times = alternate(RUNS, ours.epoch, peer.epoch)
    return make_row("train_mnist_vs_keras_fit", *times, "s/epoch", note)


def accuracy_row(folder: Path, seeds: int) -> Row:
    """Mean accuracy on MNIST's test images after the last epoch, over seeds 0 to `seeds` - 1.

    Both sides start a seed from the same weights; they shuffle differently.

    Raises
    ------
    InputError
        There are no test images.
    """
    splits = read_mnist(folder)
    if "test" not in splits:
        raise InputError(f"{folder}: --accuracy needs t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte too")
    accuracies: dict[type, list[float]] = {CompiledTraining: [], FitTraining: []}
    for seed in range(seeds):
        for side, reached in accuracies.items():
            training = side(splits["train"], seed)
            for _ in range(ACCURACY_EPOCHS):
                training.epoch()
            reached.append(_accuracy(training.model, splits["test"]))
    ours, peer = (statistics.fmean(reached) for reached in accuracies.values())
    deviations = [100 * statistics.stdev(reached) for reached in accuracies.values()]
    standard_error = math.hypot(*deviations) / math.sqrt(seeds)
    note = (
        f"{_recipe()}; epochs: {ACCURACY_EPOCHS}, on MNIST's {len(splits['train'].labels)} training images; "
        f"mean over {seeds} seeds, with the last epoch's weights; standard deviation "
        f"{deviations[0]:.2f} points (ours) and {deviations[1]:.2f} (peer); difference "
        f"{100 * (ours - peer):+.2f} points, its standard error {standard_error:.2f}"
    )
    return make_row("train_mnist_accuracy_vs_keras_fit", ours, peer, "test accuracy", note)


def rows(folder: Path | None = None, accuracy: bool = False, seeds: int = SEEDS) -> list[Row]:
    """Measure the time of an epoch and, if asked, the accuracy.

    Parameters
    ----------
    folder : holds MNIST's IDX files; None: random images.
    accuracy : adds `accuracy_row`; needs a folder.
    seeds : at least 2, for the standard deviation.

    Raises
    ------
    InputError
        The folder is missing or holds no MNIST.
    """
    if accuracy and (folder is None or seeds < 2):
        raise InputError("--accuracy needs --idx FOLDER, and --seeds of 2 or more")
    use_cpu()
    return [time_row(folder)] + ([accuracy_row(folder, seeds)] if accuracy else [])


def _accuracy(model: keras.Model, test: Images) -> float:
    probabilities = model.predict(test.pixels(), batch_size=PREDICTION_BATCH, verbose=0)
    return float((probabilities.argmax(axis=1) == test.labels).mean())


def _recipe() -> str:
    return f"784-{'-'.join(map(str, LAYERS))}-10 ReLU, Adam {LEARNING_RATE}, batch {BATCH_SIZE}"


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--accuracy", action="store_true", help="also compare the test accuracy: minutes")
    parser.add_argument(
        "--seeds", type=int, default=SEEDS, metavar="N", help="of --accuracy; default %(default)s"
    )
    arguments = parser.parse_args()
    print_rows(rows(arguments.idx, arguments.accuracy, arguments.seeds))


if __name__ == "__main__":
    run_command(main)
