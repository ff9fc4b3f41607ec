"""Which images train, validate and test. Independent of the order of the rows."""

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
    best_miss, best = np.inf, None
    for _ in range(DRIVER_TRIES):
        order = rng.permutation(len(totals))
        reached = np.cumsum(totals.to_numpy()[order]) / len(images)
        test_end = max(1, int(np.abs(reached - test_share).argmin()) + 1)
        val_end = max(test_end + 1, int(np.abs(reached - test_share - val_share).argmin()) + 1)
        parts = order[:test_end], order[test_end:val_end], order[val_end:]
        if not all(len(part) and classes[part].any(axis=0).all() for part in parts):
            continue
        sizes = [totals.to_numpy()[part].sum() / len(images) for part in parts[:2]]
        miss = abs(sizes[0] - test_share) + abs(sizes[1] - val_share)
        if miss < best_miss:
            best_miss, best = miss, parts
    if best is None:
        raise InputError(f"{CSV_NAME}: no split by driver found that has every class in train, val and test")
    names = {
        totals.index[d]: name for name, part in zip(("test", "val", "train"), best, strict=True) for d in part
    }
    return images["subject"].map(names).to_numpy(object)


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
