"""Streams of random numbers, each with a name: no two uses of the one seed draw the same numbers."""

import hashlib

import numpy as np

NAME_WORDS = 4  # of 32 bits; two names in 10¹⁹ share them


def stream(seed: int, name: str, *numbers: int) -> np.random.Generator:
    """The generator for one use of randomness.

    Parameters
    ----------
    seed : that of params.yaml, 0 to 2³² - 1.
    name : of the use, such as "train-mnist/order".
    numbers : which one of many, such as the epoch and the step; 0 to 2³² - 1.
    """
    words = np.frombuffer(hashlib.sha256(name.encode()).digest(), "<u4")[:NAME_WORDS]
    return np.random.default_rng([seed, *words.tolist(), *numbers])
