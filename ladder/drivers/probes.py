"""Models that cannot understand a picture. What they score, a split gives away."""

import numpy as np
from PIL import Image
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import NearestNeighbors

from ladder.files.memory_maps import ArrayRows

SIDE = 24  # pixels of a thumbnail
NEAR_DUPLICATE = 0.95  # correlation of two thumbnails
RIDGE = 1.0  # penalty; never tuned


def thumbnails(images: np.ndarray | ArrayRows) -> np.ndarray:
    """Small grey versions without brightness and contrast.

    Parameters
    ----------
    images : uint8 [n, size, size, 3].

    Returns
    -------
    float32 [n, 576], of mean 0 and length 1 each, so that products are correlations; zero where an image is
    of one grey.
    """
    small = np.empty((len(images), SIDE * SIDE), np.float32)
    for number in range(len(images)):
        grey = Image.fromarray(images[number : number + 1][0]).convert("L")
        small[number] = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX)).ravel()
    small -= small.mean(axis=1, keepdims=True)
    return small / np.maximum(np.linalg.norm(small, axis=1, keepdims=True), 1e-6)


def closest(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The training thumbnail most like each test one [items, 576]: its number, and their correlation."""
    distance, number = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(train).kneighbors(test)
    return number[:, 0], 1 - np.square(distance[:, 0]) / 2


def linear_answers(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Classes [test items] that a linear model (ridge regression on ±1) gives to thumbnails [items, 576]."""
    return RidgeClassifier(RIDGE).fit(train * SIDE, labels).predict(test * SIDE)
