"""Stage `pretrain-vgg-base`: the VGG16 base learns to see on pictures drawn by formula, never on drivers.

Frozen in dvc.yaml, since it takes more than an hour: its output is in git, and `dvc repro` leaves it alone.
To make it anew: `dvc unfreeze pretrain-vgg-base`, then `dvc repro pretrain-vgg-base`.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from ladder.drawings.formula_pens import PARTS
from ladder.drawings.formula_scenes import ANSWERS, draw_scenes, targets_of
from ladder.files.errors import InputError, run_stage
from ladder.files.metrics import write_metrics
from ladder.files.outputs import write_table
from ladder.files.params import Count, Group, LearningRate, read_params, read_seed
from ladder.files.progress import Progress
from ladder.training.checkpoints import Checkpoint, fingerprint, set_variables, variable_arrays
from ladder.training.runtime import Runtime, choose_precision, keras
from ladder.vgg.pretraining import (
    build_pretraining_model,
    build_untrained_base,
    compile_for_pretraining,
)
from ladder.vgg.vgg16 import EMBEDDED_FILE, save_base

VALIDATION_BATCHES = 32
LOGGED_STEPS = 100  # training losses are averaged over so many


class Pretrain(Group):
    """The `pretrain` group of params.yaml."""

    images: Annotated[list[Count], Field(min_length=1)]
    image_size: Annotated[int, Field(ge=32, le=512, multiple_of=32)]
    batch_size: Count
    learning_rate: LearningRate


def main() -> None:
    params, seed = read_params("pretrain", Pretrain), read_seed()
    precision = choose_precision(read_params("runtime", Runtime).precision)
    keras.utils.set_random_seed(seed)
    base = build_untrained_base(params.image_size, np.random.default_rng([seed, 30]), precision)
    rounds = [max(1, images // params.batch_size) for images in params.images]

    def draw_batch(purpose: int, step: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        scenes = draw_scenes([seed, 31, purpose, step], params.batch_size, params.image_size)
        return scenes.images.astype(np.float32), targets_of(scenes)

    checkpoint = Checkpoint("pretrain-vgg-base", fingerprint(params, seed, precision))
    saved = checkpoint.load() or {"step": np.array(0)}
    done, log = int(saved["step"]), _rows(saved)
    recent: list[dict[str, float]] = []
    with ThreadPoolExecutor(1) as worker, Progress("pretrain-vgg-base", sum(rounds), "step") as progress:
        if done:
            print(f"pretrain-vgg-base: goes on after step {done}", flush=True)
            progress.advance(done)
        upcoming = worker.submit(draw_batch, 0, done)
        for number, steps in enumerate(rounds):
            keras.utils.set_random_seed(seed)  # the new layers of a round do not depend on those of the last
            model = build_pretraining_model(base, len(PARTS), ANSWERS)
            compile_for_pretraining(model, steps, params.learning_rate)
            variables = [*model.variables, *model.optimizer.variables]
            first, last = sum(rounds[:number]), sum(rounds[: number + 1])
            if first < done <= last:
                set_variables(variables, saved)
            for step in range(max(first, done) + 1, last + 1):
                images, targets = upcoming.result()
                upcoming = worker.submit(draw_batch, 0, step)  # drawn while the network learns
                recent.append(model.train_on_batch(images, targets, return_dict=True))
                progress.advance()
                if step % LOGGED_STEPS == 0 or step == last:
                    log.append({"step": step} | {name: _mean(recent, name) for name in recent[0]})
                    recent.clear()
                    if not np.isfinite(log[-1]["loss"]):
                        raise InputError(
                            f"params.yaml: pretrain.learning_rate {params.learning_rate}: training diverged"
                        )
                    checkpoint.save_if_due(lambda step=step, of=variables: _state(step, log, of))
    tests = [
        model.test_on_batch(*draw_batch(1, number), return_dict=True) for number in range(VALIDATION_BATCHES)
    ]

    save_base(base, EMBEDDED_FILE, np.float16)
    write_table(
        Path("plots/pretrain_vgg_base/curves.csv"), {name: [row[name] for row in log] for name in log[0]}
    )
    metrics = {f"val_{name}": _mean(tests, name) for name in tests[0]}
    write_metrics("pretrain-vgg-base", metrics | {"train_images": sum(rounds) * params.batch_size})
    checkpoint.discard()


def _state(step: int, log: list[dict[str, float]], variables: list[keras.Variable]) -> dict[str, np.ndarray]:
    columns = {f"log_{name}": np.array([row[name] for row in log]) for name in log[0]}
    return variable_arrays(variables) | columns | {"step": np.array(step)}


def _rows(state: dict[str, np.ndarray]) -> list[dict[str, float]]:
    """The log that `_state` has taken apart."""
    columns = {
        name.removeprefix("log_"): column.tolist()
        for name, column in state.items()
        if name.startswith("log_")
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _mean(rows: list[dict[str, float]], name: str) -> float:
    return float(np.mean([row[name] for row in rows]))


if __name__ == "__main__":
    run_stage(main)
