"""The benchmarks give complete rows and keep them in one file. What they measure is not tested."""

import gzip
import json
import math

import numpy as np
import pytest
from ruamel.yaml import YAML

from benchmarks import __main__ as command
from benchmarks import timing
from benchmarks.digits import deformation_speed, train_mnist_vs_fit
from benchmarks.pipeline import stage_runs
from benchmarks.predict import predict_vs_loop
from benchmarks.scratch import numpy_vs_frameworks
from benchmarks.timing import Row, make_row
from benchmarks.vgg import flip_record, transfer_record, vgg_convolutions, vgg_head_vs_live, vgg_scaling
from ladder.files.errors import InputError
from tests.imports import ROOT
from tools.pipeline.clones import TINY, change_params

FILE_NAMES = {"train": "train", "test": "t10k"}


@pytest.fixture(autouse=True)
def few_images_once(monkeypatch):
    """Tiny settings; and the tests' process keeps its threads, which TensorFlow fixes at its first use."""
    for module in (deformation_speed, numpy_vs_frameworks, train_mnist_vs_fit):
        monkeypatch.setattr(module, "IMAGES", 40)
        monkeypatch.setattr(module, "RUNS", 1)
        monkeypatch.setattr(module, "use_cpu", lambda threads=0: None)
    monkeypatch.setattr(numpy_vs_frameworks, "EPOCHS", 1)
    monkeypatch.setattr(train_mnist_vs_fit, "ACCURACY_EPOCHS", 1)
    monkeypatch.setattr(train_mnist_vs_fit, "LAYERS", (8,))
    monkeypatch.setattr(deformation_speed, "LAYERS", (8,))


@pytest.fixture
def results(monkeypatch, tmp_path):
    """The file of results, not there yet."""
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results.json")
    return tmp_path / "results.json"


@pytest.fixture
def idx_folder(tmp_path):
    """60 training and 40 test images of random ink as IDX files."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 60), ("test", 40)):
        for kind, shape, top in (("images-idx3", (count, 28, 28), 256), ("labels-idx1", (count,), 10)):
            header = bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)
            content = header + rng.integers(0, top, shape, np.uint8).tobytes()
            name = f"{FILE_NAMES[split]}-{kind}-ubyte.gz"
            (tmp_path / name).write_bytes(gzip.compress(content))
    return tmp_path


def check(rows, names, folder=None):
    assert [row["name"] for row in rows] == names
    for row in rows:
        assert set(row) == set(Row.__annotations__)
        assert all(math.isfinite(row[key]) and row[key] > 0 for key in ("ours", "peer", "ratio"))
        assert row["unit"] and row["note"]
        assert folder is None or str(folder) not in row["note"]


def test_numpy_rows():
    names = ["numpy_sgd_vs_sklearn", "numpy_sgd_vs_keras_fit"]
    rows = numpy_vs_frameworks.rows()
    check(rows, names)
    assert all("40 random images" in row["note"] for row in rows)


@pytest.mark.campaign
def test_deformation_rows(idx_folder):
    rows = deformation_speed.rows(idx_folder)
    check(rows, ["deformation_vs_training"], idx_folder)
    assert "40 MNIST images" in rows[0]["note"]


@pytest.mark.campaign
def test_mnist_rows(idx_folder, monkeypatch):
    monkeypatch.setattr(train_mnist_vs_fit, "accuracy_row", lambda *_: pytest.fail("was not asked for"))
    rows = train_mnist_vs_fit.rows(idx_folder)
    check(rows, ["train_mnist_vs_keras_fit"], idx_folder)
    assert "40 MNIST images" in rows[0]["note"]


@pytest.fixture
def tiny_params(monkeypatch, tmp_path):
    """Small parameters in the current folder, and in place of the committed ones."""
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    change_params(tmp_path, TINY)
    monkeypatch.setattr(stage_runs, "PARAMS", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    for module in (vgg_convolutions, vgg_head_vs_live, vgg_scaling, predict_vs_loop):
        monkeypatch.setattr(module, "use_cpu", lambda threads=0: None)


@pytest.mark.campaign
@pytest.mark.usefixtures("tiny_params")
def test_convolution_rows(monkeypatch):
    monkeypatch.setattr(vgg_convolutions, "RUNS", 1)
    monkeypatch.setattr(vgg_convolutions, "bfloat16_hardware", lambda: "")
    check(vgg_convolutions.rows(), ["finetune_winograd_vs_onednn", "extract_winograd_vs_onednn"])


@pytest.mark.campaign
@pytest.mark.usefixtures("tiny_params")
def test_head_rows(monkeypatch):
    changes = {"drivers": {"root": "data/driver-images", "count": 4, "frames": 2, "height": 32}}
    changes |= {"split": {"validation_share": 0.2, "test_share": 0.4}}
    monkeypatch.setattr(vgg_head_vs_live, "EPOCHS", 2)
    monkeypatch.setattr(vgg_head_vs_live, "FLOAT32_EPOCHS", 2)
    monkeypatch.setattr(vgg_head_vs_live, "SEEDS", (1, 2))
    monkeypatch.setattr(vgg_head_vs_live, "CHANGES", changes | {"vgg_head": {"epochs": 2, "units": 4}})
    monkeypatch.setattr(vgg_head_vs_live, "choose_precision", lambda asked: "mixed_bfloat16")
    rows = vgg_head_vs_live.rows()
    names = [
        "head_vs_live",
        "head_vs_live_in_float32",
        "head_with_extraction_vs_live",
        "head_accuracy_vs_live",
    ]
    check(rows, [f"vgg_{name}" for name in names])
    assert rows[-2]["ours"] > rows[0]["ours"] and rows[0]["peer"] == rows[-2]["peer"]
    assert "32 training, 16 validation and 32 test images (split by image)" in rows[0]["note"]


@pytest.mark.campaign
@pytest.mark.usefixtures("tiny_params")
def test_scaling_rows(monkeypatch):
    monkeypatch.setattr(vgg_scaling, "FEW", 100)
    monkeypatch.setattr(vgg_scaling, "STATE_FARM", 120)
    monkeypatch.setattr(vgg_scaling, "ORDER", (100, 120, 100))
    check(vgg_scaling.rows(), ["vgg_cost_per_image_120_vs_100", "vgg_peak_memory_120"])


@pytest.mark.campaign
@pytest.mark.usefixtures("tiny_params")
def test_predict_rows(monkeypatch):
    monkeypatch.setattr(predict_vs_loop, "IMAGES", 5)
    monkeypatch.setattr(predict_vs_loop, "RUNS", 1)
    rows = predict_vs_loop.rows()
    check(rows, ["predict_drivers_vs_predict_loop", "predict_drivers_winograd_vs_onednn"])
    assert "5 JPEG images of 42×32 pixels" in rows[0]["note"]


@pytest.mark.campaign
@pytest.mark.usefixtures("tiny_params")
def test_predict_rows_need_the_same_answers(monkeypatch):
    monkeypatch.setattr(predict_vs_loop, "IMAGES", 2)
    monkeypatch.setattr(predict_vs_loop, "scaled", lambda probabilities, temperature: probabilities[:, ::-1])
    with pytest.raises(AssertionError, match="the answers differ"):
        predict_vs_loop.rows()


@pytest.mark.campaign
def test_both_sides_start_from_the_same_weights_and_train_as_often(idx_folder, monkeypatch):
    trained = []
    monkeypatch.setattr(
        train_mnist_vs_fit, "time_row", lambda folder: make_row("time", 1.0, 1.0, "s/epoch", "t")
    )
    for side in (train_mnist_vs_fit.CompiledTraining, train_mnist_vs_fit.FitTraining):
        monkeypatch.setattr(side, "epoch", lambda training: trained.append(type(training).__name__))
    rows = train_mnist_vs_fit.rows(idx_folder, accuracy=True, seeds=2)
    check(rows, ["time", "train_mnist_accuracy_vs_keras_fit"], idx_folder)
    assert trained == ["CompiledTraining", "FitTraining"] * 2
    assert rows[1]["ratio"] == 1 and "difference +0.00 points" in rows[1]["note"]
    assert (rows[1]["ours"] * 2 * 40) % 1 == pytest.approx(0, abs=1e-9)
    assert "60 training images" in rows[1]["note"]


def test_accuracy_needs_the_real_images_and_two_seeds(idx_folder):
    for arguments in ((None, True), (idx_folder, True, 1)):
        with pytest.raises(InputError, match="--accuracy needs"):
            train_mnist_vs_fit.rows(*arguments)
    for path in idx_folder.glob("t10k*"):
        path.unlink()
    with pytest.raises(InputError, match="needs t10k-images"):
        train_mnist_vs_fit.accuracy_row(idx_folder, 2)


def test_a_missing_folder_is_said():
    with pytest.raises(InputError, match="no such folder"):
        timing.training_images(command.RESULTS / "nowhere", 40)


def test_random_images_are_as_sparse_as_mnist():
    images, labels = timing.training_images(None, 500)
    assert images.shape == (500, 28, 28) and images.dtype == np.uint8 == labels.dtype
    assert (images > 0).mean() == pytest.approx(timing.INK_SHARE, abs=0.01)
    assert set(labels) == set(range(10))


def test_the_ratio_says_how_much_better_ours_is():
    assert make_row("a", 2.0, 6.0, "s/epoch", "")["ratio"] == 3
    assert make_row("a", 6.0, 2.0, "images/s", "")["ratio"] == 3


def test_sides_take_turns():
    calls = []
    times = timing.alternate(3, lambda: calls.append("ours"), lambda: calls.append("peer"))
    assert calls == ["ours", "peer"] * 3 and len(times) == 2


def test_results_replace_their_own_rows_and_keep_the_others(results):
    first = [make_row(name, 1.0, 2.0, "s/epoch", "first") for name in ("a", "b", "c")]
    command.save_rows(first)
    command.save_rows([make_row("b", 1.0, 4.0, "s/epoch", "second"), make_row("d", 1.0, 1.0, "s/epoch", "")])
    (content,) = json.loads(results.read_text("utf-8"))
    assert list(content) == ["machine", "versions", "rows"]
    assert set(content["machine"]) == {"cpu", "cores", "flags", "system"}
    assert content["versions"].keys() >= {"python", "numpy", "tensorflow", "keras", "scikit-learn"}
    assert [row["name"] for row in content["rows"]] == ["a", "b", "c", "d"]
    assert content["rows"][0] == first[0] and content["rows"][1]["note"] == "second"
    assert [path.name for path in results.parent.iterdir()] == ["results.json"]


def row_names(results):
    """Of each machine."""
    return [[row["name"] for row in run["rows"]] for run in json.loads(results.read_text("utf-8"))]


def test_rows_of_another_machine_are_kept_apart(results, capsys):
    command.save_rows([make_row("a", 1.0, 2.0, "s/epoch", "")])
    results.write_text(results.read_text("utf-8").replace('"cores": ', '"cores": 9'), "utf-8")
    elsewhere = json.loads(results.read_text("utf-8"))
    for name in ("a", "b"):
        command.save_rows([make_row(name, 1.0, 3.0, "s/epoch", "")])
    assert json.loads(results.read_text("utf-8"))[:1] == elsewhere
    assert row_names(results) == [["a"], ["a", "b"]]
    assert "dropping" not in capsys.readouterr().out


def test_rows_of_other_versions_are_dropped(results, capsys):
    command.save_rows([make_row("a", 1.0, 2.0, "s/epoch", "")])
    results.write_text(results.read_text("utf-8").replace('"keras": "', '"keras": "9'), "utf-8")
    command.save_rows([make_row("b", 1.0, 2.0, "s/epoch", "")])
    assert row_names(results) == [["b"]]
    assert "dropping 1 row" in capsys.readouterr().out


def test_numbers_are_finite_and_have_four_digits():
    row = command.round_row(make_row("a", 1.23456, 123456.0, "images/s", "note"))
    assert (row["ours"], row["peer"], row["ratio"]) == (1.235, 123500.0, 1e-05)
    with pytest.raises(ValueError, match="a: "):
        command.round_row(make_row("a", math.nan, 1.0, "s/epoch", ""))


def test_the_command_runs_what_it_is_asked_for(results, monkeypatch, capsys, tmp_path):
    asked = []

    def run(name, options):
        asked.append((name, options))
        return [make_row(name, 1.0, 3.0, "s/epoch", "")]

    monkeypatch.setattr(command, "run_benchmark", run)
    command.main(["deformation_speed"])
    command.main(["--idx", str(tmp_path), "--accuracy"])
    plain = {"folder": tmp_path}
    assert asked == [
        ("deformation_speed", {"folder": None}),
        ("numpy_vs_frameworks", plain),
        ("train_mnist_vs_fit", plain | {"accuracy": True}),
        ("deformation_speed", plain),
        ("vgg_head_vs_live", {}),
        ("vgg_convolutions", {}),
        ("vgg_scaling", {}),
        ("predict_vs_loop", {}),
    ]
    assert row_names(results) == [
        ["deformation_speed", *(name for name in command.BENCHMARKS if name != "deformation_speed")]
    ]
    assert "3×" in capsys.readouterr().out


def test_the_command_refuses_before_it_measures(monkeypatch):
    monkeypatch.setattr(command, "run_benchmark", pytest.fail)
    with pytest.raises(InputError, match="no such benchmark"):
        command.main(["deformation_speed", "nothing"])
    with pytest.raises(InputError, match="--accuracy needs --idx"):
        command.main(["--accuracy"])


def test_every_benchmark_is_listed():
    folder = command.RESULTS.parent
    assert {
        path.stem: path.parent.name
        for path in folder.glob("*/*.py")
        if "\ndef rows(" in path.read_text("utf-8")
    } == command.BENCHMARKS


def test_the_default_flip_is_the_best_on_validation():
    runs = json.loads(flip_record.RESULTS.read_text("utf-8"))["runs"]
    assert {(run["seed"], run["flip"]) for run in runs} == {
        (seed, flip) for seed in flip_record.SEEDS for flip in flip_record.FLIPS
    }
    means = flip_record.means(runs)
    assert YAML(typ="safe").load(ROOT / "params.yaml")["augment"]["flip"] == max(means, key=means.get)
    assert len(flip_record.table(runs).splitlines()) == 5


def test_the_transfer_table_has_a_row_per_model_the_default_run_first():
    runs = transfer_record.read_results()
    keys = {(run["split"], run["base"], run["model"]) for run in runs}
    assert len(runs) == len(keys) == 6
    lines = transfer_record.table(runs).splitlines()
    assert len(lines) == 8
    assert [line.split(" | ")[:3] for line in lines[2:5]] == [
        ["| image", "random", "new head"],
        ["| image", "embedded", "new head"],
        ["| image", "embedded", "fine-tuned"],
    ]
