"""What a head learns from: features of each training image as it is, or augmented; cached or live."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ladder.drivers.augmentation import Augment, augment, draw_augmented
from ladder.drivers.images import one_hot
from ladder.files.memory_maps import ArrayRows, Rows
from ladder.files.streams import stream
from ladder.training.batched_epochs import Batch, MakeBatch
from ladder.vgg.features import LiveFeatures

Base = Callable[[np.ndarray], np.ndarray]  # images [n, size, size, 3], 0 to 255 → features, float32


class Views(NamedTuple):
    """Where a head finds the features of some rows of the manifest.

    Attributes
    ----------
    training : rows → batches of their features, in each epoch half of them augmented.
    unchanged : rows → the features of the images as they are.
    """

    training: Callable[[np.ndarray], MakeBatch]
    unchanged: Callable[[np.ndarray], Rows]


def cached_views(features: np.ndarray, classes: np.ndarray, seed: int) -> Views:
    """Views that the base saw once: what `read_features` returns."""

    def training(rows: np.ndarray) -> MakeBatch:
        def make_batch(numbers: np.ndarray, epoch: int, step: int) -> Batch:
            rng, items = stream(seed, "train-vgg-head/views", epoch, step), rows[numbers]
            views = np.zeros(len(items), int)
            if len(features) > 1:
                augmented = draw_augmented(len(items), rng)
                views[augmented] = rng.integers(1, len(features), augmented.sum())
            return features[views, items].astype(np.float32), one_hot(classes[views, items])

        return make_batch

    return Views(training, lambda rows: ArrayRows(features[0], rows))


def live_views(
    run_base: Base, pixels: np.ndarray, labels: np.ndarray, augmentation: Augment, seed: int
) -> Views:
    """The base runs on `pixels` [items, size, size, 3] in every epoch, on half of them augmented anew."""

    def training(rows: np.ndarray) -> MakeBatch:
        def make_batch(numbers: np.ndarray, epoch: int, step: int) -> Batch:
            rng, items = stream(seed, "train-vgg-head/augmentation", epoch, step), rows[numbers]
            images, classes, augmented = pixels[items], labels[items], draw_augmented(len(items), rng)
            seen = images.astype(np.float32)
            seen[augmented], classes[augmented] = augment(
                images[augmented], classes[augmented], augmentation, rng
            )
            return run_base(seen), one_hot(classes)

        return make_batch

    return Views(training, lambda rows: LiveFeatures(run_base, ArrayRows(pixels, rows)))
