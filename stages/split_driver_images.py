"""Stage `split-driver-images`: decode every listed image and divide them into train, validation and test."""

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from stages.core.errors import run_stage
from stages.core.figures import class_distribution, image_grid, write_figure
from stages.core.outputs import write_metrics, write_table
from stages.core.params import Group, Share, read_params, read_seed
from stages.datasets.driver_images import (
    CLASS_NAMES,
    CLASSES,
    MANIFEST,
    MANIFEST_COLUMNS,
    SPLITS,
    images_root,
    labels_of,
    load_images,
    read_image_list,
)
from stages.datasets.driver_pixels import write_pixels
from stages.datasets.splits import split_by_driver, split_by_image
from stages.models.vgg_params import Vgg

PLOTS = Path("plots/split_driver_images")
SAMPLE_SIZE = 96  # pixels, of the sample sheet
SAMPLED_DRIVERS = 8


class Split(Group):
    """The `split` group of params.yaml."""

    by: Literal["image", "driver"]
    validation_share: Share
    test_share: Share


def sample_rows(images: pd.DataFrame) -> np.ndarray:
    """Row numbers of the sample sheet: a row per class, a column per driver who has them all."""
    classes = images.groupby("subject")["class"].nunique()
    complete = classes.index[classes == classes.max()][:SAMPLED_DRIVERS]
    first = images[images["subject"].isin(complete)].drop_duplicates(["class", "subject"])
    return first.sort_values(["class", "subject"]).index.to_numpy()


def main() -> None:
    params, seed, root = read_params("split", Split), read_seed(), images_root()
    images = read_image_list(root)
    split = {"image": split_by_image, "driver": split_by_driver}[params.by]
    images["split"] = split(images, params.validation_share, params.test_share, seed)

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
    counts = {
        name: np.bincount(labels_of(images[images["split"] == name]), minlength=10).tolist()
        for name in SPLITS
    }
    names = [f"{code} {name}" for code, name in zip(CLASSES, CLASS_NAMES, strict=True)]
    write_table(MANIFEST, {column: images[column].tolist() for column in MANIFEST_COLUMNS})
    write_figure(PLOTS / "samples.png", sheet)
    write_figure(
        PLOTS / "classes.png", class_distribution(counts, names, f"Images per class, split by {params.by}")
    )
    metrics: dict[str, int] = {}
    for name in SPLITS:
        part = images[images["split"] == name]
        metrics |= {f"{name}_images": len(part), f"{name}_drivers": part["subject"].nunique()}
    write_metrics("metrics/split_driver_images.json", metrics)


if __name__ == "__main__":
    run_stage(main)
