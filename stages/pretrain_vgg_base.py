"""Stage `pretrain-vgg-base`: the VGG16 base learns to see on pictures drawn by formula, never on drivers.

Frozen in dvc.yaml, since it takes more than an hour: its output is in git, and `dvc repro` leaves it alone.
To make it anew: `dvc unfreeze pretrain-vgg-base`, then `dvc repro pretrain-vgg-base`.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from stages.core.errors import InputError, run_stage
from stages.core.outputs import write_metrics, write_table
from stages.core.params import Count, Group, LearningRate, read_params
from stages.core.progress import Progress
from stages.core.runtime import choose_precision, start_keras
from stages.datasets.formula_pens import PARTS
from stages.datasets.formula_scenes import ANSWERS, draw_scenes, targets_of
from stages.models.vgg16 import EMBEDDED_FILE, save_base
from stages.models.vgg_pretraining import (
    build_pretraining_model,
    build_untrained_base,
    compile_for_pretraining,
)

VALIDATION_BATCHES = 32
LOGGED_STEPS = 100  # training losses are averaged over so many


class Pretrain(Group):
    """The `pretrain` group of params.yaml."""

    images: Annotated[list[Count], Field(min_length=1)]
    image_size: Annotated[int, Field(ge=32, le=512, multiple_of=32)]
    batch_size: Count
    learning_rate: LearningRate


def main() -> None:
    params, seed, precision = read_params("pretrain", Pretrain), start_keras(), choose_precision()
    base = build_untrained_base(params.image_size, np.random.default_rng([seed, 30]), precision)
    rounds = [max(1, images // params.batch_size) for images in params.images]

    def draw_batch(purpose: int, step: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        scenes = draw_scenes([seed, 31, purpose, step], params.batch_size, params.image_size)
        return scenes.images.astype(np.float32), targets_of(scenes)

    log: list[dict[str, float]] = []
    recent: list[dict[str, float]] = []
    done = 0
    with ThreadPoolExecutor(1) as worker, Progress("pretrain-vgg-base", sum(rounds), "step") as progress:
        upcoming = worker.submit(draw_batch, 0, 0)
        for steps in rounds:
            model = build_pretraining_model(base, len(PARTS), ANSWERS)
            compile_for_pretraining(model, steps, params.learning_rate)
            for step in range(done + 1, done + steps + 1):
                images, targets = upcoming.result()
                upcoming = worker.submit(draw_batch, 0, step)  # drawn while the network learns
                recent.append(model.train_on_batch(images, targets, return_dict=True))
                if step % LOGGED_STEPS == 0 or step == done + steps:
                    log.append({"step": step} | {name: _mean(recent, name) for name in recent[0]})
                    recent.clear()
                    if not np.isfinite(log[-1]["loss"]):
                        raise InputError(
                            f"params.yaml: pretrain.learning_rate {params.learning_rate}: training diverged"
                        )
                progress.advance()
            done += steps
    tests = [
        model.test_on_batch(*draw_batch(1, number), return_dict=True) for number in range(VALIDATION_BATCHES)
    ]

    save_base(base, EMBEDDED_FILE, np.float16)
    write_table(
        Path("plots/pretrain_vgg_base/curves.csv"), {name: [row[name] for row in log] for name in log[0]}
    )
    metrics = {f"val_{name}": _mean(tests, name) for name in tests[0]}
    write_metrics("metrics/pretrain_vgg_base.json", metrics | {"train_images": done * params.batch_size})


def _mean(rows: list[dict[str, float]], name: str) -> float:
    return float(np.mean([row[name] for row in rows]))


if __name__ == "__main__":
    run_stage(main)
