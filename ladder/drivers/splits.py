"""Which images train, validate and test. Independent of the order of the rows."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from ladder.drivers.images import CSV_NAME
from ladder.files.errors import InputError
from ladder.files.streams import stream

DRIVER_TRIES = 1000


def split_by_image(images: pd.DataFrame, val_share: float, test_share: float, seed: int) -> np.ndarray:
    """Split at random, stratified by class: an array [rows] of "train", "val" or "test".

    Parameters
    ----------
    images : columns `path`, `class` and `subject`.

    Raises
    ------
    InputError
        A class has too few images for each split to get one, or the shares leave no training images.
    """
    _check_shares(val_share, test_share)
    counts = images["class"].value_counts()
    if counts.min() < 3:
        raise InputError(
            f"{CSV_NAME}: class {counts.idxmin()} has {counts.min()} image(s); "
            "at least 3 are needed, one for each split"
        )
    split = np.full(len(images), "train", dtype=object)
    order = np.argsort(images["path"].to_numpy(), kind="stable")
    try:
        for name, share in (("test", test_share), ("val", val_share)):
            free = order[split[order] == "train"]
            number = round(share * len(images))
            _, taken = train_test_split(
                free, test_size=number, stratify=images["class"].to_numpy()[free], random_state=seed
            )
            split[taken] = name
    except ValueError as error:
        raise InputError(
            f"params.yaml: split: {len(images)} images cannot be split by class into {val_share} and "
            f"{test_share}: {error}"
        ) from None
    _check_every_class_everywhere(images, split)
    return split


def split_by_driver(images: pd.DataFrame, val_share: float, test_share: float, seed: int) -> np.ndarray:
    """Split so that nobody is in two splits, as near to the shares as many random deals come.

    Parameters and raises are those of `split_by_image`; too few drivers are an error as well.
    """
    _check_shares(val_share, test_share)
    totals = images["subject"].value_counts().sort_index()
    if len(totals) < 3:
        raise InputError(f"{CSV_NAME}: {len(totals)} driver(s); at least 3 are needed, one for each split")
    classes = pd.crosstab(images["subject"], images["class"]).sort_index().to_numpy() > 0
    rng = stream(seed, "split-driver-images/drivers")
    parts = _deal(totals.to_numpy(), classes, (test_share, val_share), rng)
    if parts is None:
        raise InputError(f"{CSV_NAME}: no split by driver found that has every class in train, val and test")
    names = {
        totals.index[d]: name
        for name, part in zip(("test", "val", "train"), parts, strict=True)
        for d in part
    }
    return images["subject"].map(names).to_numpy(object)


def fold_by_driver(images: pd.DataFrame, val_share: float, folds: int, seed: int) -> list[np.ndarray]:
    """Cross-validation by driver: so many splits, in which each driver is tested once.

    The folds are about equally large. In each of them, the drivers of the other folds train, but for some
    that validate: `val_share` of all images, as near as many random deals come.

    Parameters
    ----------
    images : columns `path`, `class` and `subject`.

    Returns
    -------
    Per fold an array [rows] of "train", "val" or "test", with nobody in two of them.

    Raises
    ------
    InputError
        There are fewer drivers than folds, or in a fold a class has no images to train or validate.
    """
    totals = images["subject"].value_counts().sort_index()
    if len(totals) < folds:
        raise InputError(
            f"params.yaml: split.folds: {folds}, but there are {len(totals)} drivers; allowed are 2 to "
            f"{len(totals)}, each driver being tested once"
        )
    sizes, rng = totals.to_numpy(), stream(seed, "split-driver-images/folds")
    order = rng.permutation(len(sizes))
    fold_of, filled = np.zeros(len(sizes), int), np.zeros(folds)
    for driver in order[np.argsort(-sizes[order], kind="stable")]:  # the largest first, each to the least
        fold_of[driver] = filled.argmin()
        filled[fold_of[driver]] += sizes[driver]
    classes = pd.crosstab(images["subject"], images["class"]).sort_index().to_numpy() > 0
    splits = []
    for fold in range(folds):
        others = np.flatnonzero(fold_of != fold)
        share = val_share * len(images) / sizes[others].sum()
        parts = _deal(sizes[others], classes[others], (share,), rng)
        if parts is None:
            raise InputError(
                f"{CSV_NAME}: fold {fold + 1} of {folds}: no drivers found that validate and have every "
                "class, as those who train must; allowed are other split.folds or more drivers"
            )
        names = np.full(len(sizes), "test", object)
        for name, part in zip(("val", "train"), parts, strict=True):
            names[others[part]] = name
        splits.append(images["subject"].map(dict(zip(totals.index, names, strict=True))).to_numpy(object))
    return splits


def _deal(
    sizes: np.ndarray, classes: np.ndarray, shares: Sequence[float], rng: np.random.Generator
) -> list[np.ndarray] | None:
    """Drivers dealt into a part for each of `shares` and one for the rest, as near to them as tries come.

    Parameters
    ----------
    sizes : images of each driver.
    classes : [drivers, classes], which ones a driver has; each part must have all.

    Returns
    -------
    Numbers of drivers, part by part; None if no try gave every part every class.
    """
    best_miss, best = np.inf, None
    for _ in range(DRIVER_TRIES):
        order, ends = rng.permutation(len(sizes)), [0]
        reached = np.cumsum(sizes[order]) / sizes.sum()
        for share in np.cumsum(shares):
            ends.append(max(ends[-1] + 1, int(np.abs(reached - share).argmin()) + 1))
        parts = [order[start:end] for start, end in zip(ends, [*ends[1:], len(order)], strict=True)]
        if not all(len(part) and classes[part].any(axis=0).all() for part in parts):
            continue
        dealt = [sizes[part].sum() / sizes.sum() for part in parts[:-1]]
        miss = sum(abs(part - share) for part, share in zip(dealt, shares, strict=True))
        if miss < best_miss:
            best_miss, best = miss, parts
    return best


def _check_shares(val_share: float, test_share: float) -> None:
    if val_share + test_share >= 1:
        raise InputError(
            f"params.yaml: split: validation_share {val_share} and test_share {test_share} "
            "leave no training images"
        )


def _check_every_class_everywhere(images: pd.DataFrame, split: np.ndarray) -> None:
    counts = pd.crosstab(images["class"], split)
    for name in ("train", "val", "test"):
        if name not in counts or (counts[name] == 0).any():
            missing = counts.index[0] if name not in counts else counts.index[counts[name] == 0][0]
            raise InputError(f"{CSV_NAME}: class {missing} has too few images: none in split {name!r}")
