"""Stage `split-driver-images`: decode every listed image and divide them into train, validation and test."""

from pathlib import Path

import numpy as np
import pandas as pd

from ladder.files.errors import run_stage
from ladder.figures.style import class_distribution, image_grid, write_figure
from ladder.files.outputs import write_metrics, write_table
from ladder.files.params import read_params, read_seed
from ladder.drivers.images import (
    CLASS_NAMES,
    CLASSES,
    MANIFEST,
    MANIFEST_COLUMNS,
    SPLITS,
    WAYS,
    Split,
    images_root,
    labels_of,
    load_images,
    read_image_list,
    rows_by_split,
)
from ladder.drivers.pixels import write_pixels
from ladder.drivers.splits import split_by_driver, split_by_image
from ladder.vgg.params import Vgg

PLOTS = Path("plots/split_driver_images")
SAMPLE_SIZE = 96  # pixels, of the sample sheet
SAMPLED_DRIVERS = 8


def sample_rows(images: pd.DataFrame) -> np.ndarray:
    """Row numbers of the sample sheet: a row per class, a column per driver who has them all."""
    classes = images.groupby("subject")["class"].nunique()
    complete = classes.index[classes == classes.max()][:SAMPLED_DRIVERS]
    first = images[images["subject"].isin(complete)].drop_duplicates(["class", "subject"])
    return first.sort_values(["class", "subject"]).index.to_numpy()


def main() -> None:
    params, seed, root = read_params("split", Split), read_seed(), images_root()
    images = read_image_list(root)
    for way, split in zip(WAYS, (split_by_image, split_by_driver), strict=True):
        images[f"by_{way}"] = split(images, params.validation_share, params.test_share, seed)

    # First of all that is written: a file that is no image ends the stage here.
    write_pixels(root, images["path"].tolist(), read_params("vgg", Vgg).image_size)

    shown = images.loc[sample_rows(images)]
    captions = [
        f"{row['class']} {CLASS_NAMES[CLASSES.index(row['class'])]}\n{row['subject']}"
        for _, row in shown.iterrows()
    ]
    sheet = image_grid(
        load_images(root, shown["path"].tolist(), SAMPLE_SIZE),
        captions,
        "Driver images",
        shown["subject"].nunique(),
    )
    write_table(MANIFEST, {column: images[column].tolist() for column in MANIFEST_COLUMNS})
    write_figure(PLOTS / "samples.png", sheet)
    names = [f"{code} {name}" for code, name in zip(CLASSES, CLASS_NAMES, strict=True)]
    labels, metrics = labels_of(images), {}
    for way in WAYS:
        rows = rows_by_split(images, way)
        counts = {name: np.bincount(labels[rows[name]], minlength=10).tolist() for name in SPLITS}
        figure = class_distribution(counts, names, f"Images per class, split by {way}")
        write_figure(PLOTS / f"by_{way}.png", figure)
        for name in SPLITS:
            metrics[f"by_{way}_{name}_images"] = len(rows[name])
            metrics[f"by_{way}_{name}_drivers"] = images["subject"].iloc[rows[name]].nunique()
    write_metrics("metrics/split_driver_images.json", metrics)


if __name__ == "__main__":
    run_stage(main)
