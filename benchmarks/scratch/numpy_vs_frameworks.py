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
from ladder.files.errors import run_command
from ladder.scratch.dense_network import DenseNetwork, train_epoch
from ladder.scratch.numpy_optimizers import SGD, Adam
from ladder.training.runtime import keras

THREADS = 1
IMAGES = 12_000  # of MNIST's 60,000: enough that they do not fit into a processor's cache
EPOCHS = 2
RUNS = 11
SMALL, LARGE = (784, 64, 10), (784, 128, 128, 128, 10)
LEARNING_RATE, MOMENTUM, ADAM_RATE = 0.05, 0.9, 0.001


def train_numpy(x, labels, layer_sizes, make_optimizer, batch_size):
    """Train for EPOCHS; `make_optimizer` takes the parameters."""
    rng = np.random.default_rng(0)
    network = DenseNetwork(layer_sizes, "relu", "cross_entropy", rng)
    optimizer = make_optimizer(network.parameters)
    for epoch in range(1, EPOCHS + 1):
        train_epoch(network, optimizer, x, labels, batch_size, rng, epoch)


def train_sklearn(x, labels):
    """The same network and SGD in scikit-learn."""
    classifier = MLPClassifier(
        hidden_layer_sizes=SMALL[1:-1],
        activation="relu",
        solver="sgd",
        alpha=0,
        batch_size=32,
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


def keras_trainer(x, labels, layer_sizes, optimizer, batch_size):
    """A function which trains the same network with Keras's default `fit`, already traced and compiled."""
    hidden = [keras.layers.Dense(units, activation="relu") for units in layer_sizes[1:-1]]
    output = keras.layers.Dense(layer_sizes[-1], activation="softmax")
    model = keras.Sequential([keras.Input((layer_sizes[0],)), *hidden, output])
    model.compile(optimizer, "sparse_categorical_crossentropy")
    model.fit(x, labels, batch_size=batch_size, epochs=1, verbose=0)
    return lambda: model.fit(x, labels, batch_size=batch_size, epochs=EPOCHS, verbose=0)


def floor_seconds(x, layer_sizes, arrays_moved, batch_size):
    """Seconds per epoch of the arithmetic and memory traffic alone; see the top of this file.

    `arrays_moved`: how many parameter-sized arrays the optimizer must at least read or write in a step.
    """
    matrix = np.ones((1024, 1024), np.float32)
    product = np.empty_like(matrix)
    best = min(seconds(lambda: np.matmul(matrix, matrix, out=product)) for _ in range(9))
    flops_per_second = 2 * 1024**3 / best
    sizes = [inputs * outputs for inputs, outputs in pairwise(layer_sizes)]
    flops = 2 * len(x) * (3 * sum(sizes) - sizes[0])  # forward, dW and, but for the first layer, dx

    def copy_speed(array):
        copy = np.empty_like(array)
        return 2 * array.nbytes / min(seconds(lambda: np.copyto(copy, array)) for _ in range(9))

    parameters = np.ones(sum(sizes) + sum(layer_sizes[1:]), np.float32)
    optimizer_bytes = len(x) / batch_size * arrays_moved * parameters.nbytes
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

    def numpy_sgd():
        train_numpy(x, labels, SMALL, lambda parameters: SGD(parameters, LEARNING_RATE, MOMENTUM), 32)

    def numpy_adam():
        train_numpy(x, labels, LARGE, lambda parameters: Adam(parameters, ADAM_RATE), 20)

    with threadpool_limits(THREADS):
        beside_sklearn = alternate(RUNS, numpy_sgd, lambda: train_sklearn(x, labels))
        sgd = keras.optimizers.SGD(LEARNING_RATE, MOMENTUM)
        sgd_beside_keras = alternate(RUNS, numpy_sgd, keras_trainer(x, labels, SMALL, sgd, 32))
        adam = keras.optimizers.Adam(ADAM_RATE)
        adam_beside_keras = alternate(RUNS, numpy_adam, keras_trainer(x, labels, LARGE, adam, 20))
        sgd_floor = floor_seconds(x, SMALL, 5, 32)  # reads gradient, velocity, parameters; writes two of them
        adam_floor = floor_seconds(x, LARGE, 7, 20)  # reads gradient, two moments, parameters; writes three
    small, large = ("-".join(map(str, sizes)) + " ReLU" for sizes in (SMALL, LARGE))
    sgd_note = f"{small}, SGD with momentum, batch 32; {describe(train, folder)}"
    adam_note = f"{large}, Adam, batch 20; {describe(train, folder)}"
    return [
        numpy_row("numpy_sgd_vs_sklearn", *beside_sklearn, sgd_floor, sgd_note),
        numpy_row("numpy_sgd_vs_keras_fit", *sgd_beside_keras, sgd_floor, sgd_note),
        numpy_row("numpy_adam_vs_keras_fit", *adam_beside_keras, adam_floor, adam_note),
    ]


def main():
    print_rows(rows(argument_parser(__doc__).parse_args().idx))


if __name__ == "__main__":
    run_command(main)
