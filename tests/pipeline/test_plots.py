"""What DVC's own pages of plots need, as docs/experiments.md says it."""

import json
import re
import shutil

import pytest

from tools.pipeline.clones import run_in


@pytest.fixture
def folder(line_clone, tmp_path):
    shutil.copytree(line_clone, tmp_path / "clone", symlinks=True)
    return tmp_path / "clone"


def test_the_page_of_plots_loads_its_drawing_library_from_the_web(folder):
    run_in(folder, "dvc", "plots", "show")
    page = (folder / "dvc_plots/index.html").read_text("utf-8")
    assert any("/vega@" in address for address in re.findall(r'<script src="(https://[^"]+)"', page))


def test_an_editor_gets_a_specification_for_each_table(folder):
    plots = json.loads(run_in(folder, "dvc", "plots", "show", "--json").stdout)["data"]
    assert {"plots/train_linreg/curves.csv", "plots/train_linreg/pairs.csv"} <= plots.keys()
    for (plot,) in plots.values():
        assert plot["type"] == "vega" and "vega-lite" in plot["content"]["$schema"]
