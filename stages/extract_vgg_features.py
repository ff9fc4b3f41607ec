"""Stage `extract-vgg-features`: the frozen base sees every image and each augmented view just once."""

from pathlib import Path

import numpy as np

from stages.core.errors import InputError, run_stage
from stages.core.outputs import replacing, write_metrics
from stages.core.params import read_params
from stages.core.progress import Progress
from stages.core.runtime import choose_precision, dtype_policy, start_keras
from stages.datasets.augmentation import Augment, augment
from stages.datasets.driver_images import SPLITS, images_root, load_images, read_manifest
from stages.datasets.vgg_features import FEATURES, create_features
from stages.models.vgg16 import Vgg, build_feature_extractor, load_base


def main() -> None:
    params, augmentation = read_params("vgg", Vgg), read_params("augment", Augment)
    seed, root, manifest = start_keras(), images_root(), read_manifest()
    with dtype_policy(choose_precision()):
        extractor = build_feature_extractor(load_base(params.image_size))

    views = {split: 1 + (params.augmented_views if split == "train" else 0) for split in SPLITS}
    paths = {split: manifest["path"][manifest["split"] == split].tolist() for split in SPLITS}
    total = sum(views[split] * len(paths[split]) for split in SPLITS)
    with replacing(FEATURES) as folder, Progress("extract-vgg-features", total, "image") as progress:
        for split in SPLITS:
            shape = extractor.output_shape[1:]
            features = create_features(Path(folder), split, views[split], len(paths[split]), shape)
            for start in range(0, len(paths[split]), params.batch_size):
                batch = slice(start, start + params.batch_size)
                images = load_images(root, paths[split][batch], params.image_size)
                for view in range(views[split]):
                    rng = np.random.default_rng([seed, 13, view, start])
                    seen = images.astype(np.float32) if view == 0 else augment(images, augmentation, rng)
                    half = np.asarray(extractor.predict_on_batch(seen)).astype(np.float16)
                    too_large = np.flatnonzero(~np.isfinite(half).all(axis=(1, 2, 3)))
                    if len(too_large):
                        culprit = root / paths[split][start + too_large[0]]
                        raise InputError(f"{culprit}: its features do not fit in half precision")
                    features[view, batch] = half
                    progress.advance(len(images))
            features.flush()
    metrics = {f"{split}_feature_vectors": views[split] * len(paths[split]) for split in SPLITS}
    write_metrics("metrics/extract_vgg_features.json", metrics)


if __name__ == "__main__":
    run_stage(main)
