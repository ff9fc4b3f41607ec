"""Adam (Kingma and Ba 2015) with a learning rate that stays, or falls to zero."""

from typing import Literal

from ladder.training.runtime import keras

Schedule = Literal["constant", "linear", "cosine"]


def build_adam(
    learning_rate: float, schedule: Schedule, items: int, batch_size: int, epochs: int
) -> keras.Optimizer:
    """Adam; its rate falls to zero over all steps of all epochs: "linear", or along half a cosine.

    Linear is best where there is time for few epochs (Li, Yumer and Ramanan 2020).
    """
    steps, schedules = -(-items // batch_size) * epochs, keras.optimizers.schedules
    if schedule == "linear":
        return keras.optimizers.Adam(schedules.PolynomialDecay(learning_rate, steps, end_learning_rate=0.0))
    if schedule == "cosine":
        return keras.optimizers.Adam(schedules.CosineDecay(learning_rate, steps))
    return keras.optimizers.Adam(learning_rate)
