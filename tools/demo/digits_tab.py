"""Draw a digit, and the three networks say at once which it is."""

from typing import Any

import gradio as gr
import numpy as np

from ladder.digits.images import CLASS_NAMES
from ladder.predict.digits import DigitNetworks, read_digit
from ladder.predict.outputs import Outputs
from tools.demo.drawing_pad import drawing_pad, read_drawing
from tools.demo.refusals import refusing

NETWORKS = {"mlp_numpy": "NumPy", "mlp_keras": "Keras", "mnist": "Deep"}
SHOWN = 3  # probabilities of each


def digits_tab(outputs: Outputs) -> None:
    """Fill the tab; raises InputError as `DigitNetworks` does."""
    networks = DigitNetworks(outputs)
    gr.Markdown(
        "Draw a digit. While you draw, three networks answer: one written from scratch in NumPy, the same in "
        "Keras, and a deep one."
    )
    with gr.Row():
        with gr.Column(min_width=300):
            pad = drawing_pad("pad")
        with gr.Column(min_width=300):
            with gr.Row():
                labels = {
                    name: gr.Label(label=title, num_top_classes=SHOWN, min_width=90, elem_id=name)
                    for name, title in NETWORKS.items()
                }
            seen = gr.Image(show_label=False, format="png", height=170, buttons=[], elem_id="seen")
            how = gr.Markdown(elem_id="how")
    blank = [None, ""] + [None] * len(labels)

    @refusing(blank)
    def answer(drawing: str) -> list[Any]:
        if not drawing:
            return blank
        reading = read_digit(read_drawing(drawing))
        found = networks.predict(reading.image[np.newaxis])
        shares = [dict(zip(CLASS_NAMES, found[name][0].tolist(), strict=True)) for name in labels]
        return [reading.image, f"What the networks see: {reading.how}.", *shares]

    pad.input(
        answer,
        pad,
        [seen, how, *labels.values()],
        trigger_mode="always_last",
        show_progress="hidden",
        api_visibility="private",
    )
