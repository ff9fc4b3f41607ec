"""Real photographs of drivers go the whole way: from the list to heat-maps. Skipped where there are none."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.vgg import photographs_record
from ladder.drivers.images import CLASSES, CSV_NAME, read_manifest
from ladder.files.metrics import read_metrics
from ladder.predict.drivers import DriverClassifier, classify_files
from ladder.predict.outputs import Outputs
from tests.vgg.test_vgg_stages import SIZE, SMALL
from tests.workspace import run
from tools.pipeline.clones import ROOT, change_params, copy_repository

PHOTOGRAPHS = Path(os.environ.get("STATE_FARM", ROOT.parent / "shared/data/state-farm"))
needs_photographs = pytest.mark.skipif(
    not (PHOTOGRAPHS / CSV_NAME).exists(), reason="no photographs in the folder $STATE_FARM"
)
DRIVERS, EACH = 5, 3


def some_photographs(folder):
    """Some photographs of each class of a few drivers, in State Farm's layout."""
    table = pd.read_csv(PHOTOGRAPHS / CSV_NAME)
    complete = table.groupby("subject")["classname"].nunique() == len(CLASSES)
    chosen = table[table["subject"].isin(complete.index[complete][:DRIVERS])]
    chosen = chosen.groupby(["subject", "classname"]).head(EACH)
    for classname, name in chosen[["classname", "img"]].itertuples(index=False):
        path = Path("imgs/train", classname, name)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes((PHOTOGRAPHS / path).read_bytes())
    chosen.to_csv(folder / CSV_NAME, index=False)


@needs_photographs
def test_photographs_go_the_whole_way_from_the_list_to_heat_maps(tmp_path, monkeypatch):
    root, folder = tmp_path / "photographs", tmp_path / "project"
    some_photographs(root)
    folder.mkdir()
    copy_repository(folder)
    change_params(folder, SMALL | {"drivers": {"root": str(root)}})
    monkeypatch.chdir(folder)
    for stage in (
        "split-driver-images",
        "prepare-vgg-base",
        "extract-vgg-features",
        "train-vgg-head",
        "finetune-vgg",
    ):
        run(stage)
    assert read_manifest()["subject"].nunique() == DRIVERS
    assert read_metrics("train-vgg-head")["folds_test_drivers"] == DRIVERS
    files = sorted(root.glob("imgs/train/*/*.jpg"))
    answers = list(classify_files(files, DriverClassifier(Outputs()), heat_maps=True))
    assert [answer.path for answer in answers] == files
    for found in answers:
        assert found.answer.probabilities.sum() == pytest.approx(1, abs=1e-5)
        assert found.answer.heat.shape == (SIZE, SIZE) and found.answer.heat.min() >= 0


def test_the_record_keeps_its_runs_and_has_a_row_for_each(tmp_path, monkeypatch):
    monkeypatch.setattr(photographs_record, "RESULTS", tmp_path / "record.json")
    correct, drivers = np.array([True, True, False, True]), np.array(["a", "a", "b", "b"])
    for base in ("embedded", "imagenet"):
        kept = photographs_record.measured(correct, drivers, 9.6, base=base, model="new head", split="driver")
        photographs_record.keep([kept])
    runs = photographs_record.read_runs()
    assert [run["test_accuracy"] for run in runs] == [0.75, 0.75]
    lines = photographs_record.table(runs).splitlines()
    assert [line.split(" | ")[1] for line in lines[2:]] == ["imagenet", "embedded"]
    assert lines[2].endswith("| 10 |")
