"""The page trains on the pipeline's own data, and says so where it holds only a part of them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from ladder.files.metrics import read_metrics
from ladder.files.params import read_params, read_seed
from ladder.files.streams import stream
from ladder.reporting import playground
from ladder.scratch import neuron
from stages import report
from stages.train_moons import Moons, draw_splits


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)


def written():
    """The report's text, and the data in it."""
    report.main()
    text = Path("report/index.html").read_text("utf-8")
    return text, json.loads(re.search(r'id="training-data">(.*?)</script>', text)[1])


def test_the_points_are_those_of_the_stage():
    moons = written()[1]["moons"]
    params, seed = read_params("moons", Moons), read_seed()
    points, labels = draw_splits(params, stream(seed, "train-moons/points"))["train"]
    on_circles, moved = np.split(np.array(moons["points"]), 2, axis=1)
    assert np.array_equal((on_circles + moons["noise"] * moved).astype(np.float32), points)
    assert np.array_equal(moons["labels"], labels)


def test_the_pairs_and_the_start_lead_to_the_weights_of_the_stage():
    data = written()[1]["neuron"]
    start = stream(read_seed(), "train-linreg/weights")
    fit = neuron.fit(data["celsius"], data["fahrenheit"], data["learning_rate"], data["epochs"], start)
    metrics = read_metrics("train-linreg")
    assert [fit.weight, fit.bias] == pytest.approx([metrics["weight"], metrics["bias"]], rel=1e-5)
    assert data["start"] == stream(read_seed(), "train-linreg/weights").standard_normal(2).tolist()


def test_of_large_data_it_takes_a_part_and_says_so(monkeypatch):
    assert "learns from the first" not in written()[0]
    monkeypatch.setattr(playground, "MOST", 50)
    text, data = written()
    assert len(data["moons"]["points"]) == len(data["neuron"]["celsius"]) == 50
    assert "It learns from the first 50 of 360 training points" in text
    assert "It learns from the first 50 of 112 training pairs" in text


def test_its_javascript_is_short():
    files = Path(playground.__file__).parent.glob("*.js")
    assert sum(len(file.read_text("utf-8").splitlines()) for file in files) <= 200
