"""The demo's program: its port, what may be missing, how it ends."""

import importlib.util
import socket

import pytest

from ladder.files.errors import InputError
from tests.demo.demo_page import start_page, stop_page, unused_port
from tests.experiments.test_compare import git
from tests.imports import ROOT
from tools.demo.__main__ import HOST, free_port, main

needs_gradio = pytest.mark.skipif(
    importlib.util.find_spec("gradio") is None, reason="Gradio is not installed: `make demo-setup`"
)


@needs_gradio
def test_without_models_each_tab_names_the_file_that_is_missing(tmp_path):
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    git("init", "-q", str(tmp_path))
    process, said = start_page(tmp_path, unused_port())
    missing = {line.split(":")[0]: line for line in said[1:-1]}
    assert list(missing) == ["Digits", "Celsius", "Drivers"]
    assert all("no such file" in line for line in missing.values())
    assert "models/final_model.keras" in missing["Drivers"]
    assert stop_page(process) == ("stopped\n", "") and process.returncode == 0


def test_a_port_in_use_is_refused_in_one_line():
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port}: address already in use; `make demo PORT="):
            free_port(str(port))


@pytest.mark.parametrize("text", ["0", "65536", "-1", "x", "", "7860.5"])
def test_what_is_no_port_is_refused(text):
    with pytest.raises(InputError, match="no port; allowed are 1 to 65535"):
        free_port(text)


def test_without_gradio_one_line_says_what_installs_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="Gradio is not installed; `make demo` installs it"):
        main(["--port", str(unused_port())])


@needs_gradio
@pytest.mark.parametrize("value", ["", "x", "data:image/png;base64,AAAA", "data:image/gif;base64,R0lGODlh"])
def test_a_drawing_that_the_pad_cannot_have_made_is_refused(value):
    from tools.demo.drawing_pad import read_drawing

    with pytest.raises(InputError, match="the drawing is no PNG"):
        read_drawing(value)
