"""A field to draw in. Gradio's own needs WebGL, and answers only when a stroke has ended."""

import base64
import io
from pathlib import Path

import gradio as gr
from PIL import Image

from ladder.files.errors import InputError

SIDE = 280  # pixels
PREFIX = "data:image/png;base64,"
HTML = f"""
<canvas width="{SIDE}" height="{SIDE}" role="img" aria-label="field to draw in"></canvas>
<button type="button">Clear</button>
"""
CSS = """
canvas { width: 100%; max-width: 280px; touch-action: none; cursor: crosshair; display: block;
  border: 1px solid var(--border-color-primary); border-radius: 8px; }
button { margin-top: 8px; padding: 6px 16px; border-radius: 8px; cursor: pointer;
  border: 1px solid var(--border-color-primary); background: var(--button-secondary-background-fill);
  color: var(--button-secondary-text-color); }
"""


def drawing_pad(elem_id: str) -> gr.HTML:
    """The field; its `input` event comes while a stroke is drawn, at its end, and when all is cleared."""
    script = Path(__file__).with_suffix(".js").read_text("utf-8")
    return gr.HTML(value="", html_template=HTML, css_template=CSS, js_on_load=script, elem_id=elem_id)


def read_drawing(value: str) -> Image.Image:
    """The picture that a drawing pad holds.

    Raises
    ------
    InputError
        The value is not what the pad makes: a PNG of its size.
    """
    try:
        content = base64.b64decode(value.removeprefix(PREFIX), validate=True)
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            if picture.size != (SIDE, SIDE):
                raise InputError(f"{picture.width}×{picture.height} pixels; needed are {SIDE}×{SIDE}")
            return picture.convert("L")
    except InputError:
        raise
    except Exception as error:  # Pillow raises many kinds for a damaged file.
        raise InputError(f"the drawing is no PNG: {error}") from None
