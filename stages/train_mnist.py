"""Stage `train-mnist`: a deep fully connected network, 784 → 128 → 128 → 128 → 10, trained with Adam."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from ladder.training.optimizers import Schedule, build_adam
from ladder.training.checkpoints import Checkpoint, fingerprint
from ladder.evaluation.report import Subject, write_classifier_report
from ladder.training.compiled_epochs import CompiledEpochs
from ladder.files.errors import run_stage
from ladder.evaluation.accuracy import Answers
from ladder.training.keras_archive import save_keras
from ladder.files.outputs import write_metrics
from ladder.files.params import Count, Group, LayerSizes, LearningRate, read_params
from ladder.files.progress import Progress
from ladder.training.runtime import start_keras
from ladder.training.training_log import TrainingLog
from ladder.digits.deformation import Deformation, deformed_epochs
from ladder.digits.images import CLASS_NAMES, DIGITS_FILE, load_digits_splits
from ladder.digits.networks import build_dense, count_parameters


class Mnist(Group):
    """The `mnist` group of params.yaml."""

    layers: LayerSizes
    learning_rate: LearningRate
    schedule: Schedule
    epochs: Count
    batch_size: Count
    patience: Count
    dropout: Annotated[float, Field(ge=0, lt=1)]
    batch_normalization: bool
    deformation: Deformation


def main() -> None:
    params, seed = read_params("mnist", Mnist), start_keras()
    splits = load_digits_splits()
    train, val = splits["train"], splits["val"]

    model = build_dense(
        params.layers, "relu", dropout=params.dropout, batch_normalization=params.batch_normalization
    )
    optimizer = build_adam(
        params.learning_rate, params.schedule, len(train.labels), params.batch_size, params.epochs
    )
    trainer = CompiledEpochs(model, optimizer)

    def inputs_from(epoch: int) -> Iterator[np.ndarray]:
        return deformed_epochs(train.images, params.deformation, seed, params.epochs, epoch)

    checkpoint = Checkpoint("train-mnist", fingerprint(params, seed, DIGITS_FILE))
    with Progress("train-mnist", params.epochs) as progress:
        log = TrainingLog(progress, params.patience, checkpoint)
        trainer.fit(inputs_from, train.labels, (val.pixels(), val.labels), params.batch_size, [seed, 4], log)

    save_keras(model, "models/mnist.keras")
    metrics = write_classifier_report(
        Path("plots/train_mnist"),
        "Deep fully connected network (Keras)",
        Subject(CLASS_NAMES, range(len(splits["test"].labels)), splits["test"].images),
        log.history,
        log.kept_epoch,
        {split: Answers(trainer.predict(part.pixels()), part.labels) for split, part in splits.items()},
    )
    write_metrics("metrics/train_mnist.json", metrics | count_parameters(model, optimizer))
    checkpoint.discard()


if __name__ == "__main__":
    run_stage(main)
