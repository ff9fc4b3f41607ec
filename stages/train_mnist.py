"""Stage `train-mnist`: a deep fully connected network, 784 → 128 → 128 → 128 → 10, trained with Adam."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from ladder.digits.deformation import Deformation, deformed_epochs
from ladder.digits.images import CLASS_NAMES, DIGITS_FILE, load_digits_splits
from ladder.digits.networks import build_dense, count_parameters
from ladder.evaluation.accuracy import Answers
from ladder.evaluation.report import write_classifier_report
from ladder.files.errors import run_stage
from ladder.files.metrics import write_metrics
from ladder.files.params import Count, Group, LayerSizes, LearningRate, read_params, read_seed
from ladder.files.progress import Progress
from ladder.files.streams import stream
from ladder.training.checkpoints import Checkpoint, fingerprint
from ladder.training.keras_archive import save_keras
from ladder.training.loop import train
from ladder.training.optimizers import Schedule, build_adam
from ladder.training.runtime import start_keras
from ladder.training.training_log import TrainingLog
from ladder.training.whole_epochs import WholeEpochs


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
    params, seed = read_params("mnist", Mnist), read_seed()
    start_keras(seed)
    splits = load_digits_splits()
    train_images, val = splits["train"], splits["val"]

    model = build_dense(
        params.layers, "relu", dropout=params.dropout, batch_normalization=params.batch_normalization
    )
    items = len(train_images.labels)
    optimizer = build_adam(params.learning_rate, params.schedule, items, params.batch_size, params.epochs)
    trainer = WholeEpochs(
        model,
        optimizer,
        lambda first: deformed_epochs(train_images.images, params.deformation, seed, params.epochs, first),
        train_images.labels,
        params.batch_size,
        lambda epoch: stream(seed, "train-mnist/order", epoch),
    )
    checkpoint = Checkpoint("train-mnist", fingerprint(params, seed, DIGITS_FILE))
    with Progress("train-mnist", params.epochs) as progress:
        log = TrainingLog(progress, params.patience, checkpoint)
        train(trainer, (val.pixels(), val.labels), log)

    save_keras(model, "models/mnist.keras")
    metrics = write_classifier_report(
        Path("plots/train_mnist"),
        CLASS_NAMES,
        range(len(splits["test"].labels)),
        log.history,
        log.kept_epoch,
        {split: Answers(trainer.predict(part.pixels()), part.labels) for split, part in splits.items()},
    )
    write_metrics("train-mnist", metrics | count_parameters(model, optimizer))
    checkpoint.discard()


if __name__ == "__main__":
    run_stage(main)
