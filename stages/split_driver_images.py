"""Stage `split-driver-images`: decode every listed image and divide them into train, validation and test.

By image, by driver, and into the folds of a cross-validation by driver.
"""

from pathlib import Path

from ladder.drivers.images import (
    MANIFEST,
    MANIFEST_COLUMNS,
    SPLIT_BY,
    Drivers,
    Split,
    read_image_list,
    rows_by_split,
)
from ladder.drivers.pixels import write_pixels
from ladder.drivers.splits import fold_by_driver, split_by_driver, split_by_image
from ladder.files.errors import run_stage
from ladder.files.metrics import write_metrics
from ladder.files.outputs import write_table
from ladder.files.params import read_params, read_seed
from ladder.vgg.params import Vgg


def main() -> None:
    params, seed, size = read_params("split", Split), read_seed(), read_params("vgg", Vgg).image_size
    root = Path(read_params("drivers", Drivers).root)
    images = read_image_list(root)
    for by, split in zip(SPLIT_BY, (split_by_image, split_by_driver), strict=True):
        images[f"by_{by}"] = split(images, params.validation_share, params.test_share, seed)
    columns = list(MANIFEST_COLUMNS)
    for number, fold in enumerate(fold_by_driver(images, params.validation_share, params.folds, seed), 1):
        columns.append(f"by_fold_{number}")
        images[columns[-1]] = fold

    # First of all that is written: a file that is no image ends the stage here.
    write_pixels(root, images["path"].tolist(), size)
    write_table(MANIFEST, {column: images[column].tolist() for column in columns})
    metrics = {}
    for by in SPLIT_BY:
        for split, rows in rows_by_split(images, by).items():
            metrics[f"by_{by}_{split}_images"] = len(rows)
            metrics[f"by_{by}_{split}_drivers"] = images["subject"].iloc[rows].nunique()
    write_metrics("split-driver-images", metrics)


if __name__ == "__main__":
    run_stage(main)
