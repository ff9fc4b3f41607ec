"""Stage `extract-vgg-features`: the frozen base sees every image and each augmented view just once."""

from collections import deque
from typing import NamedTuple

import numpy as np

from ladder.drivers.augmentation import Augment, augment
from ladder.drivers.images import MANIFEST, labels_of, read_manifest
from ladder.drivers.pixels import PIXELS, read_pixels
from ladder.files.errors import InputError, run_stage
from ladder.files.metrics import write_metrics
from ladder.files.outputs import replacing
from ladder.files.params import read_params, read_seed
from ladder.files.progress import Progress
from ladder.files.streams import stream
from ladder.processes.processes import Processes, join_processes
from ladder.training.prediction import predict_batch
from ladder.training.runtime import Runtime, choose_precision, dtype_policy, keras
from ladder.vgg.features import FEATURES, new_features
from ladder.vgg.params import Vgg
from ladder.vgg.vgg16 import BASE_FILE, build_feature_extractor, load_base
from ladder.vgg.winograd import accelerated


class ViewBatch(NamedTuple):
    """Some rows of the manifest in one view."""

    view: int
    rows: np.ndarray


def main() -> None:
    params, augmentation, seed = read_params("vgg", Vgg), read_params("augment", Augment), read_seed()
    runtime = read_params("runtime", Runtime)
    with join_processes(runtime.distribution) as processes:
        extract(params, augmentation, seed, runtime.precision, processes)


def extract(
    params: Vgg, augmentation: Augment, seed: int, asked_precision: str, processes: Processes
) -> None:
    """The stage, in each of the processes that share it; process 0 writes the outputs."""
    keras.utils.set_random_seed(seed)
    manifest, precision = read_manifest(), choose_precision(asked_precision)
    settings = (params, augmentation, seed, precision)
    processes.agree({"parameters": settings} | {str(path): path for path in (MANIFEST, PIXELS, BASE_FILE)})
    labels, pixels = labels_of(manifest), read_pixels(len(manifest), params.image_size)
    views = 1  # of the image itself; all splits and folds train on the same augmented ones
    if params.features == "cached":
        views += params.augmented_views
    else:
        print("features: live: no augmented views here, train-vgg-head makes them as it goes", flush=True)
    total = views * len(manifest)
    with dtype_policy(precision):
        extractor = accelerated(build_feature_extractor(load_base(params.image_size, BASE_FILE)), total)
    batches = [
        ViewBatch(view, np.arange(start, min(start + params.batch_size, len(manifest))))
        for view in range(views)
        for start in range(0, len(manifest), params.batch_size)
    ]

    def compute(batch: ViewBatch) -> dict[str, np.ndarray]:
        seen, classes = pixels[batch.rows].astype(np.float32), labels[batch.rows]
        if batch.view > 0:
            rng = stream(seed, "extract-vgg-features/augmentation", batch.view, int(batch.rows[0]))
            seen, classes = augment(seen, classes, augmentation, rng)
        with np.errstate(over="ignore"):  # looked for below
            half = predict_batch(extractor, seen, params.batch_size).astype(np.float16)
        too_large = np.flatnonzero(~np.isfinite(half).all(axis=(1, 2, 3)))
        if len(too_large):
            culprit = manifest["path"].iloc[batch.rows[too_large[0]]]
            raise InputError(f"{culprit}: its features do not fit in half precision")
        return {"features": half, "classes": classes}

    found = zip(batches, processes.in_turn(batches, compute), strict=True)
    if not processes.first:
        deque(found, maxlen=0)  # what is computed here goes to process 0
        return
    shape = extractor.output_shape[1:]
    with (
        replacing(FEATURES) as folder,
        new_features(folder, views, len(manifest), shape) as features,
        Progress("extract-vgg-features", total, "image") as progress,
    ):
        for batch, computed in found:
            features.write(batch.view, batch.rows, computed["features"], computed["classes"])
            progress.advance(len(batch.rows))
    write_metrics("extract-vgg-features", {"feature_vectors": total})


if __name__ == "__main__":
    run_stage(main)
