"""The driver stages together: what learns, what augmentation touches, live features beside cached ones."""

import importlib

import numpy as np
import pytest

from stages.core.errors import InputError
from stages.core.keras_archive import load_keras
from stages.core.runtime import start_keras
from stages.datasets.augmentation import Augment, augment
from stages.datasets.driver_images import SPLITS, read_manifest
from stages.datasets.driver_pixels import read_pixels
from stages.datasets.vgg_features import LiveFeatures, read_features
from stages.train_vgg_head import live_base
from tests.conftest import TINY, change_params, copy_repository

SIZE = 32
SMALL = TINY | {
    "runtime": {"precision": "float32"},
    "drivers": {"count": 5, "frames": 2, "height": 32},
    "vgg": {"weights": "random", "image_size": SIZE, "augmented_views": 2},
    "vgg_head": {"units": 8, "epochs": 3},
}
NO_AUGMENTATION = {"rotation": 0.0, "shift": 0.0, "flip": "none"}


def run(name):
    importlib.import_module("stages." + name.replace("-", "_")).main()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A copy of the repository in which all but the last of the driver stages has run."""
    folder = tmp_path_factory.mktemp("vgg")
    copy_repository(folder)
    change_params(folder, SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in (
            "generate-driver-images",
            "split-driver-images",
            "prepare-vgg-base",
            "extract-vgg-features",
            "train-vgg-head",
        ):
            run(name)
    return folder


@pytest.fixture
def change(prepared, monkeypatch):
    """A function that sets parameters there until the test ends."""
    monkeypatch.chdir(prepared)
    before = (prepared / "params.yaml").read_bytes()
    yield lambda changes: change_params(prepared, changes)
    (prepared / "params.yaml").write_bytes(before)


def spy(monkeypatch, stage, name):
    """A list that fills with (arguments, result) of every call that a stage makes of this function."""
    module, calls = importlib.import_module("stages." + stage.replace("-", "_")), []
    original = getattr(module, name)

    def call(*arguments):
        result = original(*arguments)
        calls.append((arguments, result))
        return result

    monkeypatch.setattr(module, name, call)
    return calls


def as_set(images):
    return {image.tobytes() for image in images}


def item_counts():
    manifest = read_manifest()
    return {split: int((manifest["split"] == split).sum()) for split in SPLITS}


@pytest.mark.parametrize("features", ["cached", "live"])
def test_augmentation_touches_training_images_only(change, monkeypatch, features):
    change({"vgg": {"features": features}})
    images = read_pixels(read_manifest(), SIZE)
    train, held_out = as_set(images["train"][:]), as_set(images["val"][:]) | as_set(images["test"][:])
    assert train.isdisjoint(held_out)
    augmenting = ["finetune-vgg", "extract-vgg-features" if features == "cached" else "train-vgg-head"]
    for stage in ("extract-vgg-features", "train-vgg-head", "finetune-vgg"):
        augmented = spy(monkeypatch, stage, "augment")
        fed = spy(monkeypatch, stage, "predict") if stage == "finetune-vgg" else []
        trained = spy(monkeypatch, stage, "train") if stage == "finetune-vgg" else []
        run(stage)
        assert bool(augmented) == (stage in augmenting)
        for (before, *_), _ in augmented:
            assert as_set(before) <= train
        for split, ((_, inputs, _), _) in zip(SPLITS, fed, strict=False):
            assert np.array_equal(inputs[:], images[split][:])
        for arguments, _ in trained:
            assert np.array_equal(arguments[3][0][:], images["val"][:])
    assert len(fed) == 3 and len(trained) == 1


def test_live_features_come_from_a_new_augmentation_in_every_epoch(change, monkeypatch):
    change({"vgg": {"features": "live"}})
    run("extract-vgg-features")
    augmented = spy(monkeypatch, "train-vgg-head", "augment")
    run("train-vgg-head")
    versions = {}
    for (before, *_), after in augmented:
        for image, changed in zip(before, after, strict=True):
            versions.setdefault(image.tobytes(), set()).add(changed.tobytes())
    assert len(versions) == item_counts()["train"]
    assert {len(different) for different in versions.values()} == {SMALL["vgg_head"]["epochs"]}


def test_the_run_says_which_way_it_took_and_live_needs_no_augmented_views(change, capsys):
    run("extract-vgg-features")
    run("train-vgg-head")
    assert "features: cached, 3 views of each training image in turn\n" in capsys.readouterr().out
    assert len(read_features(item_counts())["train"]) == 3
    change({"vgg": {"features": "live"}})
    run("extract-vgg-features")
    assert "features: live: no augmented views here" in capsys.readouterr().out
    assert [len(views) for views in read_features(item_counts()).values()] == [1, 1, 1]
    run("train-vgg-head")
    assert "features: live, the base runs in every epoch" in capsys.readouterr().out


@pytest.mark.parametrize(("precision", "rounding"), [("float32", 2**-11), ("mixed_bfloat16", 2**-8)])
def test_cached_and_live_features_agree_to_rounding(change, precision, rounding):
    change({"runtime": {"precision": precision}})
    run("extract-vgg-features")
    start_keras()
    images, run_base = read_pixels(read_manifest(), SIZE), live_base(SIZE)
    nothing, rng = Augment(**NO_AUGMENTATION), np.random.default_rng(0)
    for split, cached in read_features(item_counts()).items():
        as_in_training = run_base(augment(images[split][:], nothing, rng))
        as_in_validation = LiveFeatures(run_base, images[split])[:]
        for live in (as_in_training, as_in_validation):
            assert live.dtype == np.float32 and live.shape == cached[0].shape and live.std() > 0.1
            assert np.linalg.norm(live - cached[0].astype(np.float32)) < rounding * np.linalg.norm(live)


def test_without_augmentation_the_head_learns_the_same_from_live_and_cached_features(change):
    change({"augment": NO_AUGMENTATION, "vgg": {"augmented_views": 0}})
    run("extract-vgg-features")
    learned = {}
    for features in ("cached", "live"):
        change({"vgg": {"features": features}})
        run("train-vgg-head")
        head = load_keras("models/vgg_head.keras")
        learned[features] = head.predict_on_batch(read_features(item_counts())["val"][0].astype(np.float32))
    assert np.ptp(learned["cached"], axis=0).max() > 0.1
    np.testing.assert_allclose(learned["live"], learned["cached"], atol=0.01)


def test_a_real_fine_tuning_moves_the_last_15_layers_alone(change):
    run("finetune-vgg")
    start = np.load("models/vgg_base.npz")
    base = load_keras("models/final_model.keras").get_layer("vgg16_base")
    now = zip(base.variables, base.get_weights(), strict=True)
    moved = {variable.path: not np.array_equal(value, start[variable.path]) for variable, value in now}
    assert len(moved) == 26
    assert {path for path, moves in moved.items() if not moves} == {
        f"block1_conv{number}/{kind}" for number in (1, 2) for kind in ("kernel", "bias")
    }


def test_features_of_another_number_of_images_are_refused_in_one_line(change):
    items, wrong = item_counts(), r"val\.npy: float16\(1, \d+, 1, 1, 512\); expected float16\(…, "
    with pytest.raises(InputError, match=f"^data/vgg-features/{wrong}"):
        read_features(items | {"val": items["val"] + 1})


def test_features_beyond_half_precision_are_refused_by_the_image_s_name(change, prepared):
    base = prepared / "models/vgg_base.npz"
    kept, arrays = base.read_bytes(), dict(np.load(base))
    np.savez(base, **arrays | {"block5_conv3/bias": np.full(512, 1e6, np.float32)})
    try:
        with pytest.raises(InputError, match=r"^imgs/train/c\d/img_\d+\.jpg: its features do not fit"):
            run("extract-vgg-features")
    finally:
        base.write_bytes(kept)
