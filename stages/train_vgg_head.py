"""Stage `train-vgg-head`: a new head learns the ten driver classes from the frozen base's features.

On both splits, since the features are there: by image, as the recipe does, and by driver, on people who are
nowhere in training. The head that `split.by` picks is the one that is saved. Cross-validation by driver then
tests every driver once, by a head that has learned from all others: who validates says only the temperature,
of a second head that has not seen them.
"""

from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from ladder.drivers.augmentation import Augment
from ladder.drivers.images import (
    CLASSES,
    MANIFEST,
    SPLIT_BY,
    Split,
    folds_of,
    labels_of,
    read_manifest,
    rows_by_split,
)
from ladder.drivers.pixels import PIXELS, read_pixels
from ladder.drivers.report import report_drivers, report_folds
from ladder.files.errors import run_stage
from ladder.files.memory_maps import ArrayRows
from ladder.files.metrics import write_metrics
from ladder.files.params import Count, Group, LearningRate, read_params, read_seed
from ladder.files.progress import Progress
from ladder.files.streams import stream
from ladder.training.batched_epochs import BatchedEpochs
from ladder.training.checkpoints import Checkpoint, fingerprint, stamps
from ladder.training.keras_archive import save_keras
from ladder.training.loop import train
from ladder.training.optimizers import Schedule, build_adam
from ladder.training.prediction import predict
from ladder.training.runtime import Runtime, choose_precision, dtype_policy, keras, start_keras
from ladder.training.training_log import TrainingLog
from ladder.vgg.features import FEATURES, read_features
from ladder.vgg.params import Vgg
from ladder.vgg.vgg16 import (
    BASE_FILE,
    FEATURE_LAYERS,
    HEAD_FILE,
    build_feature_extractor,
    build_head,
    load_base,
)
from ladder.vgg.views import Base, Views, cached_views, live_views
from ladder.vgg.winograd import accelerated

SMALLEST_VARIANCE = 1e-6  # of a channel
READ_AT_ONCE = 64  # images


class VggHead(Group):
    """The `vgg_head` group of params.yaml."""

    units: Annotated[int, Field(ge=0, le=16384)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    learning_rate: LearningRate
    schedule: Schedule
    epochs: Count
    batch_size: Count


def channel_statistics(features: ArrayRows) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance [channels] of training features [items, height, width, channels], a few at a time.

    Half of a channel's variance is its own and half the mean of its layer: one that is nearly always silent
    would be blown up when a new driver wakes it.
    """
    sums, places = np.zeros((2, features[:1].shape[-1])), 0
    for start in range(0, len(features), READ_AT_ONCE):
        values = features[start : start + READ_AT_ONCE].astype(np.float64)
        values = values.reshape(-1, values.shape[-1])
        sums += np.stack([values.sum(axis=0), np.square(values).sum(axis=0)])
        places += len(values)
    mean, square = sums / places
    variance, ends = square - mean**2, np.cumsum(list(FEATURE_LAYERS.values()))
    of_layers = [np.full_like(own, own.mean()) for own in np.split(variance, ends[:-1])]
    return mean, np.maximum((variance + np.concatenate(of_layers)) / 2, SMALLEST_VARIANCE)


def live_base(image_size: int, batch_size: int, precision: str, images: int) -> Base:
    """A function that runs the frozen base, on `images` in all."""
    with dtype_policy(precision):
        extractor = accelerated(build_feature_extractor(load_base(image_size, BASE_FILE)), images)
    return lambda seen: predict(extractor, seen, batch_size).astype(np.float32)


class Heads(NamedTuple):
    """Trains heads that differ only in the rows of the manifest that they learn from."""

    params: VggHead
    features: np.ndarray
    labels: np.ndarray
    views: Views
    seed: int
    key: str

    def checkpoint(self, by: str) -> Checkpoint:
        """Where the training of one head goes on if it was cut off."""
        return Checkpoint(f"train-vgg-head-by-{by}", self.key)

    def train(self, by: str, rows: np.ndarray, val: np.ndarray) -> tuple[keras.Model, TrainingLog]:
        """A head that learns from `rows`; of its epochs the one is kept that is best on the rows `val`."""
        trainer, epochs = self._trainer(rows), self.params.epochs
        with Progress(f"train-vgg-head, split by {by}", epochs) as progress:
            log = TrainingLog(progress, epochs, self.checkpoint(by))
            train(trainer, (self.views.unchanged(val), self.labels[val]), log)
        return trainer.model, log

    def train_to_the_end(self, rows: np.ndarray) -> keras.Model:
        """A head that learns from `rows` for all epochs: nobody chooses one."""
        trainer = self._trainer(rows)
        for epoch in range(1, self.params.epochs + 1):
            trainer.run_epoch(epoch)
        return trainer.model

    def probabilities(self, head: keras.Model, rows: np.ndarray) -> np.ndarray:
        """What `head` answers: [rows, classes]."""
        return predict(head, ArrayRows(self.features[0], rows), self.params.batch_size)

    def _trainer(self, rows: np.ndarray) -> BatchedEpochs:
        start_keras(self.seed)  # one head does not depend on another
        params, items, shape = self.params, len(rows), self.features.shape[2:]
        mean, variance = channel_statistics(ArrayRows(self.features[0], rows))
        return BatchedEpochs(
            build_head(shape, mean, variance, params.units, params.dropout, len(CLASSES)),
            build_adam(params.learning_rate, params.schedule, items, params.batch_size, params.epochs),
            self.views.training(rows),
            items,
            params.batch_size,
            lambda epoch: stream(self.seed, "train-vgg-head/order", epoch),
        )


def prepare(manifest: pd.DataFrame) -> Heads:
    """What the heads of this manifest learn from, as params.yaml says."""
    params, vgg, seed = read_params("vgg_head", VggHead), read_params("vgg", Vgg), read_seed()
    augmentation, asked = read_params("augment", Augment), read_params("runtime", Runtime).precision
    pixels, labels = read_pixels(len(manifest), vgg.image_size), labels_of(manifest)
    features, classes = read_features(len(manifest))
    origin: list[object] = [params, vgg, seed, MANIFEST, stamps(FEATURES)]
    if vgg.features == "cached":
        print(f"features: cached, each training image and {len(features) - 1} augmented views", flush=True)
        views = cached_views(features, classes, seed)
    else:
        print("features: live, the base runs in every epoch, half of the images augmented anew", flush=True)
        precision = choose_precision(asked)
        run_base = live_base(vgg.image_size, params.batch_size, precision, params.epochs * len(manifest))
        views = live_views(run_base, pixels, labels, augmentation, seed)
        origin += [augmentation, precision, PIXELS, BASE_FILE]
    return Heads(params, features, labels, views, seed, fingerprint(*origin))


def cross_validate(heads: Heads, manifest: pd.DataFrame) -> dict[str, np.ndarray]:
    """Probabilities [rows, classes] of each fold's "val" and "test", as `report_folds` takes them."""
    folds, checkpoint = folds_of(manifest), heads.checkpoint("fold")
    judged = checkpoint.load() or {}
    if judged:
        print(f"train-vgg-head: goes on after fold {len(judged) // 2}", flush=True)
    with Progress("train-vgg-head, cross-validation by driver", len(folds), "fold") as progress:
        for fold in folds:
            if f"{fold}_test" not in judged:
                rows = rows_by_split(manifest, fold)
                without_val = heads.train_to_the_end(rows["train"])
                head = heads.train_to_the_end(np.sort(np.concatenate([rows["train"], rows["val"]])))
                judged[f"{fold}_val"] = heads.probabilities(without_val, rows["val"])
                judged[f"{fold}_test"] = heads.probabilities(head, rows["test"])
                checkpoint.save_if_due(lambda: judged)
            progress.advance()
    return judged


def main() -> None:
    split_by, manifest = read_params("split", Split).by, read_manifest()
    start_keras(read_seed())
    heads = prepare(manifest)
    metrics: dict[str, float] = {}
    for by in SPLIT_BY:
        rows = rows_by_split(manifest, by)
        head, log = heads.train(by, rows["train"], rows["val"])
        if by == split_by:
            save_keras(head, HEAD_FILE)
        probabilities = {split: heads.probabilities(head, of_split) for split, of_split in rows.items()}
        found = report_drivers(Path(f"plots/train_vgg_head/by_{by}"), manifest, by, log, probabilities)
        metrics |= {f"by_{by}_{name}": value for name, value in found.items()}
    metrics["parameters_trainable"] = sum(int(np.prod(w.shape)) for w in head.trainable_weights)

    judged = cross_validate(heads, manifest)
    found = report_folds(Path("plots/train_vgg_head/folds"), manifest, judged)
    metrics |= {f"folds_{name}": value for name, value in found.items()}
    write_metrics("train-vgg-head", metrics)
    for by in (*SPLIT_BY, "fold"):
        heads.checkpoint(by).discard()


if __name__ == "__main__":
    run_stage(main)
