"""One fine-tuning step of VGG16 in bfloat16, beside the same step in float32.

    python -m benchmarks.vgg_finetune_precision

The model, its trainable layers and the batch are those of stage finetune-vgg with the params.yaml of the
current folder. Weights and pixels are random: they do not change the work.
"""

import os
from collections.abc import Callable

import numpy as np

from benchmarks.machine import describe_machine
from benchmarks.timing import Row, alternate, make_row, print_rows, use_cpu
from stages.core.errors import run_command
from stages.core.params import read_params
from stages.core.runtime import dtype_policy, keras
from stages.datasets.driver_images import CLASSES
from stages.datasets.vgg_features import CHANNELS
from stages.finetune_vgg import Finetune
from stages.models.vgg16 import build_base, build_classifier, build_head, unfreeze_last
from stages.models.vgg_params import Vgg
from stages.train_vgg_head import VggHead

RUNS = 9


def training_step(precision: str, images: np.ndarray, targets: np.ndarray) -> Callable[[], object]:
    """A function that makes one step in this dtype policy, already traced and compiled.

    Parameters
    ----------
    images, targets : float32 [batch, size, size, 3], 0 to 255, and one-hot [batch, classes].
    """
    params, head_params = read_params("finetune", Finetune), read_params("vgg_head", VggHead)
    keras.utils.set_random_seed(0)
    with dtype_policy(precision):
        base = build_base(images.shape[1])
        unfreeze_last(base, params.layers)
        mean, variance = np.zeros(CHANNELS), np.ones(CHANNELS)
        shape, classes = (*base.output_shape[1:3], CHANNELS), targets.shape[1]
        head = build_head(shape, mean, variance, head_params.units, head_params.dropout, classes)
        model = build_classifier(base, head)
    model.compile(
        keras.optimizers.Adam(params.learning_rate), "categorical_crossentropy", metrics=["accuracy"]
    )
    model.train_on_batch(images, targets)
    return lambda: model.train_on_batch(images, targets)


def random_batch() -> tuple[np.ndarray, np.ndarray]:
    """Images and one-hot targets of one step, as `training_step` takes them."""
    size, batch_size = read_params("vgg", Vgg).image_size, read_params("finetune", Finetune).batch_size
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (batch_size, size, size, 3)).astype(np.float32)
    return images, np.eye(len(CLASSES), dtype=np.float32)[rng.integers(0, len(CLASSES), batch_size)]


def rows() -> list[Row]:
    """Measure the step in both precisions."""
    use_cpu()
    params, (images, targets) = read_params("finetune", Finetune), random_batch()
    size = images.shape[1]
    steps = [training_step(precision, images, targets) for precision in ("mixed_bfloat16", "float32")]
    note = (
        f"one step of VGG16 with its last {params.layers} layers learning, {params.batch_size} images of "
        f"{size} pixels, Adam, in mixed_bfloat16 against float32; all {os.cpu_count()} cores, median "
        f"of {RUNS} alternating steps, compiling left out; a ratio of 4 is expected of amx_bf16 "
        f"alone, this CPU has {', '.join(describe_machine()['flags']) or 'no known vector instructions'}"
    )
    return [make_row("finetune_bfloat16_vs_float32", *alternate(RUNS, *steps), "s/step", note)]


def main() -> None:
    print_rows(rows())


if __name__ == "__main__":
    run_command(main)
