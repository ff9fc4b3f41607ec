"""One fine-tuning step of VGG16 in float32 with oneDNN's kernels, beside TensorFlow's own.

    python -m benchmarks.vgg_kernels

TensorFlow by itself takes oneDNN's on processors with AVX-512 VNNI alone; the stages take them everywhere.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from benchmarks.timing import Row, alternate, make_row, print_rows, use_cpu
from benchmarks.vgg_finetune_precision import random_batch, training_step
from stages.core.errors import run_command

RUNS = 9
SWITCH = "TF_ENABLE_ONEDNN_OPTS"  # TensorFlow reads it once, while it is imported

_steps = []  # of this process


def prepare() -> None:
    """Build the step that `step` makes."""
    use_cpu()
    _steps.append(training_step("float32", *random_batch()))


def step() -> float:
    """One step; the mean of its loss and metrics, so that both sides can be seen to do the same."""
    return float(np.mean(_steps[0]()))


def rows() -> list[Row]:
    """Measure the step with both kinds of kernels, each in a process of its own."""
    before, sides = os.environ.get(SWITCH), []
    try:
        for value in ("1", "0"):
            os.environ[SWITCH] = value  # for the process that starts now
            sides.append(ProcessPoolExecutor(1, mp_context=get_context("spawn")))
            sides[-1].submit(prepare).result()
        times = alternate(RUNS, *(lambda side=side: side.submit(step).result() for side in sides))
    finally:
        os.environ.pop(SWITCH)
        if before is not None:
            os.environ[SWITCH] = before
        for side in sides:
            side.shutdown()
    images = random_batch()[0]
    note = (
        f"one step of VGG16, {len(images)} images of {images.shape[1]} pixels, Adam, float32; oneDNN's "
        f"kernels against TensorFlow's own; all {os.cpu_count()} cores, median of {RUNS} alternating steps"
    )
    return [make_row("finetune_onednn_vs_without", *times, "s/step", note)]


def main() -> None:
    print_rows(rows())


if __name__ == "__main__":
    run_command(main)
