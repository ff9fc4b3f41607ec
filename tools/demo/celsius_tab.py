"""Move along the line from Celsius to Fahrenheit that the neuron has learned."""

import gradio as gr
from matplotlib.figure import Figure

from ladder.figures.style import BLUE, VERMILION
from ladder.files.params import read_params
from ladder.predict.celsius import formula, load_line
from ladder.predict.outputs import Outputs
from ladder.scratch.neuron import predict
from stages.generate_celsius_data import Celsius


def draw_line(low: float, high: float, line: tuple[float, float], celsius: float) -> Figure:
    """The learned line (weight, bias) from `low` to `high` °C, and the point on it."""
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    lowest, highest, fahrenheit = (predict(x, *line) for x in (low, high, celsius))
    axes.plot([low, high], [lowest, highest], color=BLUE, label=formula(*line))
    axes.plot([celsius, celsius, low], [lowest, fahrenheit, fahrenheit], ":", color=VERMILION)
    axes.plot([celsius], [fahrenheit], "o", color=VERMILION)
    axes.set(xlabel="temperature (°C)", ylabel="temperature (°F)")
    axes.legend(loc="upper left")
    return figure


def celsius_tab(outputs: Outputs) -> None:
    """Fill the tab; raises InputError as `load_line` and `read_params` do."""
    line, learned = load_line(outputs), read_params("celsius", Celsius)

    def answer(celsius: float) -> tuple[str, Figure]:
        text = f"## {celsius:g} °C = {predict(celsius, *line):.2f} °F"
        exact = f"Exactly, it is {1.8 * celsius + 32:.2f} °F."
        return f"{text}\n{exact}", draw_line(learned.low, learned.high, line, celsius)

    start = (learned.low + learned.high) / 2
    text, figure = answer(start)
    gr.Markdown("One neuron has learned the line from pairs in the range of the slider.")
    celsius = gr.Slider(learned.low, learned.high, start, step=0.5, label="Celsius", elem_id="celsius")
    shown = [gr.Markdown(text, elem_id="fahrenheit"), gr.Plot(figure, show_label=False, elem_id="line")]
    celsius.change(
        answer,
        celsius,
        shown,
        trigger_mode="always_last",
        show_progress="hidden",
        api_visibility="private",
    )
