"""The NumPy network beside scikit-learn and Keras: same network, data, batches, epochs and threads.

    python -m benchmarks.scratch.numpy_vs_frameworks [--idx FOLDER]

FOLDER holds MNIST's four IDX files; without it, random images of the same size and sparsity serve. The sides
take turns, so that whatever else the machine does hits both, and medians are compared. Everything runs on
one thread: for batches of a few dozen examples a second one made each side slower on the machine this was
written on, and up to ten times slower while other programs ran. TensorFlow reads its number of threads once,
so `rows` goes first in a process that uses it.

`floor` is the time which the arithmetic and the memory traffic would take with nothing else around them: the
products at the speed of a large float32 one, the optimizer's reads and writes at the speed of copying an
array as large as the parameters, the batches' at that of copying the images.
"""

import warnings
from itertools import pairwise

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from benchmarks.timing import (
    alternate,
    argument_parser,
    describe,
    make_row,
    print_rows,
    seconds,
    training_images,
    use_cpu,
)
from ladder.digits.networks import build_dense
from ladder.files.errors import run_command
from ladder.scratch.network import init
from ladder.scratch.trainer import ScratchTrainer
from ladder.training.runtime import keras

THREADS = 1
IMAGES = 12_000  # of MNIST's 60,000: enough that they do not fit into a processor's cache
EPOCHS = 2
RUNS = 11
SIZES, BATCH_SIZE = (784, 64, 10), 32
LEARNING_RATE, MOMENTUM = 0.05, 0.9
ARRAYS_MOVED = 5  # parameter-sized: SGD reads gradient, velocity and parameters, and writes two of them


def train_numpy(x, labels):
    """Train for EPOCHS."""
    network = init(SIZES, np.random.default_rng(0))
    trainer = ScratchTrainer(
        network, x, labels, LEARNING_RATE, MOMENTUM, BATCH_SIZE, np.random.default_rng, "benchmark"
    )
    for epoch in range(1, EPOCHS + 1):
        trainer.run_epoch(epoch)


def train_sklearn(x, labels):
    """The same network and SGD in scikit-learn."""
    classifier = MLPClassifier(
        hidden_layer_sizes=SIZES[1:-1],
        activation="logistic",
        solver="sgd",
        alpha=0,
        batch_size=BATCH_SIZE,
        learning_rate_init=LEARNING_RATE,
        momentum=MOMENTUM,
        nesterovs_momentum=False,
        max_iter=EPOCHS,
        n_iter_no_change=EPOCHS + 1,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # EPOCHS are few on purpose
        classifier.fit(x, labels)


def keras_trainer(x, labels):
    """A function which trains the same network with Keras's default `fit`, already traced and compiled."""
    model = build_dense(SIZES[1:-1], "sigmoid")
    optimizer = keras.optimizers.SGD(LEARNING_RATE, MOMENTUM)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    model.fit(x, labels, batch_size=BATCH_SIZE, epochs=1, verbose=0)
    return lambda: model.fit(x, labels, batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=0)


def floor_seconds(x):
    """Seconds per epoch of the arithmetic and memory traffic alone; see the top of this file."""
    matrix = np.ones((1024, 1024), np.float32)
    product = np.empty_like(matrix)
    best = min(seconds(lambda: np.matmul(matrix, matrix, out=product)) for _ in range(9))
    flops_per_second = 2 * 1024**3 / best
    sizes = [inputs * outputs for inputs, outputs in pairwise(SIZES)]
    flops = 2 * len(x) * (3 * sum(sizes) - sizes[0])  # forward, dW and, but for the first layer, dx

    def copy_speed(array):
        copy = np.empty_like(array)
        return 2 * array.nbytes / min(seconds(lambda: np.copyto(copy, array)) for _ in range(9))

    parameters = np.ones(sum(sizes) + sum(SIZES[1:]), np.float32)
    optimizer_bytes = len(x) / BATCH_SIZE * ARRAYS_MOVED * parameters.nbytes
    return flops / flops_per_second + optimizer_bytes / copy_speed(parameters) + 2 * x.nbytes / copy_speed(x)


def numpy_row(name, ours, peer, floor, note):
    """One result, from the seconds that EPOCHS took on both sides and the floor of one epoch."""
    ours, peer = ours / EPOCHS, peer / EPOCHS
    note = (
        f"{note}, {THREADS} thread, median of {RUNS} alternating runs of {EPOCHS} epochs; "
        f"ours is {ours / floor:.1f} times its floor of {floor:.3g} s"
    )
    return make_row(name, ours, peer, "s/epoch", note)


def rows(folder=None):
    """Measure everything; raises InputError if `folder` holds no MNIST."""
    use_cpu(THREADS)
    train = training_images(folder, IMAGES)
    x, labels = train.pixels(), train.labels.astype(np.int64)

    with threadpool_limits(THREADS):
        beside_sklearn = alternate(RUNS, lambda: train_numpy(x, labels), lambda: train_sklearn(x, labels))
        beside_keras = alternate(RUNS, lambda: train_numpy(x, labels), keras_trainer(x, labels))
        floor = floor_seconds(x)
    sizes = "-".join(map(str, SIZES))
    note = f"{sizes} sigmoid, SGD with momentum, batch {BATCH_SIZE}; {describe(train, folder)}"
    return [
        numpy_row("numpy_sgd_vs_sklearn", *beside_sklearn, floor, note),
        numpy_row("numpy_sgd_vs_keras_fit", *beside_keras, floor, note),
    ]


def main():
    print_rows(rows(argument_parser(__doc__).parse_args().idx))


if __name__ == "__main__":
    run_command(main)
