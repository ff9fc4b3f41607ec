"""How fast images are deformed, beside how fast a large network trains on them.

    python -m benchmarks.digits.deformation_speed [--idx FOLDER]

Stage train-mnist deforms the images of the next epoch in a thread while it trains on this one, so training
never waits for them where that thread gets through more images per second than training does. Ours is the
images deformed per second, the peer those trained on, each measured alone; the note says how much longer an
epoch takes while the thread is at work, since training itself would use every core.

FOLDER holds MNIST's IDX files; without it, random images of the same size and sparsity serve.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.timing import (
    Row,
    alternate,
    argument_parser,
    describe,
    make_row,
    print_rows,
    training_images,
    use_cpu,
)
from ladder.digits.deformation import Deformation, deformed_epochs
from ladder.digits.networks import build_dense
from ladder.files.errors import run_command
from ladder.training.runtime import keras
from ladder.training.whole_epochs import WholeEpochs

IMAGES = 12_000
RUNS = 5
DEFORMATION = Deformation(
    rotation=10.0, scaling=0.1, shear=0.1, shift=1.0, elastic=1.0, elastic_smoothness=4.0
)
LAYERS = (1024, 1024)
DROPOUT = 0.1
BATCH_SIZE = 200


def rows(folder: Path | None = None) -> list[Row]:
    """Measure both speeds; raises InputError if `folder` holds no MNIST."""
    use_cpu()
    keras.utils.set_random_seed(0)
    train = training_images(folder, IMAGES)
    x = train.pixels()
    model = build_dense(LAYERS, "relu", dropout=DROPOUT, batch_normalization=True)
    trainer = WholeEpochs(
        model,
        keras.optimizers.Adam(),
        lambda first: repeat(x),
        train.labels,
        BATCH_SIZE,
        np.random.default_rng,
    )

    def deform_all() -> None:
        next(deformed_epochs(train.images, DEFORMATION, seed=0, epochs=1))

    def train_epoch() -> None:
        trainer.run_epoch(0)

    def train_epoch_while_deforming() -> None:
        with ThreadPoolExecutor(1) as worker:
            worker.submit(deform_all)
            train_epoch()

    train_epoch()  # traces and compiles
    with threadpool_limits(1):  # NumPy's products; TensorFlow's threads are its own
        deforming, training, both = alternate(RUNS, deform_all, train_epoch, train_epoch_while_deforming)
    network = f"784-{'-'.join(map(str, LAYERS))}-10 ReLU with batch normalisation and dropout {DROPOUT}"
    note = (
        f"deformed by one thread with {_settings()}, against trained: {network}, Adam, batch {BATCH_SIZE}, "
        f"on all {os.cpu_count()} cores, compiling left out; {describe(train, folder)}, median of {RUNS} "
        "alternating runs; an epoch with the deformation of the next one beside it took "
        f"{both / training:.2f} times as long as without"
    )
    return [make_row("deformation_vs_training", len(x) / deforming, len(x) / training, "images/s", note)]


def _settings() -> str:
    return ", ".join(f"{name} {value:g}" for name, value in DEFORMATION.model_dump().items())


def main() -> None:
    print_rows(rows(argument_parser(__doc__).parse_args().idx))


if __name__ == "__main__":
    run_command(main)
