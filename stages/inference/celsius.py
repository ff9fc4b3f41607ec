"""The line that stage `train-linreg` learned: Celsius to Fahrenheit."""

import math

from stages.core.errors import InputError
from stages.core.outputs import read_arrays
from stages.inference.outputs import Outputs
from stages.models import linear_neuron

LINE_FILE = "models/linreg.npz"


def load_line(outputs: Outputs) -> tuple[float, float]:
    """Weight and bias: °F = weight · °C + bias.

    Raises
    ------
    InputError
        The file is missing or damaged, or does not hold two finite numbers.
    """
    arrays = read_arrays(outputs.path(LINE_FILE), ("weight", "bias"))
    for name, array in arrays.items():
        if array.shape != () or array.dtype.kind != "f" or not math.isfinite(array):
            raise InputError(f"{LINE_FILE}: {name} is {array.dtype}{array.shape}; needed is a finite number")
    return float(arrays["weight"]), float(arrays["bias"])


def to_fahrenheit(celsius: float, line: tuple[float, float]) -> float:
    """°C → °F by a line from `load_line`.

    Raises
    ------
    InputError
        The answer is no finite number.
    """
    fahrenheit = linear_neuron.predict(celsius, *line)
    if not math.isfinite(fahrenheit):
        raise InputError(f"{celsius:g} °C: the answer is beyond the numbers that a computer has")
    return fahrenheit
