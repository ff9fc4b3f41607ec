"""Drop a picture of a driver: its class, the probabilities and where the model looked."""

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from ladder.drivers.images import (
    CLASS_NAMES,
    CLASSES,
    Drivers,
    Split,
    load_image,
    read_manifest,
)
from ladder.drivers.pictures import FORMATS
from ladder.files.errors import InputError
from ladder.files.params import read_params
from ladder.predict.drivers import DriverClassifier
from ladder.predict.outputs import Outputs
from ladder.vgg.grad_cam import overlay
from tools.demo.refusals import refusing

TITLES = [f"{short}: {name}" for short, name in zip(CLASSES, CLASS_NAMES, strict=True)]
EXAMPLE_SIDE = 160  # pixels


def unlearned_pictures() -> list[np.ndarray]:
    """One picture of each class that the model has not learned from; none where there is no data."""
    try:
        manifest = read_manifest()
        root = Path(read_params("drivers", Drivers).root)
        tests = manifest[manifest[f"by_{read_params('split', Split).by}"] == "test"]
        paths = tests.groupby("class")["path"].first()
        return [load_image(root / path, EXAMPLE_SIDE) for path in paths]
    except InputError:
        return []


def drivers_tab(outputs: Outputs) -> None:
    """Fill the tab; raises InputError as `DriverClassifier` does."""
    classifier = DriverClassifier(outputs)
    gr.Markdown(
        f"Drop a picture of a driver ({', '.join(FORMATS)}). The model knows pictures like those that it has "
        "learned from; of others its answer means nothing."
    )
    with gr.Row():
        with gr.Column(min_width=300):
            gr.Markdown("### Picture")
            picture = gr.Image(
                show_label=False, height=300, sources=["upload", "clipboard"], buttons=[], elem_id="picture"
            )
        with gr.Column(min_width=300):
            gr.Markdown("### Class")
            shares = gr.Label(show_label=False, elem_id="drivers")
        with gr.Column(min_width=300):
            gr.Markdown("### Heat-map (Grad-CAM)")
            heat = gr.Image(show_label=False, height=300, buttons=[], elem_id="heat")
    pictures = unlearned_pictures()
    if pictures:
        gr.Examples([[image] for image in pictures], picture, label="Test pictures, one of each class")

    @refusing(blank=[None, None])
    def answer(upload: dict[str, Any] | None) -> tuple[np.ndarray | None, dict[str, float] | None]:
        if upload is None:
            return None, None
        path = Path(upload["path"])
        try:
            image = load_image(path, classifier.image_size)
        except InputError as error:  # with the name that the user knows
            raise InputError(str(error).replace(str(path), upload["orig_name"] or path.name)) from None
        probabilities = classifier.predict(image[np.newaxis])[0]
        best = probabilities.argmax()
        seen = overlay(image, classifier.heat_maps(image[np.newaxis], np.array([best]))[0])
        return seen, dict(zip(TITLES, probabilities.tolist(), strict=True))

    # preprocess=False: Gradio would open the file itself, with fewer checks.
    picture.change(answer, picture, [heat, shares], preprocess=False, api_visibility="private")
