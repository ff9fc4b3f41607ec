"""Stage `prepare-digits`: the images that the networks learn, split into train, validation and test."""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field
from sklearn.model_selection import train_test_split

from ladder.files.errors import InputError, run_stage
from ladder.figures.style import class_distribution, image_grid, write_figure
from ladder.files.outputs import write_arrays, write_metrics
from ladder.files.params import Group, Share, read_params, read_seed
from ladder.digits.sources import read_source
from ladder.digits.images import CLASS_NAMES, DIGITS_FILE, SPLITS, Images

PLOTS = Path("plots/prepare_digits")


class Digits(Group):
    """The `digits` group of params.yaml."""

    source: Annotated[str, Field(pattern=r"^[^\s~/.][^\s/]*$")]
    validation_share: Share
    test_share: Share


def split_stratified(everything: Images, share: float, seed: int, key: str) -> tuple[Images, Images]:
    """Two parts with every class in both, the second one `share` of the whole."""
    kept, taken = _indices(everything.labels, share, seed, key)
    return (
        Images(everything.images[kept], everything.labels[kept]),
        Images(everything.images[taken], everything.labels[taken]),
    )


def _indices(labels: np.ndarray, share: float, seed: int, key: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        parts = train_test_split(np.arange(len(labels)), test_size=share, stratify=labels, random_state=seed)
    except ValueError as error:
        raise InputError(f"params.yaml: {key}: {share} cannot be split off by class: {error}") from None
    return np.sort(parts[0]), np.sort(parts[1])


def main() -> None:
    params, seed = read_params("digits", Digits), read_seed()
    train, test = read_source(params.source, Path("data/raw") / params.source)
    if test is None:
        train, test = split_stratified(train, params.test_share, seed, "digits.test_share")
    train, val = split_stratified(train, params.validation_share, seed, "digits.validation_share")
    splits = dict(zip(SPLITS, (train, val, test), strict=True))

    arrays = {}
    for split, (images, labels) in splits.items():
        arrays |= {f"{split}_images": images, f"{split}_labels": labels}
    counts = {split: np.bincount(part.labels, minlength=10).tolist() for split, part in splits.items()}
    title = f"Images of source {params.source!r}"
    write_arrays(DIGITS_FILE, arrays)
    write_figure(PLOTS / "classes.png", class_distribution(counts, CLASS_NAMES, f"{title} per class"))
    first = [np.flatnonzero(train.labels == digit)[:4] for digit in range(10)]
    shown = np.concatenate(first)
    captions = [CLASS_NAMES[label] for label in train.labels[shown]]
    write_figure(PLOTS / "samples.png", image_grid(train.images[shown], captions, f"{title}: training", 10))
    write_metrics(
        "metrics/prepare_digits.json", {f"{split}_images": len(part.labels) for split, part in splits.items()}
    )


if __name__ == "__main__":
    run_stage(main)
