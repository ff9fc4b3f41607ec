"""Stage `extract-vgg-features`: the frozen base sees every image and each augmented view just once."""

import numpy as np

from stages.core.errors import InputError, run_stage
from stages.core.outputs import replacing, write_metrics
from stages.core.params import read_params
from stages.core.progress import Progress
from stages.core.runtime import choose_precision, dtype_policy, start_keras
from stages.datasets.augmentation import Augment, augment
from stages.datasets.driver_images import SPLITS, read_manifest
from stages.datasets.driver_pixels import read_pixels
from stages.datasets.vgg_features import FEATURES, create_features
from stages.models.vgg16 import BASE_FILE, build_feature_extractor, load_base
from stages.models.vgg_params import Vgg


def main() -> None:
    params, augmentation = read_params("vgg", Vgg), read_params("augment", Augment)
    seed, manifest = start_keras(), read_manifest()
    with dtype_policy(choose_precision()):
        extractor = build_feature_extractor(load_base(params.image_size, BASE_FILE))

    images = read_pixels(manifest, params.image_size)
    views = dict.fromkeys(SPLITS, 1)
    if params.features == "cached":
        views["train"] += params.augmented_views
    else:
        print("features: live: no augmented views here, train-vgg-head makes them as it goes", flush=True)
    total = sum(views[split] * len(images[split]) for split in SPLITS)
    with replacing(FEATURES) as folder, Progress("extract-vgg-features", total, "image") as progress:
        for split in SPLITS:
            shape = extractor.output_shape[1:]
            features = create_features(folder, split, views[split], len(images[split]), shape)
            for start in range(0, len(images[split]), params.batch_size):
                batch = slice(start, start + params.batch_size)
                pixels = images[split][batch]
                for view in range(views[split]):
                    rng = np.random.default_rng([seed, 13, view, start])
                    seen = pixels.astype(np.float32) if view == 0 else augment(pixels, augmentation, rng)
                    with np.errstate(over="ignore"):  # looked for below
                        half = np.asarray(extractor.predict_on_batch(seen)).astype(np.float16)
                    too_large = np.flatnonzero(~np.isfinite(half).all(axis=(1, 2, 3)))
                    if len(too_large):
                        paths = manifest["path"][manifest["split"] == split]
                        culprit = paths.iloc[start + too_large[0]]
                        raise InputError(f"{culprit}: its features do not fit in half precision")
                    features[view, batch] = half
                    progress.advance(len(pixels))
            features.flush()
    metrics = {f"{split}_feature_vectors": views[split] * len(images[split]) for split in SPLITS}
    write_metrics("metrics/extract_vgg_features.json", metrics)


if __name__ == "__main__":
    run_stage(main)
