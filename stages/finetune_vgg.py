"""Stage `finetune-vgg`: the last layers of the base learn too, with the head that was trained on it."""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from stages.core.adam import Schedule, build_adam
from stages.core.classifier_report import write_classifier_report
from stages.core.errors import run_stage
from stages.core.keras_archive import load_keras, save_keras
from stages.core.keras_training import Batch, predict, train
from stages.core.outputs import write_metrics
from stages.core.params import Count, Group, LearningRate, read_params
from stages.core.progress import Progress
from stages.core.runtime import choose_precision, dtype_policy, keras, start_keras
from stages.core.training_log import TrainingLog
from stages.datasets.augmentation import Augment, augment
from stages.datasets.driver_images import CLASSES, SPLITS, labels_of, read_manifest
from stages.datasets.driver_pixels import read_pixels
from stages.models.vgg16 import BASE_FILE, build_classifier, load_base, unfreeze_last
from stages.models.vgg_params import Vgg


class Finetune(Group):
    """The `finetune` group of params.yaml."""

    layers: Annotated[int, Field(ge=1, le=19)]
    learning_rate: LearningRate
    schedule: Schedule
    epochs: Count
    batch_size: Count


def main() -> None:
    params, vgg = read_params("finetune", Finetune), read_params("vgg", Vgg)
    augmentation, seed, manifest = read_params("augment", Augment), start_keras(), read_manifest()
    images, head = read_pixels(manifest, vgg.image_size), load_keras("models/vgg_head.keras")
    labels = {split: labels_of(manifest[manifest["split"] == split]) for split in SPLITS}
    targets = keras.utils.to_categorical(labels["train"], len(CLASSES))

    def make_batch(items: np.ndarray, epoch: int, step: int) -> Batch:
        rng = np.random.default_rng([seed, 15, epoch, step])
        return augment(images["train"][items], augmentation, rng), targets[items]

    with dtype_policy(choose_precision()):
        base = load_base(vgg.image_size, BASE_FILE)
        unfreeze_last(base, params.layers)
        model = build_classifier(base, head)
    optimizer = build_adam(
        params.learning_rate, params.schedule, len(targets), params.batch_size, params.epochs
    )
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    with Progress("finetune-vgg", params.epochs) as progress:
        log = TrainingLog(progress, patience=params.epochs)
        val = (images["val"], labels["val"])
        train(model, make_batch, len(targets), val, params.epochs, params.batch_size, [seed, 16], log)

    # The model that is saved and measured computes in float32, so that it runs the same everywhere.
    final = build_classifier(load_base(vgg.image_size, BASE_FILE), head)
    final.set_weights(model.get_weights())
    save_keras(final, "models/final_model.keras")
    trainable = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    metrics = write_classifier_report(
        Path("plots/finetune_vgg"),
        "Fine-tuned VGG16",
        CLASSES,
        log.history,
        log.kept_epoch,
        {split: (predict(final, images[split], params.batch_size), labels[split]) for split in SPLITS},
        images["test"],
    )
    write_metrics("metrics/finetune_vgg.json", metrics | {"parameters_trainable": trainable})


if __name__ == "__main__":
    run_stage(main)
