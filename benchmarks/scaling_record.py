"""The constants of docs/scaling.md, measured here, and what the model predicts where it can be checked.

    python -m benchmarks.scaling_record

Keeps both in benchmarks/scaling_record.json. Weights and pixels are random: they do not change the work. The
checks run the stages as the pipeline does, on images of other sizes than the one of the constants.
"""

import json
import os
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.machine import describe_machine, describe_versions
from benchmarks.scaling_model import (
    REFERENCE_SIZE,
    Cluster,
    Constants,
    extraction,
    fine_tuning,
    weights_that_learn,
)
from benchmarks.stage_runs import run_stages, time_stage
from benchmarks.timing import seconds, use_cpu
from benchmarks.vgg_scaling import make_images
from stages.core.adam import build_adam
from stages.core.errors import run_command
from stages.core.keras_training import TrainingStep
from stages.core.outputs import replacing
from stages.core.params import read_params
from stages.core.runtime import choose_precision, dtype_policy, keras
from stages.datasets.augmentation import Augment, augment
from stages.datasets.driver_images import CLASSES, load_image
from stages.datasets.vgg_features import CHANNELS
from stages.finetune_vgg import Finetune
from stages.models.vgg16 import (
    build_base,
    build_classifier,
    build_feature_extractor,
    build_head,
    unfreeze_last,
)
from stages.train_vgg_head import VggHead

RESULTS = Path(__file__).with_suffix(".json")
RUNS = 7
PHOTOGRAPH = (640, 480)  # pixels, of State Farm's set
LARGE, SMALL = 32, 8  # images of a batch
WRITTEN = 2**30  # bytes
CHECKED = ((640, 96), (320, 160))  # images, and pixels to their side
CHECKED_EPOCHS = 3


def median_seconds(function: Callable[[], object]) -> float:
    """The median of RUNS calls, after one that traces and compiles."""
    function()
    return statistics.median(seconds(function) for _ in range(RUNS))


def decode_seconds(folder: Path) -> float:
    """Of one photograph, in one thread."""
    coarse = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8))
    coarse.resize(PHOTOGRAPH, Image.Resampling.BICUBIC).save(folder / "photograph.jpg")
    return median_seconds(partial(load_image, folder / "photograph.jpg", REFERENCE_SIZE))


def write_seconds(folder: Path) -> float:
    """Of one byte, until the disk has it."""
    content = np.random.default_rng(0).bytes(WRITTEN)

    def write() -> None:
        with (folder / "written").open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    return median_seconds(write) / WRITTEN


def model_constants(precision: str) -> dict[str, float]:
    """Seconds per image forward and in training, and per weight and step of the optimizer, on all cores."""
    params, head_params = read_params("finetune", Finetune), read_params("vgg_head", VggHead)
    keras.utils.set_random_seed(0)
    with dtype_policy(precision):
        base = build_base(REFERENCE_SIZE)
        unfreeze_last(base, params.layers)
        extractor = build_feature_extractor(base)
        mean, variance = np.zeros(CHANNELS), np.ones(CHANNELS)
        shape = (*base.output_shape[1:3], CHANNELS)
        head = build_head(shape, mean, variance, head_params.units, head_params.dropout, len(CLASSES))
        model = build_classifier(base, head)
    images = np.random.default_rng(0).uniform(0, 255, (LARGE, *base.input_shape[1:])).astype(np.float32)
    targets = np.eye(len(CLASSES), dtype=np.float32)[np.arange(LARGE) % len(CLASSES)]
    step = TrainingStep(model, build_adam(params.learning_rate, params.schedule, LARGE, LARGE, params.epochs))
    large, small = (median_seconds(lambda n=n: step(images[:n], targets[:n])) for n in (LARGE, SMALL))
    training = (large - small) / (LARGE - SMALL)
    return {
        "forward": median_seconds(lambda: extractor.predict_on_batch(images)) / LARGE,
        "training": training,
        "update": (small - SMALL * training) / weights_that_learn(REFERENCE_SIZE),
    }


def augment_seconds() -> float:
    """Of one image of the reference size, on all cores."""
    rng, params = np.random.default_rng(0), read_params("augment", Augment)
    images = rng.integers(0, 256, (LARGE, REFERENCE_SIZE, REFERENCE_SIZE, 3), np.uint8)
    classes = np.zeros(LARGE, int)
    return median_seconds(lambda: augment(images, classes, params, rng)) / LARGE


def this_machine(constants: dict[str, float], cores: int) -> Cluster:
    """All cores of the machine that was measured, as one device."""
    device = Constants(*(constants[name] for name in Constants._fields))
    return Cluster(f"{cores} cores", 1, 1, cores, device, network=0.0, disk=1 / constants["write"])


def check(folder: Path, machine: Cluster, count: int, size: int) -> list[dict[str, Any]]:
    """Seconds that the model predicts and that two stages take, what they do just once left out."""
    vgg = {"weights": "random", "image_size": size}
    epochs = {"epochs": CHECKED_EPOCHS}
    (folder / "data").mkdir(parents=True)
    make_images(folder, count, size)
    changes = {"vgg": vgg, "vgg_head": {"epochs": 1}, "finetune": epochs}
    run_stages(folder, changes, ["prepare_vgg_base"])
    (extracted,) = time_stage(folder, "extract_vgg_features")
    run_stages(folder, changes, ["train_vgg_head"])
    (tuned,) = time_stage(folder, "finetune_vgg")
    first, last = min(extracted), max(extracted)
    rows = {
        "extract-vgg-features": (
            sum(extraction(machine, count, size).values()),
            (extracted[last] - extracted[first]) * last / (last - first),
        ),
        "finetune-vgg, an epoch": (
            sum(fine_tuning(machine, count, size, epochs=1).values()),
            (tuned[CHECKED_EPOCHS] - tuned[1]) / (CHECKED_EPOCHS - 1),
        ),
    }
    return [
        {"stage": stage, "images": count, "size": size, "predicted": predicted, "measured": measured}
        for stage, (predicted, measured) in rows.items()
    ]


def rounded(record: Any) -> Any:
    """Every number with four significant digits."""
    if isinstance(record, dict):
        return {key: rounded(value) for key, value in record.items()}
    if isinstance(record, list):
        return [rounded(value) for value in record]
    return float(f"{record:.4g}") if isinstance(record, float) else record


def main() -> None:
    use_cpu()
    precision, cores = choose_precision(), os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # A core decodes alone; TensorFlow augments on all of them.
        constants = {"decode": decode_seconds(folder), "augment": augment_seconds() * cores}
        constants |= model_constants(precision) | {"write": write_seconds(folder)}
        machine = this_machine(constants, cores)
        checks = [row for case in CHECKED for row in check(folder / f"{case[1]}", machine, *case)]
    record = {"machine": describe_machine(), "versions": describe_versions(), "precision": precision}
    record |= {"constants": constants, "checks": checks}
    with replacing(RESULTS) as temporary:
        temporary.write_text(json.dumps(rounded(record), indent=1) + "\n", "utf-8")
    print(json.dumps(rounded(record), indent=1))


if __name__ == "__main__":
    run_command(main)
