"""The report holds every figure and picture of the run, opens without a network, and is always the same."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ladder.files.errors import InputError
from ladder.files.metrics import metrics_file, read_metrics
from ladder.reporting.pages import embedded
from ladder.reporting.pictures import PICTURES
from ladder.reporting.playground import PAIRS
from stages import report
from tests.pipeline.test_dvc_yaml import PIPELINE, STAGES, paths_of
from tools.pipeline.clones import change_params

EMPTY = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source"}
EMPTY |= {"circle", "image", "path", "polyline", "rect"}


class Page(HTMLParser):
    """Checks that tags are closed in order, and collects what the tests ask for."""

    def __init__(self, text):
        super().__init__()
        self.open, self.images, self.addresses, self.cells, self.ids = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.addresses += [attributes[name] for name in ("src", "href", "srcset") if name in attributes]
        self.images += [attributes] if tag == "img" else []
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        assert tag in EMPTY

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.cells.append(data)


@pytest.fixture
def page(folder, monkeypatch):
    monkeypatch.chdir(folder)
    report.main()
    return Page(Path("report/index.html").read_text("utf-8"))


def test_every_picture_of_the_pipeline_is_in_it_with_a_text(page):
    assert len(page.images) == len(PICTURES)
    assert len({image["src"] for image in page.images}) == len(PICTURES)
    assert all(len(image["alt"]) > 20 and "{" not in image["alt"] for image in page.images)


def test_it_asks_the_network_for_nothing(page, folder):
    assert all(address.startswith(("data:", "#")) for address in page.addresses)
    text = re.sub(r"data:[^\"]*", "", (folder / "report/index.html").read_text("utf-8"))
    assert not re.search(r"https?:|//\w|@import|url\((?!#)|<script[^>]* src", text)
    assert not re.search(r"import\(|fetch\(|XMLHttpRequest|WebSocket|sendBeacon", text)


def test_links_lead_to_sections(page):
    assert {address[1:] for address in page.addresses if address.startswith("#")} <= set(page.ids)


def test_tables_hold_the_metrics_with_their_intervals(page):
    metrics = read_metrics("finetune-vgg")
    shown = [100 * metrics[f"test_accuracy{end}"] for end in ("", "_low", "_high")]
    assert "{:.1f} % [{:.1f}, {:.1f}]".format(*shown) in page.cells


def test_every_process_writes_the_same_bytes(page, folder):
    """Whatever order sets of names have in it."""
    expected = (folder / "report/index.html").read_bytes()
    for seed in "12":
        run = [sys.executable, "-m", "stages.report"]
        subprocess.run(run, cwd=folder, env=os.environ | {"PYTHONHASHSEED": seed}, check=True)
        assert (folder / "report/index.html").read_bytes() == expected


@pytest.mark.usefixtures("page")
def test_figures_follow_the_metrics_and_what_is_put_in_is_escaped():
    before = Path("params.yaml").read_bytes()
    change_params(Path(), {"drivers": {"root": "data/raw/<b>&co"}})
    report.main()
    Path("params.yaml").write_bytes(before)
    assert "data/raw/&lt;b&gt;&amp;co" in Path("report/index.html").read_text("utf-8")


def test_a_missing_picture_is_one_line_and_the_page_stays(page, folder):
    before = (folder / "report/index.html").read_bytes()
    picture = folder / "plots/draw_neuron/line.png"
    content = picture.read_bytes()
    picture.write_bytes(content[:20])
    with pytest.raises(InputError, match=r"line\.png: no readable picture"):
        report.main()
    picture.unlink()
    with pytest.raises(InputError, match=r"line\.png: .*`dvc repro` makes it"):
        report.main()
    picture.write_bytes(content)
    assert (folder / "report/index.html").read_bytes() == before


def test_photographs_are_made_smaller_and_charts_stay_as_they_are(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)).save(path)
    photo, chart = embedded(str(path), True), embedded(str(path), False)
    assert photo.address.startswith("data:image/webp") and chart.address.startswith("data:image/png")
    assert len(photo.address) < len(chart.address)
    assert photo[1:] == chart[1:] == (90, 60)


def test_its_dependencies_are_what_it_shows():
    deps = set(paths_of(STAGES["report"]["deps"]))
    plots = {path for path in deps if path.startswith("plots/")}
    assert {"/".join(path.split("/")[:2]) for path in PICTURES} | {PAIRS.as_posix()} == plots
    assert {path for path in deps if path.startswith("metrics/")} == {
        metrics_file(stage).as_posix() for stage in report.MEASURED
    }


def test_pictures_are_tracked_as_plots():
    folders = {path for path in PIPELINE["plots"] if isinstance(path, str)}
    assert {"/".join(path.split("/")[:2]) for path in PICTURES} == folders
