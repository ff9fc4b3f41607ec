"""The driver stages together: what learns, what augmentation touches, live features beside cached ones."""

import importlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ladder.drivers import report as driver_report
from ladder.drivers.augmentation import Augment, augment
from ladder.drivers.images import SPLIT_BY, SPLITS, folds_of, labels_of, read_manifest, rows_by_split
from ladder.drivers.pixels import read_pixels
from ladder.files.errors import InputError
from ladder.files.memory_maps import ArrayRows
from ladder.training.keras_archive import load_keras
from ladder.training.runtime import start_keras
from ladder.vgg import views as vgg_views
from ladder.vgg.features import LiveFeatures, read_features
from ladder.vgg.views import cached_views, live_views
from stages import train_vgg_head
from stages.train_vgg_head import live_base
from tests.workspace import Workspace, run
from tools.pipeline.clones import TINY, change_params, run_in

SIZE = 32
SMALL = TINY | {
    "runtime": {"precision": "float32"},
    "vgg": {"weights": "random", "image_size": SIZE, "augmented_views": 2},
}
NO_AUGMENTATION = {"rotation": 0.0, "shift": 0.0, "flip": "none"}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A copy of the repository in which all but the last of the driver stages has run.

    With it come the probabilities that the heads of the folds gave.
    """
    workspace = Workspace(tmp_path_factory.mktemp("vgg"), SMALL)
    workspace.prepare_inputs("train-vgg-head")
    with pytest.MonkeyPatch.context() as patch:
        reported = spy(patch, "train-vgg-head", "report_folds")
        workspace.prepare("train-vgg-head")
    return workspace.folder, reported[0][0][2]


@pytest.fixture
def change(prepared, tmp_path, monkeypatch):
    """A function that sets parameters there until the test ends, when all is put back."""
    folder, _ = prepared
    monkeypatch.chdir(folder)
    kept = ["params.yaml", "data/vgg-features", "metrics", "plots", "models/vgg_head.keras"]
    for path in kept:
        run_in(folder, "cp", "--recursive", "--parents", path, str(tmp_path))
    yield lambda changes: change_params(folder, changes)
    for path in kept:
        run_in(folder, "rm", "-r", path)
        run_in(tmp_path, "cp", "--recursive", "--parents", path, str(folder))


def spy(monkeypatch, where, name):
    """A list that fills with (arguments, result) of each call of this function of a stage or class."""
    stage = isinstance(where, str)
    module = importlib.import_module("stages." + where.replace("-", "_")) if stage else where
    calls, original = [], getattr(module, name)

    def call(*arguments, **options):
        result = original(*arguments, **options)
        calls.append((arguments, result))
        return result

    monkeypatch.setattr(module, name, call)
    return calls


def metrics_of(stage):
    return json.loads(Path("metrics", stage.replace("-", "_") + ".json").read_text("utf-8"))


def as_set(images):
    return {image.tobytes() for image in images}


def prepared_images():
    """The manifest, its pixels, and by → split → the set of its images."""
    manifest = read_manifest()
    pixels = np.array(read_pixels(len(manifest), SIZE))
    sets = {
        by: {split: as_set(pixels[rows]) for split, rows in rows_by_split(manifest, by).items()}
        for by in SPLIT_BY
    }
    return manifest, pixels, sets


@pytest.mark.parametrize(("features", "by"), [("cached", "image"), ("live", "driver")])
def test_training_sees_training_images_only_and_only_they_are_augmented(
    change, monkeypatch, capsys, features, by
):
    change({"vgg": {"features": features}, "split": {"by": by}})
    manifest, pixels, sets = prepared_images()
    assert all(by["train"].isdisjoint(by["val"] | by["test"]) for by in sets.values())
    rows = rows_by_split(manifest, by)

    augmented = spy(monkeypatch, "extract-vgg-features", "augment")
    run("extract-vgg-features")
    assert bool(augmented) == (features == "cached")
    assert len(read_features(len(manifest))[0]) == (3 if features == "cached" else 1)

    augmented = spy(monkeypatch, vgg_views, "augment")
    heads_trained = spy(monkeypatch, train_vgg_head.Heads, "_trainer")
    trained = spy(monkeypatch, "train-vgg-head", "train")
    run("train-vgg-head")
    assert f"features: {features}, " in capsys.readouterr().out
    assert bool(augmented) == (features == "live")
    learned = [given for (_, given), trainer in heads_trained if trainer.items == len(given)]
    of_heads = [rows_by_split(manifest, split) for split in (*SPLIT_BY, *folds_of(manifest))]
    expected = [of_head["train"] for of_head in of_heads[:2]]
    for fold in of_heads[2:]:
        expected += [fold["train"], np.setdiff1d(np.arange(len(manifest)), fold["test"])]
    assert all(np.array_equal(*pair) for pair in zip(learned, expected, strict=True))
    for of_head, ((_, val, _), _) in zip(of_heads, trained, strict=False):
        assert np.array_equal(val[1], labels_of(manifest)[of_head["val"]])

    augmented = spy(monkeypatch, "finetune-vgg", "augment")
    fed, trained = spy(monkeypatch, "finetune-vgg", "predict"), spy(monkeypatch, "finetune-vgg", "train")
    run("finetune-vgg")
    assert augmented and len(fed) == len(SPLITS) and len(trained) == 1
    for (before, *_), _ in augmented:
        assert as_set(before) <= sets[by]["train"]
    judged = {split: inputs[:] for split, ((_, inputs, *_), _) in zip(SPLITS, fed, strict=True)}
    assert all(np.array_equal(judged[split], pixels[rows[split]]) for split in ("val", "test"))
    assert as_set(judged["train"]) <= sets[by]["train"]  # a sample, each of its images once
    assert len(as_set(judged["train"])) == len(judged["train"]) == len(rows["test"])
    trainer, validation, _ = trained[0][0]
    originals = as_set(pixels.astype(np.float32))
    seen = trainer.make_batch(np.arange(trainer.items), 1, 0)[0]
    assert 0.3 < np.mean([image.tobytes() in originals for image in seen]) < 0.7
    assert np.array_equal(validation[0][:], pixels[rows["val"]])
    assert np.array_equal(validation[1], labels_of(manifest)[rows["val"]])

    metrics = metrics_of("finetune-vgg")
    said = "test drivers are in training too" in capsys.readouterr().out
    assert said == (by == "image") == ("unseen_drivers_accuracy" not in metrics)
    assert metrics.get("unseen_drivers_accuracy", metrics["test_accuracy"]) == metrics["test_accuracy"]


def test_no_selection_sees_a_test_item(change, monkeypatch):
    """Scrambled test labels change the test figures and nothing else: not the models, not the kept epoch."""
    model, before = Path("models/vgg_head.keras").read_bytes(), metrics_of("train-vgg-head")

    def scramble(manifest):
        labels = labels_of(manifest).copy()
        in_no_training = (manifest["by_image"] == "test") & (manifest["by_driver"] == "test")
        labels[in_no_training] = (labels[in_no_training] + 1) % 10
        return labels

    for module in (train_vgg_head, driver_report):
        monkeypatch.setattr(module, "labels_of", scramble)
    run("train-vgg-head")
    assert Path("models/vgg_head.keras").read_bytes() == model
    changed = {name for name, value in metrics_of("train-vgg-head").items() if before[name] != value}
    changed = {name for name in changed if not name.startswith("folds_")}  # in some fold all labels train
    assert changed and all("_test_" in name for name in changed)


def test_what_a_fold_tests_has_no_part_in_its_training(change, prepared, monkeypatch):
    """Other labels of a fold's test drivers change nothing that this fold answers, and what others do."""
    _, before = prepared
    reported = spy(monkeypatch, "train-vgg-head", "report_folds")
    tested = rows_by_split(read_manifest(), "fold_1")["test"]

    def scramble(manifest):
        labels = labels_of(manifest).copy()
        labels[tested] = (labels[tested] + 1) % 10
        return labels

    def classes_too(items):
        features, classes = read_features(items)
        return features, np.where(np.isin(np.arange(items), tested), (classes + 1) % 10, classes)

    monkeypatch.setattr(train_vgg_head, "labels_of", scramble)
    monkeypatch.setattr(train_vgg_head, "read_features", classes_too)
    run("train-vgg-head")
    after = reported[0][0][2]
    for split in ("val", "test"):  # of validation the temperature comes
        assert np.array_equal(before[f"fold_1_{split}"], after[f"fold_1_{split}"])
        assert not np.array_equal(before[f"fold_2_{split}"], after[f"fold_2_{split}"])


def test_cross_validation_tests_each_image_once_by_a_head_that_never_saw_its_driver(change):
    manifest, metrics = read_manifest(), metrics_of("train-vgg-head")
    folds = [rows_by_split(manifest, fold) for fold in folds_of(manifest)]
    assert sorted(np.concatenate([fold["test"] for fold in folds])) == list(range(len(manifest)))
    answers = pd.read_csv("plots/train_vgg_head/folds/predictions.csv")
    assert answers["item"].tolist() == manifest["path"].tolist()
    assert metrics["folds_test_accuracy"] == pytest.approx((answers["actual"] == answers["predicted"]).mean())
    by_driver = pd.read_csv("plots/train_vgg_head/folds/by_driver.csv")
    assert set(by_driver["driver"]) == set(manifest["subject"])
    assert metrics["folds_test_drivers"] == len(by_driver)


@pytest.mark.campaign
def test_the_head_of_the_picked_split_is_saved_and_both_are_reported(change):
    of_image, metrics = Path("models/vgg_head.keras").read_bytes(), metrics_of("train-vgg-head")
    change({"split": {"by": "driver"}})
    run("train-vgg-head")
    assert Path("models/vgg_head.keras").read_bytes() != of_image and metrics_of("train-vgg-head") == metrics
    assert metrics["by_image_test_drivers_in_training"] > 0
    assert metrics["by_driver_test_drivers_in_training"] == 0


@pytest.mark.campaign
def test_live_features_come_from_a_new_augmentation_in_every_epoch(change, monkeypatch):
    change({"vgg": {"features": "live"}})
    run("extract-vgg-features")
    augmented, drawn = (spy(monkeypatch, vgg_views, name) for name in ("augment", "draw_augmented"))
    trained = spy(monkeypatch, train_vgg_head.Heads, "_trainer")
    run("train-vgg-head")
    epochs, versions = TINY["vgg_head"]["epochs"], {}
    for call, ((before, *_), (after, _)) in enumerate(augmented):
        head = call // epochs  # an epoch is one batch
        for image, changed in zip(before, after, strict=True):
            versions.setdefault((head, image.tobytes()), []).append(changed.tobytes())
    items = sum(trainer.items for _, trainer in trained)
    chosen = np.concatenate([which for _, which in drawn])
    assert len(chosen) == epochs * items
    assert sum(map(len, versions.values())) == chosen.sum() and 0.4 < chosen.mean() < 0.6
    assert all(len(set(different)) == len(different) for different in versions.values())


def test_views_have_the_class_that_augmentation_says(change):
    change({"augment": {"flip": "swap"}})
    run("extract-vgg-features")
    manifest = read_manifest()
    labels, (features, classes) = labels_of(manifest), read_features(len(manifest))
    assert np.array_equal(classes[0], labels) and features.any(axis=(2, 3, 4)).all()
    swapped, hands = classes[1:] != labels, np.isin(labels, [1, 2, 3, 4])
    assert swapped[:, hands].any() and not swapped[:, hands].all() and not swapped[:, ~hands].any()


@pytest.mark.parametrize(
    ("precision", "rounding"),
    [("float32", 2**-11), pytest.param("mixed_bfloat16", 2**-8, marks=pytest.mark.campaign)],
)
def test_cached_and_live_features_agree_to_rounding(change, precision, rounding):
    change({"runtime": {"precision": precision}})
    if precision != SMALL["runtime"]["precision"]:
        run("extract-vgg-features")
    start_keras(0)
    manifest = read_manifest()
    run_base = live_base(SIZE, 32, precision, images=0)
    nothing, rng = Augment(**NO_AUGMENTATION), np.random.default_rng(0)
    pixels, (features, _) = read_pixels(len(manifest), SIZE), read_features(len(manifest))
    for rows in rows_by_split(manifest, "image").values():
        cached = features[0, rows].astype(np.float32)
        seen, _ = augment(pixels[rows], labels_of(manifest)[rows], nothing, rng)
        as_in_training, as_in_validation = run_base(seen), LiveFeatures(run_base, ArrayRows(pixels, rows))[:]
        for live in (as_in_training, as_in_validation):
            assert live.dtype == np.float32 and live.shape == cached.shape and live.std() > 0.1
            assert np.linalg.norm(live - cached) < rounding * np.linalg.norm(live)


@pytest.mark.campaign
def test_without_augmentation_the_head_learns_the_same_from_live_and_cached_features(change):
    change({"augment": NO_AUGMENTATION, "vgg": {"augmented_views": 0}})
    run("extract-vgg-features")
    learned = {}
    for features in ("cached", "live"):
        change({"vgg": {"features": features}})
        run("train-vgg-head")
        head = load_keras("models/vgg_head.keras")
        manifest = read_manifest()
        cached = read_features(len(manifest))[0][0, rows_by_split(manifest, "image")["val"]]
        learned[features] = head.predict_on_batch(cached.astype(np.float32))
    assert np.ptp(learned["cached"], axis=0).max() > 0.1
    np.testing.assert_allclose(learned["live"], learned["cached"], atol=0.01)


def test_a_real_fine_tuning_moves_the_last_15_layers_alone(change):
    change({"finetune": {"layers": 15, "epochs": 1}})
    run("finetune-vgg")
    start = np.load("models/vgg_base.npz")
    base = load_keras("models/final_model.keras").get_layer("vgg16_base")
    now = zip(base.variables, base.get_weights(), strict=True)
    moved = {variable.path: not np.array_equal(value, start[variable.path]) for variable, value in now}
    assert len(moved) == 22  # not the last two convolutions, which the head does not read
    assert {path for path, moves in moved.items() if not moves} == {
        f"block1_conv{number}/{kind}" for number in (1, 2) for kind in ("kernel", "bias")
    }


@pytest.mark.campaign
def test_in_bfloat16_the_saved_float32_model_is_what_is_judged(change, monkeypatch):
    change({"runtime": {"precision": "mixed_bfloat16"}, "finetune": {"learning_rate": 1e-5}})
    reported = spy(monkeypatch, "finetune-vgg", "report_drivers")
    run("finetune-vgg")
    manifest, pixels, _ = prepared_images()
    saved = load_keras("models/final_model.keras")
    ((*_, probabilities, sample), _) = reported[0]
    farthest = {}
    for split, rows in (rows_by_split(manifest, "image") | {"train": sample}).items():
        by_saved = np.concatenate([saved.predict_on_batch(image[None]) for image in pixels[rows]])
        farthest[split] = np.abs(by_saved - probabilities[split]).max()
    assert max(farthest.values()) < 1e-5


@pytest.mark.usefixtures("change")
def test_features_of_another_number_of_images_are_refused_in_one_line():
    wrong = r"features\.npy: float16\(3, \d+, 1, 1, 1792\); expected float16\(…, "
    with pytest.raises(InputError, match=f"^data/vgg-features/{wrong}"):
        read_features(len(read_manifest()) + 1)


def test_features_beyond_half_precision_are_refused_by_the_image_s_name(change):
    base = Path("models/vgg_base.npz")
    kept, arrays = base.read_bytes(), dict(np.load(base))
    np.savez(base, **arrays | {"block5_conv1/bias": np.full(512, 1e6, np.float32)})
    try:
        with pytest.raises(InputError, match=r"^imgs/train/c\d/img_\d+\.jpg: its features do not fit"):
            run("extract-vgg-features")
    finally:
        base.write_bytes(kept)


def test_the_head_sees_images_as_they_are_half_of_the_time_and_views_with_their_classes():
    views, items = 4, 50
    features = np.arange(views * items, dtype=np.float32).reshape(views, items, 1, 1, 1)
    classes = np.tile(np.arange(views)[:, None], (1, items))  # here the class tells the view
    make_batch = cached_views(features, classes, seed=3).training(np.arange(10, items))
    numbers = np.arange(40)
    batches = [make_batch(numbers, epoch, step) for epoch in range(1, 21) for step in range(5)]
    seen = np.array([targets.argmax(axis=1) for _, targets in batches])
    assert all(
        (inputs.ravel() == which * items + numbers + 10).all()
        for (inputs, _), which in zip(batches, seen, strict=True)
    )
    shares = np.bincount(seen.ravel(), minlength=views) / seen.size
    np.testing.assert_allclose(shares, [1 / 2, 1 / 6, 1 / 6, 1 / 6], atol=0.03)
    again, other = (make_batch(numbers, epoch, 0) for epoch in (1, 2))
    np.testing.assert_array_equal(again[0], batches[0][0])
    assert (other[0] != again[0]).any()


def test_without_augmented_views_the_head_sees_the_images():
    features, classes = np.arange(5.0).reshape(1, 5, 1, 1, 1), np.arange(5)[None]
    make_batch = cached_views(features, classes, seed=0).training(np.array([4, 2]))
    inputs, targets = make_batch(np.array([1, 0]), 1, 0)
    assert inputs.ravel().tolist() == [2, 4] and targets.argmax(axis=1).tolist() == [2, 4]


def test_live_half_of_the_images_are_seen_as_they_are_and_the_others_augmented():
    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(0, 256, (50, 8, 8, 3), np.uint8), rng.integers(0, 10, 50)
    swapping = Augment(rotation=10.0, shift=0.1, flip="swap")
    views = live_views(lambda images: images, pixels, labels, swapping, seed=3)
    make_batch = views.training(np.arange(10, 50))
    numbers, shares = np.arange(40)[::-1], []
    for epoch in range(1, 11):
        images, targets = make_batch(numbers, epoch, 0)
        plain = (images == pixels[10 + numbers]).all(axis=(1, 2, 3))
        assert images.dtype == np.float32
        assert (targets.argmax(axis=1) == labels[10 + numbers])[plain].all()
        assert (targets.argmax(axis=1) != labels[10 + numbers]).any()
        shares.append(plain.mean())
    assert abs(np.mean(shares) - 0.5) < 0.1
    again = make_batch(numbers, 10, 0)
    np.testing.assert_array_equal(again[0], images)
    np.testing.assert_array_equal(again[1], targets)
