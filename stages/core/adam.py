"""Adam (Kingma and Ba 2015) with a learning rate that stays, or falls to zero."""

from typing import Literal

from stages.core.runtime import keras

Schedule = Literal["constant", "cosine"]


def build_adam(
    learning_rate: float, schedule: Schedule, items: int, batch_size: int, epochs: int
) -> keras.Optimizer:
    """Adam; with "cosine" its rate falls to zero along half a cosine over all steps of all epochs."""
    if schedule == "constant":
        return keras.optimizers.Adam(learning_rate)
    steps = -(-items // batch_size) * epochs
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps))
