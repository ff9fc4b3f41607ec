"""The leak probe on splits whose leaks are known."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ladder.drivers.images import CLASSES, MANIFEST, MANIFEST_COLUMNS
from ladder.drivers.pixels import PIXELS
from ladder.drivers.probes import NEAR_DUPLICATE, closest, linear_answers, thumbnails
from ladder.files.errors import InputError
from stages import probe_leakage
from tests.imports import ROOT
from tools.pipeline.clones import change_params

SIZE, DRIVERS, FRAMES = 32, 10, 2


def smooth_images(count, seed=0):
    """Random pictures without fine detail, each unlike all others."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return coarse.repeat(SIZE // 8, axis=1).repeat(SIZE // 8, axis=2)


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A set of ten drivers without any leak by driver; by image it splits at random."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    change_params(tmp_path, {"vgg": {"image_size": SIZE}})
    cells = [(d, c, f) for d in range(DRIVERS) for c in CLASSES for f in range(FRAMES)]
    splits = ["test", "val"] + ["train"] * (DRIVERS - 2)
    at_random = np.random.default_rng(1).permutation(["train", "val", "test", "train"] * (len(cells) // 4))
    columns = (
        [f"imgs/train/{c}/{d}_{f}.jpg" for d, c, f in cells],
        [c for _, c, _ in cells],
        [f"p{d:03}" for d, _, _ in cells],
        at_random,
        [splits[d] for d, _, _ in cells],
    )
    manifest = pd.DataFrame(dict(zip(MANIFEST_COLUMNS, columns, strict=True)))
    manifest["by_fold_1"] = manifest["by_driver"]
    MANIFEST.parent.mkdir()
    manifest.to_csv(MANIFEST, index=False)
    return manifest, smooth_images(len(cells))


def probe(pixels, capsys):
    np.save(PIXELS, pixels)
    probe_leakage.main()
    return json.loads(Path("metrics/probe_leakage.json").read_text("utf-8")), capsys.readouterr().out


def test_a_clean_split_by_driver_is_said_to_be_clean(workspace, capsys):
    _, pixels = workspace
    metrics, said = probe(pixels, capsys)
    assert metrics["by_driver_test_images_with_near_duplicate"] == 0
    assert metrics["by_driver_test_drivers_in_training"] == 0
    assert metrics["by_driver_nearest_neighbour_test_accuracy"] < 0.4
    assert "split by driver: no leak found: 0 of 20 test images" in said
    assert f"split by image leaks: {DRIVERS} test drivers are in training too" in said


@pytest.mark.parametrize("copies", [1, 5, 20])
def test_injected_duplicates_are_counted_exactly_and_named(workspace, capsys, copies):
    manifest, pixels = workspace
    rng = np.random.default_rng(2)
    test, train = (np.flatnonzero(manifest["by_driver"] == split) for split in ("test", "train"))
    train = np.array(
        [rng.choice([r for r in train if manifest["class"][r] == manifest["class"][t]]) for t in test]
    )
    # Brighter, with less contrast and some noise: not the same bytes.
    noise = rng.normal(0, 4, pixels[test[:copies]].shape)
    pixels[test[:copies]] = (pixels[train[:copies]] * 0.7 + 50 + noise).clip(0, 255)
    metrics, said = probe(pixels, capsys)
    assert metrics["by_driver_test_images_with_near_duplicate"] == copies
    assert metrics["by_driver_test_share_with_near_duplicate"] == copies / len(test)
    assert metrics["by_driver_nearest_neighbour_test_accuracy"] >= copies / len(test)
    assert (f"split by driver leaks: {copies} of 20" in said) == (copies > 1)
    pairs = pd.read_csv("plots/probe_leakage/pairs.csv")
    found = pairs[(pairs["split"] == "driver") & (pairs["correlation"] >= NEAR_DUPLICATE)]
    expected = zip(manifest["path"][test[:copies]], manifest["path"][train[:copies]], strict=True)
    assert set(zip(found["test"], found["train"], strict=True)) == set(expected)


def test_an_injected_overlap_of_drivers_is_refused(workspace, capsys):
    manifest, pixels = workspace
    manifest.loc[3, "by_driver"] = "train"
    manifest.to_csv(MANIFEST, index=False)
    with pytest.raises(InputError, match=r"by_driver: p000 is in test and train$"):
        probe(pixels, capsys)


def test_frames_of_a_clip_leak_by_image_and_not_by_driver(workspace, capsys):
    manifest, pixels = workspace
    pixels[1::2] = pixels[::2]  # the second frame of each clip is the first
    metrics, said = probe(pixels, capsys)
    by_clip = manifest.assign(clip=np.arange(len(manifest)) // 2)
    trained = set(by_clip["clip"][by_clip["by_image"] == "train"])
    tested = by_clip["clip"][by_clip["by_image"] == "test"]
    assert metrics["by_image_test_images_with_near_duplicate"] == tested.isin(trained).sum() > 10
    assert metrics["by_driver_test_images_with_near_duplicate"] == 0
    assert "split by image leaks" in said and "split by driver: no leak found" in said


def test_thumbnails_forget_brightness_and_contrast_and_colour():
    images = smooth_images(5)
    small = thumbnails(images)
    assert small.shape == (5, 576) and small.dtype == np.float32
    assert small.mean(axis=1) == pytest.approx(np.zeros(5), abs=1e-6)
    assert np.linalg.norm(small, axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    assert np.abs(thumbnails((images * 0.5 + 60).astype(np.uint8)) - small).max() < 0.01
    assert not thumbnails(np.full((1, SIZE, SIZE, 3), 80, np.uint8)).any()


def test_the_closest_is_that_of_the_highest_correlation():
    train, test = thumbnails(smooth_images(40, seed=3)), thumbnails(smooth_images(7, seed=4))
    correlations = np.corrcoef(np.concatenate([test, train]))[:7, 7:]
    number, correlation = closest(train, test)
    assert np.array_equal(number, correlations.argmax(axis=1))
    assert correlation == pytest.approx(correlations.max(axis=1), abs=1e-5)


def test_the_linear_probe_learns_what_is_linear():
    labels = np.random.default_rng(5).integers(0, 10, 300)
    images = smooth_images(300, seed=6) // 4
    for image, label in zip(images, labels, strict=True):
        image[:, 3 * label : 3 * label + 3] = 250
    small = thumbnails(images)
    answers = linear_answers(small[:250], labels[:250], small[250:])
    assert (answers == labels[250:]).mean() > 0.9
