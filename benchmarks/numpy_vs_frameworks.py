"""The NumPy network beside scikit-learn and Keras: same network, data, batches, epochs and threads.

    python -m benchmarks.numpy_vs_frameworks [--idx FOLDER]

FOLDER holds MNIST's four IDX files; without it, random images of the same size and sparsity serve. The sides
take turns, so that whatever else the machine does hits both, and medians are compared. Everything runs on
one thread: for batches of a few dozen examples a second one made each side slower on the machine this was
written on, and up to ten times slower while other programs ran. TensorFlow reads its number of threads once,
so `rows` goes first in a process that uses it.

`floor` is the time which the arithmetic and the memory traffic would take with nothing else around them: the
products at the speed of a large float32 one, the optimizer's reads and writes at the speed of copying an
array as large as the parameters, the batches' at that of copying the images.
"""

import argparse
import os
import statistics
import time
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from stages.datasets.idx import read_idx_pair
from stages.models.dense_network import DenseNetwork, train_epoch
from stages.models.numpy_optimizers import SGD, Adam

THREADS = 1
IMAGES = 12_000  # of MNIST's 60,000: enough that they do not fit into a processor's cache
EPOCHS = 2
RUNS = 11
SMALL, LARGE = (784, 64, 10), (784, 128, 128, 128, 10)
LEARNING_RATE, MOMENTUM, ADAM_RATE = 0.05, 0.9, 0.001


def images_and_labels(folder=None):
    """Float32 images in [0, 1], (IMAGES, 784), and int64 labels (IMAGES,)."""
    if folder is not None:
        images, labels = read_idx_pair(
            folder / "train-images-idx3-ubyte.gz", folder / "train-labels-idx1-ubyte.gz"
        )
        x = images[:IMAGES].reshape(-1, 784).astype(np.float32) / np.float32(255)
        return x, labels[:IMAGES].astype(np.int64)
    rng = np.random.default_rng(0)
    x = rng.random((IMAGES, 784), np.float32) * (rng.random((IMAGES, 784)) < 0.19)  # 81 % of pixels are black
    return x.astype(np.float32), rng.integers(0, 10, IMAGES)


def train_numpy(x, labels, layer_sizes, make_optimizer, batch_size):
    """Train for EPOCHS; `make_optimizer` takes the parameters."""
    rng = np.random.default_rng(0)
    network = DenseNetwork(layer_sizes, "relu", "cross_entropy", rng)
    optimizer = make_optimizer(network.parameters)
    for epoch in range(1, EPOCHS + 1):
        train_epoch(network, optimizer, x, labels, batch_size, rng, epoch)


def train_sklearn(x, labels):
    """The same network and SGD in scikit-learn."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

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
    import keras

    hidden = [keras.layers.Dense(units, activation="relu") for units in layer_sizes[1:-1]]
    output = keras.layers.Dense(layer_sizes[-1], activation="softmax")
    model = keras.Sequential([keras.Input((layer_sizes[0],)), *hidden, output])
    model.compile(optimizer, "sparse_categorical_crossentropy")
    model.fit(x, labels, batch_size=batch_size, epochs=1, verbose=0)
    return lambda: model.fit(x, labels, batch_size=batch_size, epochs=EPOCHS, verbose=0)


def seconds(function):
    """Seconds that one call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def alternate(ours, peer):
    """Median seconds per epoch of both sides, over RUNS rounds in which they take turns."""
    rounds = [(seconds(ours), seconds(peer)) for _ in range(RUNS)]
    return [statistics.median(times) / EPOCHS for times in zip(*rounds, strict=True)]


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
    return (
        flops / flops_per_second
        + optimizer_bytes / copy_speed(parameters)
        + 2 * x.nbytes / copy_speed(x)
    )


def row(name, ours, peer, floor, note):
    """One result: `ratio` is how many times longer the peer takes."""
    note = (
        f"{note}; {IMAGES} images, {THREADS} thread, median of {RUNS} alternating runs of {EPOCHS} epochs; "
        f"ours is {ours / floor:.1f} times its floor of {floor:.3f} s"
    )
    return {"name": name, "ours": ours, "peer": peer, "ratio": peer / ours, "unit": "s/epoch", "note": note}


def rows(folder=None):
    """Measure everything: a list of dicts with the keys name, ours, peer, ratio, unit and note."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)
    x, labels = images_and_labels(folder)

    def numpy_sgd():
        train_numpy(x, labels, SMALL, lambda parameters: SGD(parameters, LEARNING_RATE, MOMENTUM), 32)

    def numpy_adam():
        train_numpy(x, labels, LARGE, lambda parameters: Adam(parameters, ADAM_RATE), 20)

    with threadpool_limits(THREADS):
        beside_sklearn = alternate(numpy_sgd, lambda: train_sklearn(x, labels))
        sgd = keras.optimizers.SGD(LEARNING_RATE, MOMENTUM)
        sgd_beside_keras = alternate(numpy_sgd, keras_trainer(x, labels, SMALL, sgd, 32))
        adam = keras.optimizers.Adam(ADAM_RATE)
        adam_beside_keras = alternate(numpy_adam, keras_trainer(x, labels, LARGE, adam, 20))
        sgd_floor = floor_seconds(x, SMALL, 5, 32)  # reads gradient, velocity, parameters; writes two of them
        adam_floor = floor_seconds(x, LARGE, 7, 20)  # reads gradient, two moments, parameters; writes three
    small, large = ("-".join(map(str, sizes)) + " ReLU" for sizes in (SMALL, LARGE))
    sgd_note = f"{small}, SGD with momentum, batch 32"
    return [
        row("numpy_sgd_vs_sklearn", *beside_sklearn, sgd_floor, sgd_note),
        row("numpy_sgd_vs_keras_fit", *sgd_beside_keras, sgd_floor, sgd_note),
        row("numpy_adam_vs_keras_fit", *adam_beside_keras, adam_floor, f"{large}, Adam, batch 20"),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--idx", type=Path, metavar="FOLDER", help="folder of MNIST's IDX files")
    for result in rows(parser.parse_args().idx):
        print("{name}: {ours:.3f} against {peer:.3f} {unit}, {ratio:.1f}x\n    {note}".format(**result))
