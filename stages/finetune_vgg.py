"""Stage `finetune-vgg`: the last layers of the base learn too, with the head that was trained on it."""

from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from ladder.drivers.augmentation import Augment, augment, draw_augmented
from ladder.drivers.images import MANIFEST, Split, labels_of, one_hot, read_manifest, rows_by_split
from ladder.drivers.pixels import PIXELS, read_pixels
from ladder.drivers.report import report_drivers
from ladder.files.errors import run_stage
from ladder.files.memory_maps import ArrayRows
from ladder.files.metrics import write_metrics
from ladder.files.params import Count, Group, LearningRate, read_params, read_seed
from ladder.files.progress import Progress
from ladder.files.streams import stream
from ladder.processes.processes import Processes, join_processes
from ladder.training.batched_epochs import Batch, BatchedEpochs
from ladder.training.checkpoints import fingerprint
from ladder.training.keras_archive import load_keras, save_keras
from ladder.training.loop import train
from ladder.training.optimizers import Schedule, build_adam
from ladder.training.prediction import predict
from ladder.training.runtime import Runtime, choose_precision, dtype_policy, keras
from ladder.training.training_log import TrainingLog
from ladder.vgg.params import Vgg
from ladder.vgg.vgg16 import BASE_FILE, HEAD_FILE, build_classifier, load_base, unfreeze_last
from ladder.vgg.winograd import accelerated


class Finetune(Group):
    """The `finetune` group of params.yaml."""

    layers: Annotated[int, Field(ge=4, le=19)]
    learning_rate: LearningRate
    schedule: Schedule
    epochs: Count
    batch_size: Count


class Settings(NamedTuple):
    """The parameters that the stage reads."""

    finetune: Finetune
    vgg: Vgg
    augmentation: Augment
    by: str
    seed: int
    asked_precision: str


def main() -> None:
    runtime = read_params("runtime", Runtime)
    settings = Settings(
        read_params("finetune", Finetune),
        read_params("vgg", Vgg),
        read_params("augment", Augment),
        read_params("split", Split).by,
        read_seed(),
        runtime.precision,
    )
    with join_processes(runtime.distribution) as processes:
        finetune(settings, processes)


def finetune(settings: Settings, processes: Processes) -> None:
    """The stage, in each of the processes that share it; process 0 writes the outputs."""
    params, vgg, augmentation, by, seed, asked = settings
    keras.utils.set_random_seed(seed)
    manifest, head = read_manifest(), load_keras(HEAD_FILE)
    pixels, labels = read_pixels(len(manifest), vgg.image_size), labels_of(manifest)
    rows = rows_by_split(manifest, by)
    part = processes.part(params.batch_size)

    def make_batch(numbers: np.ndarray, epoch: int, step: int) -> Batch:
        rng, items = stream(seed, "finetune-vgg/augmentation", epoch, step), rows["train"][numbers[part]]
        images, of_images = pixels[items], labels[items]
        moved, of_moved = augment(images, of_images, augmentation, rng, part, len(numbers))
        augmented = draw_augmented(len(numbers), rng)[part]
        seen = np.where(augmented[:, None, None, None], moved, images)
        return seen, one_hot(np.where(augmented, of_moved, of_images))

    precision = choose_precision(asked)
    items = len(rows["train"])
    with dtype_policy(precision):
        base = load_base(vgg.image_size, BASE_FILE)
        unfreeze_last(base, params.layers)
        model = accelerated(build_classifier(base, head), params.epochs * items)
    files = (MANIFEST, PIXELS, BASE_FILE, HEAD_FILE)
    processes.agree({"parameters": (settings, precision)} | {str(path): path for path in files})
    key = fingerprint(settings, precision, *files, processes.count, processes.devices)
    checkpoint = processes.checkpoint("finetune-vgg", key)
    trainer = BatchedEpochs(
        model,
        build_adam(params.learning_rate, params.schedule, items, params.batch_size, params.epochs),
        make_batch,
        items,
        params.batch_size,
        lambda epoch: stream(seed, "finetune-vgg/order", epoch),
        processes,
    )
    with Progress("finetune-vgg", params.epochs, bar=processes.first) as progress:
        log = TrainingLog(progress, params.epochs, checkpoint)
        train(trainer, (ArrayRows(pixels, rows["val"]), labels[rows["val"]]), log)

    # The model that is saved, and judged here, computes in float32, so that it runs the same everywhere.
    final = build_classifier(load_base(vgg.image_size, BASE_FILE), head)
    final.set_weights(model.get_weights())
    # How far the training images are learned, a sample says: as many as there are test images.
    sample = stream(seed, "finetune-vgg/train-sample").permutation(rows["train"])[: len(rows["test"])]
    judged = rows | {"train": sample}
    in_float32 = model if precision == "float32" else accelerated(final, sum(map(len, judged.values())))
    probabilities = {
        split: predict(in_float32, ArrayRows(pixels, of_split), params.batch_size, processes)
        for split, of_split in judged.items()
    }
    if not processes.first:
        return
    save_keras(final, "models/final_model.keras")
    metrics = report_drivers(Path("plots/finetune_vgg"), manifest, by, log, probabilities, sample)
    if metrics["test_drivers_in_training"] == 0:
        metrics |= {
            f"unseen_drivers_accuracy{end}": metrics[f"test_accuracy{end}"] for end in ("", "_low", "_high")
        }
    metrics["parameters_trainable"] = sum(int(np.prod(w.shape)) for w in model.trainable_variables)
    write_metrics("finetune-vgg", metrics)
    checkpoint.discard()


if __name__ == "__main__":
    run_stage(main)
