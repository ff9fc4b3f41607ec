"""Stage `train-vgg-head`: a new head learns the ten driver classes from the frozen base's features.

On both splits, since the features are there: by image, as the recipe does, and by driver, on people who are
nowhere in training. The head that `split.by` picks is the one that is saved.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from ladder.drivers.augmentation import Augment, augment, draw_augmented
from ladder.drivers.images import (
    CLASSES,
    MANIFEST,
    SPLIT_BY,
    Split,
    labels_of,
    one_hot,
    read_manifest,
    rows_by_split,
)
from ladder.drivers.pixels import PIXELS, read_pixels
from ladder.drivers.report import report_drivers
from ladder.files.errors import run_stage
from ladder.files.memory_maps import ArrayRows
from ladder.files.metrics import write_metrics
from ladder.files.params import Count, Group, LearningRate, read_params, read_seed
from ladder.files.progress import Progress
from ladder.files.streams import stream
from ladder.training.batched_epochs import Batch, BatchedEpochs, MakeBatch, at_plateau
from ladder.training.checkpoints import Checkpoint, fingerprint, stamps
from ladder.training.keras_archive import save_keras
from ladder.training.loop import train
from ladder.training.prediction import predict
from ladder.training.runtime import Runtime, choose_precision, dtype_policy, keras, start_keras
from ladder.training.training_log import TrainingLog
from ladder.vgg.features import FEATURES, LiveFeatures, read_features
from ladder.vgg.params import Vgg
from ladder.vgg.vgg16 import BASE_FILE, HEAD_FILE, build_feature_extractor, build_head, load_base
from ladder.vgg.winograd import accelerated

SMALLEST_VARIANCE = 1e-6  # of a channel: one that is always the same is not blown up
READ_AT_ONCE = 64  # images
AVERAGE_MOMENTUM = 0.99  # of a step


class VggHead(Group):
    """The `vgg_head` group of params.yaml."""

    units: Annotated[int, Field(ge=1, le=16384)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    learning_rate: LearningRate
    epochs: Count
    batch_size: Count
    patience: Count
    schedule_patience: Count


def channel_statistics(features: np.ndarray | ArrayRows) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance [channels] of training features [items, height, width, channels], a few at a time."""
    sums, places = np.zeros((2, features[:1].shape[-1])), 0
    for start in range(0, len(features), READ_AT_ONCE):
        values = features[start : start + READ_AT_ONCE].astype(np.float64)
        values = values.reshape(-1, values.shape[-1])
        sums += np.stack([values.sum(axis=0), np.square(values).sum(axis=0)])
        places += len(values)
    mean, square = sums / places
    return mean, np.maximum(square - mean**2, SMALLEST_VARIANCE)


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


def main() -> None:
    params, vgg, seed = read_params("vgg_head", VggHead), read_params("vgg", Vgg), read_seed()
    augmentation, split_by = read_params("augment", Augment), read_params("split", Split).by
    asked = read_params("runtime", Runtime).precision
    start_keras(seed)
    manifest = read_manifest()
    pixels, labels = read_pixels(len(manifest), vgg.image_size), labels_of(manifest)
    features, classes = read_features(len(manifest))
    if vgg.features == "live":
        print("features: live, the base runs in every epoch, half of the images augmented anew", flush=True)
        precision = choose_precision(asked)
        run_base = live_base(vgg.image_size, params.batch_size, precision, params.epochs * len(manifest))
        seen = (augmentation, precision, PIXELS, BASE_FILE)
    else:
        print(f"features: cached, each training image and {len(features) - 1} augmented views", flush=True)
        seen = ()
    key = fingerprint(params, vgg, seed, MANIFEST, stamps(FEATURES), *seen)
    checkpoints = {by: Checkpoint(f"train-vgg-head-by-{by}", key) for by in SPLIT_BY}

    metrics: dict[str, float] = {}
    for by in SPLIT_BY:
        start_keras(seed)  # one head does not depend on the other
        rows = rows_by_split(manifest, by)
        mean, variance = channel_statistics(ArrayRows(features[0], rows["train"]))
        head = build_head(features.shape[2:], mean, variance, params.units, params.dropout, len(CLASSES))
        # The average of the last epochs' weights (Polyak and Juditsky 1992) depends less on where they stop.
        optimizer = keras.optimizers.Adam(params.learning_rate, use_ema=True, ema_momentum=AVERAGE_MOMENTUM)
        if vgg.features == "live":
            make_batch = live_views(run_base, pixels, labels, rows["train"], augmentation, seed)
            val = LiveFeatures(run_base, ArrayRows(pixels, rows["val"]))
        else:
            make_batch = cached_views(features, classes, rows["train"], seed)
            val = ArrayRows(features[0], rows["val"])
        with Progress(f"train-vgg-head, split by {by}", params.epochs) as progress:
            log = TrainingLog(progress, params.patience, checkpoints[by])
            trainer = BatchedEpochs(
                head,
                optimizer,
                make_batch,
                len(rows["train"]),
                params.batch_size,
                lambda epoch: stream(seed, "train-vgg-head/order", epoch),
                slow_down=lambda log=log: at_plateau(log.history["val_loss"], params.schedule_patience),
            )
            train(trainer, (val, labels[rows["val"]]), log)
        if by == split_by:
            save_keras(head, HEAD_FILE)
        probabilities = {
            split: predict(head, ArrayRows(features[0], items), params.batch_size)
            for split, items in rows.items()
        }
        found = report_drivers(Path(f"plots/train_vgg_head/by_{by}"), manifest, by, log, probabilities)
        metrics |= {f"by_{by}_{name}": value for name, value in found.items()}
    metrics["parameters_trainable"] = sum(int(np.prod(w.shape)) for w in head.trainable_weights)
    write_metrics("train-vgg-head", metrics)
    for checkpoint in checkpoints.values():
        checkpoint.discard()


if __name__ == "__main__":
    run_stage(main)
