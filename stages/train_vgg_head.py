"""Stage `train-vgg-head`: a new head learns the ten driver classes from the frozen base's features."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from stages.core.classifier_report import write_classifier_report
from stages.core.errors import run_stage
from stages.core.keras_archive import save_keras
from stages.core.keras_training import Batch, predict, train
from stages.core.outputs import write_metrics
from stages.core.params import Count, Group, LearningRate, read_params
from stages.core.progress import Progress
from stages.core.runtime import choose_precision, dtype_policy, keras, start_keras
from stages.core.training_log import TrainingLog
from stages.datasets.augmentation import Augment, augment
from stages.datasets.driver_images import CLASSES, SPLITS, labels_of, read_manifest
from stages.datasets.driver_pixels import read_pixels
from stages.datasets.vgg_features import LiveFeatures, read_features
from stages.models.vgg16 import BASE_FILE, build_feature_extractor, build_head, load_base
from stages.models.vgg_params import Vgg

SMALLEST_VARIANCE = 1e-6  # of a channel: one that is always the same is not blown up


class VggHead(Group):
    """The `vgg_head` group of params.yaml."""

    units: Annotated[int, Field(ge=1, le=16384)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    learning_rate: LearningRate
    epochs: Count
    batch_size: Count
    patience: Count
    schedule_patience: Count


def channel_statistics(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance [channels] of training features [items, height, width, channels], image by image."""
    sums = np.zeros((2, features.shape[-1]))
    for image in features:
        values = image.astype(np.float64).reshape(-1, features.shape[-1])
        sums += values.sum(axis=0), np.square(values).sum(axis=0)
    mean, square = sums / (features.size / features.shape[-1])
    return mean, np.maximum(square - mean**2, SMALLEST_VARIANCE)


def live_base(image_size: int) -> Callable[[np.ndarray], np.ndarray]:
    """A function that runs the frozen base: images [n, size, size, 3], 0 to 255 → its features in float32."""
    with dtype_policy(choose_precision()):
        extractor = build_feature_extractor(load_base(image_size, BASE_FILE))
    return lambda images: np.asarray(extractor.predict_on_batch(images)).astype(np.float32)


def main() -> None:
    params, vgg = read_params("vgg_head", VggHead), read_params("vgg", Vgg)
    augmentation, seed, manifest = read_params("augment", Augment), start_keras(), read_manifest()
    images = read_pixels(manifest, vgg.image_size)
    labels = {split: labels_of(manifest[manifest["split"] == split]) for split in SPLITS}
    features = read_features({split: len(images[split]) for split in SPLITS})
    targets = keras.utils.to_categorical(labels["train"], len(CLASSES))

    mean, variance = channel_statistics(features["train"][0])
    head = build_head(features["train"].shape[2:], mean, variance, params.units, params.dropout, len(CLASSES))
    head.compile(
        keras.optimizers.Adam(params.learning_rate), "categorical_crossentropy", metrics=["accuracy"]
    )

    if vgg.features == "live":
        print("features: live, the base runs in every epoch on newly augmented images", flush=True)
        run_base = live_base(vgg.image_size)
        val = LiveFeatures(run_base, images["val"])

        def make_batch(items: np.ndarray, epoch: int, step: int) -> Batch:
            rng = np.random.default_rng([seed, 17, epoch, step])
            return run_base(augment(images["train"][items], augmentation, rng)), targets[items]
    else:
        print(f"features: cached, {len(features['train'])} views of each training image in turn", flush=True)
        val = features["val"][0]

        def make_batch(items: np.ndarray, epoch: int, step: int) -> Batch:
            """Epoch by epoch the next view of every image, the image itself first."""
            view = features["train"][(epoch - 1) % len(features["train"])]
            return view[items].astype(np.float32), targets[items]

    with Progress("train-vgg-head", params.epochs) as progress:
        log = TrainingLog(progress, params.patience)
        train(
            head,
            make_batch,
            len(targets),
            (val, labels["val"]),
            params.epochs,
            params.batch_size,
            [seed, 14],
            log,
            params.schedule_patience,
        )

    save_keras(head, "models/vgg_head.keras")
    metrics = write_classifier_report(
        Path("plots/train_vgg_head"),
        "New head on the frozen VGG16 base",
        CLASSES,
        log.history,
        log.kept_epoch,
        {split: (predict(head, features[split][0], params.batch_size), labels[split]) for split in SPLITS},
        images["test"],
    )
    metrics["parameters_trainable"] = sum(int(np.prod(w.shape)) for w in head.trainable_weights)
    write_metrics("metrics/train_vgg_head.json", metrics)


if __name__ == "__main__":
    run_stage(main)
