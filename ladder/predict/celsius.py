"""The line that stage `train-linreg` learned: Celsius to Fahrenheit."""

import math

from ladder.files.errors import InputError
from ladder.files.outputs import read_arrays
from ladder.predict.answers import Answer
from ladder.predict.outputs import Outputs
from ladder.scratch import neuron as linear_neuron

LINE_FILE = "models/linreg.npz"
HEADING = f"{'°C':>10}  {'°F':>10}"


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


def formula(weight: float, bias: float) -> str:
    """The line in words: °F = 1.8 · °C + 32."""
    return f"°F = {weight:.6g} · °C {'-' if bias < 0 else '+'} {abs(bias):.6g}"


def celsius_answer(value: str, weight: float, bias: float) -> Answer:
    """The answer about one temperature in °C.

    Raises
    ------
    InputError
        `value` is not a number, or it or the answer is not finite.
    """
    try:
        celsius = float(value)
    except ValueError:
        raise InputError(f"{value!r}: not a number of degrees Celsius") from None
    fahrenheit = linear_neuron.predict(celsius, weight, bias)
    if not math.isfinite(celsius) or not math.isfinite(fahrenheit):
        raise InputError(f"{value!r}: not a finite number of degrees")
    answer = {"celsius": celsius, "fahrenheit": float(f"{fahrenheit:.6g}")}
    line = f"{celsius:10g}  {fahrenheit:10.6g}"
    return Answer(answer | {"weight": weight, "bias": bias}, [answer], [line])
