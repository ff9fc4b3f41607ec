"""Stage `prepare-digits`: the images that the networks learn, split into train, validation and test."""

from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

from ladder.digits.images import DIGITS_FILE, Images
from ladder.digits.sources import Digits, read_source
from ladder.files.errors import InputError, run_stage
from ladder.files.metrics import SPLITS, write_metrics
from ladder.files.outputs import write_arrays
from ladder.files.params import read_params, read_seed


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
    write_arrays(DIGITS_FILE, arrays)
    write_metrics("prepare-digits", {f"{split}_images": len(part.labels) for split, part in splits.items()})


if __name__ == "__main__":
    run_stage(main)
