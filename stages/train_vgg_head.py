"""Stage `train-vgg-head`: a new head learns the ten driver classes from the frozen base's features.

On both splits, since the features are there: by image, as the recipe does, and by driver, on people who are
nowhere in training. The head that `split.by` picks is the one that is saved. Cross-validation by driver then
tests every driver once, by a head that has learned from all others for all epochs: an epoch that one or two
drivers choose costs more than it gains. Those who validate say the temperature, of a head without them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from ladder.drivers.augmentation import Augment, augment, draw_augmented
from ladder.drivers.images import (
    CLASSES,
    MANIFEST,
    SPLIT_BY,
    Split,
    folds_of,
    labels_of,
    one_hot,
    read_manifest,
    rows_by_split,
)
from ladder.drivers.pixels import PIXELS, read_pixels
from ladder.drivers.report import report_drivers, report_folds
from ladder.files.errors import run_stage
from ladder.files.memory_maps import ArrayRows, Rows
from ladder.files.metrics import write_metrics
from ladder.files.params import Count, Group, LearningRate, read_params, read_seed
from ladder.files.progress import Progress
from ladder.files.streams import stream
from ladder.training.batched_epochs import Batch, BatchedEpochs, MakeBatch, at_plateau, averaged
from ladder.training.checkpoints import Checkpoint, fingerprint, stamps
from ladder.training.keras_archive import save_keras
from ladder.training.loop import train
from ladder.training.prediction import predict
from ladder.training.runtime import Runtime, choose_precision, dtype_policy, keras, start_keras
from ladder.training.training_log import TrainingLog
from ladder.vgg.features import FEATURES, LiveFeatures, read_features
from ladder.vgg.params import Vgg
from ladder.vgg.vgg16 import (
    BASE_FILE,
    FEATURE_LAYERS,
    HEAD_FILE,
    build_feature_extractor,
    build_head,
    load_base,
)
from ladder.vgg.winograd import accelerated

SMALLEST_VARIANCE = 1e-6  # of a channel
READ_AT_ONCE = 64  # images
AVERAGE_MOMENTUM = 0.99  # of a step


class VggHead(Group):
    """The `vgg_head` group of params.yaml."""

    units: Annotated[int, Field(ge=0, le=16384)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    learning_rate: LearningRate
    epochs: Count
    batch_size: Count
    patience: Count
    schedule_patience: Count


def channel_statistics(features: np.ndarray | ArrayRows) -> tuple[np.ndarray, np.ndarray]:
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


def live_base(
    image_size: int, batch_size: int, precision: str, images: int
) -> Callable[[np.ndarray], np.ndarray]:
    """A function that runs the frozen base: images [n, size, size, 3], 0 to 255 → its features in float32."""
    with dtype_policy(precision):
        extractor = accelerated(build_feature_extractor(load_base(image_size, BASE_FILE)), images)
    return lambda seen: predict(extractor, seen, batch_size).astype(np.float32)


def cached_views(features: np.ndarray, classes: np.ndarray, items: np.ndarray, seed: int) -> MakeBatch:
    """Features of the manifest's rows `items`, in each epoch of the image itself or of an augmented view."""

    def make_batch(numbers: np.ndarray, epoch: int, step: int) -> Batch:
        rng, rows = stream(seed, "train-vgg-head/views", epoch, step), items[numbers]
        views = np.zeros(len(rows), int)
        if len(features) > 1:
            augmented = draw_augmented(len(rows), rng)
            views[augmented] = rng.integers(1, len(features), augmented.sum())
        return features[views, rows].astype(np.float32), one_hot(classes[views, rows])

    return make_batch


def live_views(
    run_base: Callable[[np.ndarray], np.ndarray],
    pixels: np.ndarray,
    labels: np.ndarray,
    items: np.ndarray,
    augmentation: Augment,
    seed: int,
) -> MakeBatch:
    """In every epoch the base runs on the rows `items`, each as it is or augmented anew."""

    def make_batch(numbers: np.ndarray, epoch: int, step: int) -> Batch:
        rng, rows = stream(seed, "train-vgg-head/augmentation", epoch, step), items[numbers]
        images, classes, augmented = pixels[rows], labels[rows], draw_augmented(len(rows), rng)
        seen = images.astype(np.float32)
        seen[augmented], classes[augmented] = augment(
            images[augmented], classes[augmented], augmentation, rng
        )
        return run_base(seen), one_hot(classes)

    return make_batch


class Training(NamedTuple):
    """All that the heads of this stage have in common."""

    params: VggHead
    features: np.ndarray
    labels: np.ndarray
    seed: int
    key: str
    make_batches: Callable[[np.ndarray], MakeBatch]
    of_validation: Callable[[np.ndarray], Rows]

    def checkpoint(self, by: str) -> Checkpoint:
        """Where the training of one head goes on if it was cut off."""
        return Checkpoint(f"train-vgg-head-by-{by}", self.key)

    def run(self, by: str, train_rows: np.ndarray, val_rows: np.ndarray) -> tuple[keras.Model, TrainingLog]:
        """A head that learns from `train_rows`, rows of the manifest; validation chooses the epoch."""
        params = self.params
        with Progress(f"train-vgg-head, split by {by}", params.epochs) as progress:
            log = TrainingLog(progress, params.patience, self.checkpoint(by))
            trainer = self._trainer(
                train_rows, lambda: at_plateau(log.history["val_loss"], params.schedule_patience)
            )
            train(trainer, (self.of_validation(val_rows), self.labels[val_rows]), log)
        return trainer.model, log

    def run_to_the_end(self, rows: np.ndarray) -> keras.Model:
        """A head that learns from `rows` for all epochs, at one learning rate: nothing is held back."""
        trainer = self._trainer(rows, lambda: False)
        for epoch in range(1, self.params.epochs + 1):
            trainer.run_epoch(epoch)
        with averaged(trainer.model, trainer.optimizer):
            weights = trainer.weights
        trainer.weights = weights
        return trainer.model

    def _trainer(self, rows: np.ndarray, slow_down: Callable[[], bool]) -> BatchedEpochs:
        start_keras(self.seed)  # one head does not depend on another
        params, features, seed = self.params, self.features, self.seed
        mean, variance = channel_statistics(ArrayRows(features[0], rows))
        # The average of the last epochs' weights (Polyak and Juditsky 1992) depends less on where they stop.
        return BatchedEpochs(
            build_head(features.shape[2:], mean, variance, params.units, params.dropout, len(CLASSES)),
            keras.optimizers.Adam(params.learning_rate, use_ema=True, ema_momentum=AVERAGE_MOMENTUM),
            self.make_batches(rows),
            len(rows),
            params.batch_size,
            lambda epoch: stream(seed, "train-vgg-head/order", epoch),
            slow_down=slow_down,
        )

    def probabilities(self, head: keras.Model, rows: np.ndarray) -> np.ndarray:
        """What `head` says of `rows` of the manifest: [rows, classes]."""
        return predict(head, ArrayRows(self.features[0], rows), self.params.batch_size)


def prepare(manifest: pd.DataFrame) -> Training:
    """The features that the heads learn from, cached or live."""
    params, vgg, seed = read_params("vgg_head", VggHead), read_params("vgg", Vgg), read_seed()
    augmentation, asked = read_params("augment", Augment), read_params("runtime", Runtime).precision
    pixels, labels = read_pixels(len(manifest), vgg.image_size), labels_of(manifest)
    features, classes = read_features(len(manifest))
    if vgg.features == "cached":
        print(f"features: cached, each training image and {len(features) - 1} augmented views", flush=True)
        key = fingerprint(params, vgg, seed, MANIFEST, stamps(FEATURES))
        return Training(
            params,
            features,
            labels,
            seed,
            key,
            lambda rows: cached_views(features, classes, rows, seed),
            lambda rows: ArrayRows(features[0], rows),
        )
    print("features: live, the base runs in every epoch, half of the images augmented anew", flush=True)
    precision = choose_precision(asked)
    run_base = live_base(vgg.image_size, params.batch_size, precision, params.epochs * len(manifest))
    key = fingerprint(
        params, vgg, seed, MANIFEST, stamps(FEATURES), augmentation, precision, PIXELS, BASE_FILE
    )
    return Training(
        params,
        features,
        labels,
        seed,
        key,
        lambda rows: live_views(run_base, pixels, labels, rows, augmentation, seed),
        lambda rows: LiveFeatures(run_base, ArrayRows(pixels, rows)),
    )


def main() -> None:
    split_by, manifest = read_params("split", Split).by, read_manifest()
    start_keras(read_seed())
    training = prepare(manifest)
    metrics: dict[str, float] = {}
    for by in SPLIT_BY:
        rows = rows_by_split(manifest, by)
        head, log = training.run(by, rows["train"], rows["val"])
        if by == split_by:
            save_keras(head, HEAD_FILE)
        probabilities = {split: training.probabilities(head, of_split) for split, of_split in rows.items()}
        found = report_drivers(Path(f"plots/train_vgg_head/by_{by}"), manifest, by, log, probabilities)
        metrics |= {f"by_{by}_{name}": value for name, value in found.items()}
    metrics["parameters_trainable"] = sum(int(np.prod(w.shape)) for w in head.trainable_weights)

    judged = {}
    for fold in folds_of(manifest):
        rows = rows_by_split(manifest, fold)
        head, _ = training.run(fold, rows["train"], rows["val"])
        val = training.probabilities(head, rows["val"])
        head = training.run_to_the_end(np.sort(np.concatenate([rows["train"], rows["val"]])))
        judged[fold] = {"val": val, "test": training.probabilities(head, rows["test"])}
    found = report_folds(Path("plots/train_vgg_head/folds"), manifest, judged)
    metrics |= {f"folds_{name}": value for name, value in found.items()}
    write_metrics("train-vgg-head", metrics)
    for by in (*SPLIT_BY, *judged):
        training.checkpoint(by).discard()


if __name__ == "__main__":
    run_stage(main)
