"""The model of docs/scaling.md: what its terms must do, and that its constants can be measured."""

import json

import pytest

from benchmarks import scaling_model, scaling_record, scaling_tables, stage_runs
from benchmarks.scaling_model import (
    Cluster,
    Constants,
    exchanged_bytes,
    extraction,
    feature_bytes,
    fine_tuning,
)
from tests.imports import ROOT
from tools.clones import TINY, change_params

CONSTANTS = Constants(decode=1.0, augment=2.0, forward=3.0, training=9.0, update=0.0)


def cluster(hosts, devices=1, cores=4):
    return Cluster("", hosts, devices, cores, CONSTANTS, network=1e6, disk=1e6)


def test_the_weights_that_learn_are_those_that_the_stage_counts():
    metrics = json.loads((ROOT / "metrics/finetune_vgg.json").read_text("utf-8"))
    assert scaling_model.weights_that_learn(96) == metrics["parameters_trainable"]


def test_the_bytes_of_a_view_are_those_of_its_array():
    assert feature_bytes(224) == 7 * 7 * 1280 * 2
    assert feature_bytes(96) == 3 * 3 * 1280 * 2


def test_more_devices_divide_the_arithmetic_and_nothing_else_of_extraction():
    one, four = (extraction(cluster(1, devices), 100, 224) for devices in (1, 4))
    assert one["compute"] == 100 * 4.2 * 3.0 == 4 * four["compute"]
    assert one["augmentation"] == 100 * 3.2 * 2.0 / 4
    assert {term: four[term] for term in one if term != "compute"} == {
        term: one[term] for term in one if term != "compute"
    }


def test_only_several_hosts_pay_for_the_network():
    assert exchanged_bytes(224, 1) == 0
    assert exchanged_bytes(224, 2) == 4 * scaling_model.weights_that_learn(224)
    for stage in (extraction, fine_tuning):
        assert stage(cluster(1, 2), 100, 224)["network"] == 0 < stage(cluster(2, 1), 100, 224)["network"]


def test_smaller_images_cost_by_their_area():
    large, small = (fine_tuning(cluster(1), 100, size) for size in (224, 112))
    assert large["compute"] == pytest.approx(4 * small["compute"])
    assert large["compute"] == pytest.approx(10 * (80 * 9.0 + 10 * 3.0))


def test_constants_are_measured_and_the_stages_run_beside_the_model(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    change_params(tmp_path, TINY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stage_runs, "PARAMS", tmp_path / "params.yaml")
    for name, value in {
        "RESULTS": tmp_path / "record.json",
        "REFERENCE_SIZE": 32,
        "RUNS": 1,
        "WRITTEN": 1000,
        "CHECKED": ((100, 32),),
        "use_cpu": lambda: None,
    }.items():
        monkeypatch.setattr(scaling_record, name, value)
    scaling_record.main()
    record = json.loads((tmp_path / "record.json").read_text("utf-8"))
    assert record["constants"].keys() == {*Constants._fields, "write"}
    assert all(value > 0 for name, value in record["constants"].items() if name not in ("update", "training"))
    assert [row["stage"] for row in record["checks"]] == ["extract-vgg-features", "finetune-vgg, an epoch"]
    assert all(row["measured"] > 0 for row in record["checks"])
    assert "| extract-vgg-features | 100 | 32 |" in scaling_tables.checks(record)
    assert scaling_tables.predictions(record).count("\n| 22,424 |") == len(scaling_tables.clusters(record))
    assert "| features of one view of an image | 125,440 bytes |" in scaling_tables.constants(record)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.25, "0.25 s"), (90, "1.5 min"), (7200, "2 h"), (3 * 365 * 86400, "3 years")]
)
def test_durations_are_in_the_unit_that_fits(seconds, text):
    assert scaling_tables.duration(seconds) == text
