"""What the page says of input that it cannot use."""

import functools
import html
from collections.abc import Callable
from typing import Any

import gradio as gr

from ladder.files.errors import InputError


def refusing(blank: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make an `InputError` a message on the page, and `blank` the answer; a bug keeps its traceback."""

    def decorate(answer: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(answer)
        def handler(*inputs: Any) -> Any:
            try:
                return answer(*inputs)
            except InputError as error:
                gr.Warning(html.escape(str(error)), duration=None)  # shown as HTML
                return blank

        return handler

    return decorate
