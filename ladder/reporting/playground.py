"""What the page needs to train the two smallest models itself: data, settings, and where they start."""

from typing import Annotated, Any, cast

import numpy as np
from pydantic import Field
from sklearn.datasets import make_moons

from ladder.files.params import Count, Group, LayerSizes, LearningRate, Momentum
from ladder.files.streams import stream
from ladder.files.tables import read_table
from ladder.rungs import NEURON

PAIRS = NEURON.plots() / "pairs.csv"
MOST = 1000  # pairs or points of each model; more would make the page slow and large


class Shown(Group, extra="ignore"):
    """A group of params.yaml that another stage checks as a whole; the page takes some of its keys."""


class Linreg(Shown):
    """What the page takes of the `linreg` group."""

    learning_rate: LearningRate
    epochs: Count


class Moons(Shown):
    """What the page takes of the `moons` group."""

    points: Count
    noise: Annotated[float, Field(ge=0)]
    layers: LayerSizes
    learning_rate: LearningRate
    momentum: Momentum
    epochs: Count
    batch_size: Count


def seed_words(seed: int, name: str) -> Any:
    """The numbers of 32 bits that seed a stream."""
    return cast(np.random.SeedSequence, stream(seed, name).bit_generator.seed_seq).entropy


def neuron_data(params: Linreg, seed: int) -> dict[str, Any]:
    """The training pairs of `train-linreg`, and the weight and bias that it starts from."""
    pairs = read_table(PAIRS, ("split", "celsius", "fahrenheit"), str)
    train = pairs[pairs["split"] == "train"]
    return {
        "learning_rate": params.learning_rate,
        "epochs": params.epochs,
        "count": len(train),
        "celsius": train["celsius"].astype(float).tolist()[:MOST],
        "fahrenheit": train["fahrenheit"].astype(float).tolist()[:MOST],
        "start": stream(seed, "train-linreg/weights").standard_normal(2).tolist(),
    }


def moons_data(params: Moons, seed: int) -> dict[str, Any]:
    """The training points of `train-moons`: x₁ and x₂ on the half circles, and how far noise of 1 moves them.

    `weights` and `order` seed these two streams; the order of an epoch takes the epoch's number too.
    """
    state = int(stream(seed, "train-moons/points").integers(2**32))
    on_circles, labels = make_moons(params.points, random_state=state)
    moved = make_moons(params.points, noise=1.0, random_state=state)[0] - on_circles
    count = params.points * 6 // 10
    shown = min(count, MOST)
    return {
        "learning_rate": params.learning_rate,
        "momentum": params.momentum,
        "epochs": params.epochs,
        "batch_size": params.batch_size,
        "layers": params.layers,
        "noise": params.noise,
        "count": count,
        "points": np.hstack([on_circles, moved])[:shown].tolist(),
        "labels": labels[:shown].tolist(),
        "weights": seed_words(seed, "train-moons/weights"),
        "order": seed_words(seed, "train-moons/order"),
    }
