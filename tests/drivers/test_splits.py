"""Splits: exact, stratified or apart by driver, and a function of the images and the seed alone."""

import numpy as np
import pandas as pd
import pytest

from ladder.drivers.splits import fold_by_driver, split_by_driver, split_by_image
from ladder.files.errors import InputError

SPLITS = ("train", "val", "test")
BOTH = pytest.mark.parametrize("split", [split_by_image, split_by_driver])


def images_table(drivers=10, classes=10, frames=3):
    """The same number of images of every driver in every class."""
    rows = [
        (f"imgs/train/c{c}/img_{d}_{f}.jpg", f"c{c}", f"p{d:03}")
        for c in range(classes)
        for d in range(drivers)
        for f in range(frames)
    ]
    return pd.DataFrame(rows, columns=["path", "class", "subject"])


def uneven_table(drivers=12, seed=0):
    """Some drivers and classes have many images, others few."""
    images = images_table(drivers, frames=20)
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.2, 1, drivers)[images["subject"].str[1:].astype(int)]
    weights *= rng.uniform(0.3, 1, 10)[images["class"].str[1:].astype(int)]
    return images[rng.random(len(images)) < weights].reset_index(drop=True)


def test_by_image_the_counts_are_exact():
    split = split_by_image(images_table(), 0.1, 0.1, seed=0)
    assert [(split == name).sum() for name in SPLITS] == [240, 30, 30]


@pytest.mark.parametrize(("val_share", "test_share"), [(0.1, 0.1), (0.15, 0.25), (0.4, 0.05)])
def test_by_image_every_class_has_its_share_of_each_split(val_share, test_share):
    images = uneven_table()
    split = split_by_image(images, val_share, test_share, seed=3)
    assert (split == "test").sum() == round(test_share * len(images))
    assert (split == "val").sum() == round(val_share * len(images))
    counts = pd.crosstab(images["class"], split)
    sizes = images["class"].value_counts()
    for name in SPLITS:
        expected = sizes * (split == name).mean()
        assert (counts[name] > 0).all()
        assert (counts[name] - expected).abs().max() <= 1


def test_by_driver_nobody_is_in_two_splits():
    images = uneven_table()
    split = split_by_driver(images, 0.1, 0.1, seed=0)
    assert (images.assign(split=split).groupby("subject")["split"].nunique() == 1).all()


@pytest.mark.parametrize("seed", range(3))
def test_by_driver_every_class_is_in_every_split(seed):
    images = uneven_table(seed=seed)
    counts = pd.crosstab(images["class"], split_by_driver(images, 0.1, 0.1, seed))
    assert set(counts.columns) == set(SPLITS)
    assert (counts > 0).all(axis=None)


def test_by_driver_the_shares_are_near():
    images = uneven_table(drivers=26)
    split = split_by_driver(images, 0.1, 0.1, seed=0)
    assert [(split == name).mean() for name in SPLITS] == pytest.approx([0.8, 0.1, 0.1], abs=0.01)


def test_by_driver_three_drivers_are_enough():
    split = split_by_driver(images_table(drivers=3), 0.1, 0.1, seed=0)
    assert [(split == name).sum() for name in SPLITS] == [30, 30, 30]


@BOTH
@pytest.mark.parametrize("images", [uneven_table(), images_table()], ids=["uneven", "even"])
def test_the_order_of_the_rows_makes_no_difference(split, images):
    shuffled = images.sample(frac=1, random_state=1, ignore_index=True)
    first = dict(zip(images["path"], split(images, 0.1, 0.2, 5), strict=True))
    assert first == dict(zip(shuffled["path"], split(shuffled, 0.1, 0.2, 5), strict=True))


@BOTH
def test_the_seed_decides(split):
    images = images_table(drivers=20)
    first = split(images, 0.1, 0.2, 5)
    assert np.array_equal(first, split(images, 0.1, 0.2, 5))
    assert not np.array_equal(first, split(images, 0.1, 0.2, 6))


@BOTH
@pytest.mark.parametrize(("val_share", "test_share"), [(0.5, 0.5), (0.6, 0.7)])
def test_shares_that_leave_nothing_to_train_are_refused(split, val_share, test_share):
    with pytest.raises(InputError, match=rf"validation_share {val_share} and test_share {test_share} leave"):
        split(images_table(), val_share, test_share, 0)


@pytest.mark.parametrize("count", [1, 2])
def test_by_image_a_class_that_is_too_small_is_named(count):
    images = images_table()
    small = images[images["class"] == "c4"].index[count:]
    with pytest.raises(InputError, match=rf"class c4 has {count} image\(s\); at least 3"):
        split_by_image(images.drop(small).reset_index(drop=True), 0.1, 0.1, 0)


def test_by_image_a_class_that_misses_a_split_is_named():
    images = images_table(drivers=100)
    small = images[images["class"] == "c4"].index[3:]
    with pytest.raises(InputError, match="class c4 has too few images: none in split"):
        split_by_image(images.drop(small).reset_index(drop=True), 0.1, 0.1, 0)


@pytest.mark.parametrize(("val_share", "test_share"), [(0.1, 0.001), (0.001, 0.1), (0.1, 0.02), (0.5, 0.49)])
def test_by_image_shares_too_small_for_every_class_are_refused(val_share, test_share):
    with pytest.raises(InputError, match="300 images cannot be split by class"):
        split_by_image(images_table(), val_share, test_share, 0)


@pytest.mark.parametrize("drivers", [1, 2])
def test_by_driver_too_few_drivers_are_refused(drivers):
    with pytest.raises(InputError, match=rf"{drivers} driver\(s\); at least 3"):
        split_by_driver(images_table(drivers), 0.1, 0.1, 0)


def test_by_driver_a_class_of_two_drivers_is_refused():
    images = images_table()
    elsewhere = (images["class"] == "c4") & (images["subject"] > "p001")
    with pytest.raises(InputError, match="every class in train, val and test"):
        split_by_driver(images[~elsewhere].reset_index(drop=True), 0.1, 0.1, 0)


def test_each_driver_is_tested_in_one_fold_and_folds_are_about_equal():
    images = uneven_table(drivers=11)
    folds = fold_by_driver(images, 0.1, 4, seed=3)
    assert len(folds) == 4
    tested = np.stack([fold == "test" for fold in folds])
    assert (tested.sum(axis=0) == 1).all()
    sizes = tested.sum(axis=1)
    assert sizes.max() - sizes.min() <= images["subject"].value_counts().max()
    for fold in folds:
        of_driver = images.assign(split=fold).groupby("subject")["split"].unique()
        assert (of_driver.str.len() == 1).all() and set(fold) == {"train", "val", "test"}
        for split in ("train", "val"):
            assert set(images["class"][fold == split]) == set(images["class"])


def test_folds_depend_on_the_seed_and_not_on_the_order_of_rows():
    images = images_table(drivers=11)
    shuffled = images.sample(frac=1, random_state=0)
    for fold, again in zip(
        fold_by_driver(images, 0.1, 4, seed=3), fold_by_driver(shuffled, 0.1, 4, seed=3), strict=True
    ):
        assert np.array_equal(fold[shuffled.index], again)
    other = fold_by_driver(images, 0.1, 4, seed=4)
    assert any((a != b).any() for a, b in zip(fold_by_driver(images, 0.1, 4, seed=3), other, strict=True))


def test_more_folds_than_drivers_are_refused():
    with pytest.raises(InputError, match=r"split\.folds: 5, but there are 4 drivers; allowed are 2 to 4"):
        fold_by_driver(images_table(drivers=4), 0.1, 5, seed=0)
