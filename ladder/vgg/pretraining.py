"""The network that teaches the VGG16 base to see: its layers are asked where things are."""

import numpy as np

from ladder.training.runtime import dtype_policy, keras
from ladder.vgg.vgg16 import build_base, on_images, start_at_random

ASKED_LAYERS = {"parts_4": "block3_conv3", "parts_8": "block4_conv3", "parts_16": "block5_conv3"}
LOSS_WEIGHTS = dict.fromkeys(ASKED_LAYERS, 2.0) | {"cells": 1.0, "directions": 1.0, "held": 0.5}
WARM_UP = 0.03  # share of the steps


def build_untrained_base(image_size: int, rng: np.random.Generator, precision: str) -> keras.Model:
    """A base that computes in `precision`, with the start that lets a signal through all its layers."""
    start = build_base(image_size)
    start_at_random(start, rng)
    with dtype_policy(precision):
        base = build_base(image_size)
    base.set_weights(start.get_weights())
    return base


def build_pretraining_model(
    base: keras.Model, parts: int, answers: dict[str, tuple[int, ...]]
) -> keras.Model:
    """RGB images from 0 to 255 → logits by name, each a linear function of one layer of the base.

    `parts_4`, `parts_8` and `parts_16` [n, cells, cells, parts] come from layers that see a cell of so many
    pixels; the other `answers`, names and shapes, from the base's flattened features.
    """
    layers = keras.layers
    asked = [base.get_layer(name).output for name in ASKED_LAYERS.values()]
    extractor = on_images(keras.Model(base.input, [*asked, base.output], name=base.name))
    *maps, features = extractor.output
    outputs = {
        name: layers.Conv2D(parts, 1, dtype="float32", name=name)(feature_map)
        for name, feature_map in zip(ASKED_LAYERS, maps, strict=True)
    }
    flat = layers.Flatten(dtype="float32", name="flatten")(features)
    for name, shape in answers.items():
        logits = layers.Dense(int(np.prod(shape)), dtype="float32", name=f"{name}_flat")(flat)
        outputs[name] = layers.Reshape(shape, dtype="float32", name=name)(logits)
    return keras.Model(extractor.input, outputs, name="vgg16_pretraining")


def compile_for_pretraining(model: keras.Model, steps: int, learning_rate: float) -> None:
    """Losses, metrics and Adam with warm-up, cosine decay over `steps` and clipped gradients."""
    choice = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    presence = keras.losses.BinaryCrossentropy(from_logits=True)
    losses = {
        **dict.fromkeys(ASKED_LAYERS, presence),
        "cells": choice,
        "directions": keras.losses.MeanSquaredError(),
        "held": choice,
    }
    warm_up = max(1, round(WARM_UP * steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warm_up), warmup_target=learning_rate, warmup_steps=warm_up
    )
    optimizer = keras.optimizers.Adam(schedule, global_clipnorm=1.0)
    optimizer.build(model.trainable_variables)
    model.compile(
        optimizer,
        losses,
        loss_weights=LOSS_WEIGHTS,
        metrics={"cells": ["accuracy"], "held": ["accuracy"]},
    )
