"""VGG16 in float32 on a CPU by Winograd, beside oneDNN's direct convolutions, bfloat16 and PyTorch.

    python -m benchmarks vgg_convolutions

A training step is that of stage finetune-vgg and a forward pass that of extract-vgg-features, with the
params.yaml of the current folder; weights and pixels are random, which does not change the work. A row beside
PyTorch is there where PyTorch is installed; it is no package of the pipeline. To measure as a processor with
AVX2 alone would: ONEDNN_MAX_CPU_ISA=AVX2 XLA_FLAGS=--xla_cpu_max_isa=AVX2.
"""

import os
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from benchmarks.machine import LIMIT
from benchmarks.timing import Row, alternate, make_row, print_rows, use_cpu
from ladder.drivers.images import CLASSES
from ladder.files.errors import run_command
from ladder.files.params import read_params
from ladder.training.batched_epochs import TrainingStep
from ladder.training.optimizers import build_adam
from ladder.training.prediction import predict_batch
from ladder.training.runtime import bfloat16_hardware, dtype_policy, keras
from ladder.vgg.features import CHANNELS
from ladder.vgg.params import Vgg
from ladder.vgg.vgg16 import (
    CELLS,
    FEATURE_LAYERS,
    build_base,
    build_classifier,
    build_feature_extractor,
    build_head,
    unfreeze_last,
)
from ladder.vgg.winograd import accelerated
from stages.finetune_vgg import Finetune
from stages.train_vgg_head import VggHead

RUNS = 7
ENOUGH = 10**9  # images, for which compiling is worth while


def classifier(size: int, policy: str) -> keras.Model:
    """The model that finetune-vgg trains, with random weights."""
    head_params = read_params("vgg_head", VggHead)
    keras.utils.set_random_seed(0)
    with dtype_policy(policy):
        base = build_base(size)
        unfreeze_last(base, read_params("finetune", Finetune).layers)
        shape = build_feature_extractor(base).output_shape[1:]
        mean, variance = np.zeros(CHANNELS), np.ones(CHANNELS)
        head = build_head(shape, mean, variance, head_params.units, head_params.dropout, len(CLASSES))
        return build_classifier(base, head)


def random_batch(size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images [count, size, size, 3] and one-hot classes."""
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (count, size, size, 3)).astype(np.float32)
    return images, np.eye(len(CLASSES), dtype=np.float32)[rng.integers(0, len(CLASSES), count)]


def keras_step(model: keras.Model, images: np.ndarray, targets: np.ndarray) -> Callable[[], object]:
    """A function that makes one training step."""
    optimizer = build_adam(read_params("finetune", Finetune).learning_rate, "constant", 1, 1, 1)
    step = TrainingStep(model, optimizer, len(images))
    return lambda: step(images, targets, len(images))


def torch_step(images: np.ndarray, targets: np.ndarray) -> Callable[[], object]:
    """A step of the same layers in PyTorch, as its users write it: channels last, Adam, block 1 frozen."""
    import torch
    from torch import nn

    layers, channels = nn.ModuleDict(), 3
    for block, (count, filters) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), 1):
        for number in range(1, count + 1):
            convolution = nn.Conv2d(channels, filters, 3, padding=1)
            layers[f"block{block}_conv{number}"] = nn.Sequential(convolution, nn.ReLU())
            channels = filters
        layers[f"block{block}_pool"] = nn.MaxPool2d(2)
    layers = layers.to(memory_format=torch.channels_last)
    for number in (1, 2):
        layers[f"block1_conv{number}"].requires_grad_(False)
    cells = min(CELLS, images.shape[1] // 32)
    wide, units = CHANNELS * cells**2, read_params("vgg_head", VggHead).units
    hidden = [nn.Linear(wide, units), nn.ReLU()] if units else []
    head = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(units or wide, len(CLASSES)))
    weights = [weight for weight in (*layers.parameters(), *head.parameters()) if weight.requires_grad]
    optimizer = torch.optim.Adam(weights)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last) / 255
    classes = torch.from_numpy(targets.argmax(axis=1))

    def step() -> float:
        levels, x = [], pixels
        for name, layer in layers.items():
            x = layer(x)
            if name in FEATURE_LAYERS:
                levels.append(nn.functional.adaptive_avg_pool2d(x, cells))
            if len(levels) == len(FEATURE_LAYERS):
                break
        loss = nn.functional.cross_entropy(head(torch.cat(levels, dim=1)), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def compile_seconds(calls: list[Callable[[], object]]) -> str:
    """What the first call of each takes."""
    spent = []
    for call in calls:
        start = time.perf_counter()
        call()
        spent.append(f"{time.perf_counter() - start:.0f}")
    return " and ".join(spent)


def rows() -> list[Row]:
    """Measure training steps and forward passes."""
    use_cpu()
    size, count = read_params("vgg", Vgg).image_size, read_params("finetune", Finetune).batch_size
    images, targets = random_batch(size, count)
    note = (
        f"{count} images of {size} pixels, float32 against {{}}; all {os.cpu_count()} cores; median of "
        f"{RUNS} alternating runs"
    )

    plain = classifier(size, "float32")
    steps = [keras_step(model, images, targets) for model in (accelerated(plain, ENOUGH), plain)]
    compiling = compile_seconds(steps)
    found = alternate(RUNS, *steps)
    first = f"one step of VGG16, its last layers learning, Adam; {note.format('direct convolutions')}"
    measured = [
        make_row(
            "finetune_winograd_vs_onednn",
            *found,
            "s/step",
            f"{first}; before the first step ours compiles and theirs traces for {compiling} s",
        )
    ]
    others = [("bfloat16", lambda: keras_step(classifier(size, "mixed_bfloat16"), images, targets))]
    if not bfloat16_hardware() or LIMIT in os.environ:
        others.clear()  # emulated, and far slower, or not there
    if find_spec("torch"):
        others.append(("PyTorch", lambda: torch_step(images, targets)))
    for name, build in others:
        peer = build()
        peer()
        measured.append(
            make_row(
                f"finetune_winograd_vs_{name.lower()}",
                *alternate(RUNS, steps[0], peer),
                "s/step",
                f"one step of VGG16, its last layers learning, Adam; {note.format(name)}",
            )
        )

    extractor = build_feature_extractor(build_base(size))
    passes = [
        lambda model=model: predict_batch(model, images, count)
        for model in (accelerated(extractor, ENOUGH), extractor)
    ]
    compiling = compile_seconds(passes)
    rates = [count / seconds for seconds in alternate(RUNS, *passes)]
    forward = f"the base's features; {note.format('direct convolutions')}"
    measured.append(
        make_row(
            "extract_winograd_vs_onednn",
            *rates,
            "images/s",
            f"{forward}; before the first pass ours compiles and theirs traces for {compiling} s",
        )
    )
    return measured


def main() -> None:
    print_rows(rows())


if __name__ == "__main__":
    run_command(main)
