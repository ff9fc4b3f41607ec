"""What the VGG16 branch costs with as many images as State Farm's set has: time per image, and memory.

    python -m benchmarks.vgg.vgg_scaling

The stages run as in the pipeline, on files that are made for the purpose, since neither figure depends on
what the images show: random pixels for the time, and for the memory features that are all zero, in files with
holes that take no disk space. The memory is the process's own (RssAnon); pages of the memory-mapped files,
which the system drops whenever it needs the room, do not count.
"""

import os
import re
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.pipeline.stage_runs import check_exit, run_stages, start_stage, time_stage, write_params
from benchmarks.timing import Row, make_row, print_rows, use_cpu
from ladder.drivers.images import CLASSES, MANIFEST, MANIFEST_COLUMNS, SPLIT_BY, SPLITS
from ladder.drivers.pixels import PIXELS
from ladder.files.errors import run_command
from ladder.files.outputs import write_table
from ladder.training.runtime import choose_precision
from ladder.vgg.features import CHANNELS, FEATURES, new_features
from ladder.vgg.vgg16 import CELLS

FEW, STATE_FARM = 500, 22_424  # images
ORDER = (FEW, FEW, FEW, STATE_FARM, FEW, FEW, FEW)  # half before and half after, should the machine change
EPOCHS = 6
TIMED = {
    "vgg": {"weights": "random", "image_size": 64, "augmented_views": 0},
    "vgg_head": {"epochs": EPOCHS},
}
LARGE = {"vgg": {"image_size": 224, "augmented_views": 4}, "vgg_head": {"epochs": 1}}
BOUND = 4.0  # GiB
INTERVAL = 0.02  # s, between two looks at the memory
STATUS = "/proc/{}/status"


def make_images(folder: Path, count: int, size: int) -> None:
    """Write a manifest, and pixels that are all zero, in a file with holes."""
    numbers = np.arange(count)
    splits = np.select([numbers % 10 == 0, numbers % 10 == 1], ["val", "test"], "train")
    classes = np.array(CLASSES)[numbers // 10 % len(CLASSES)]
    # As many drivers as splits: both ways split alike.
    columns = ([f"{number}.jpg" for number in numbers], classes, splits, splits, splits)
    table = dict(zip(MANIFEST_COLUMNS, columns, strict=True))
    for number, tested in enumerate(
        SPLITS, 1
    ):  # a fold per driver: the one it tests changes places with "test"
        changed = {tested: "test", "test": tested}
        table[f"by_fold_{number}"] = [changed.get(split, split) for split in splits]
    write_table(folder / MANIFEST, table)
    np.lib.format.open_memmap(folder / PIXELS, "w+", np.uint8, (count, size, size, 3))


def prepare_timing(folder: Path, count: int) -> None:
    """Write what the timed stages read: random pixels and a base."""
    size, rng = TIMED["vgg"]["image_size"], np.random.default_rng(0)
    make_images(folder, count, size)
    pixels = np.lib.format.open_memmap(folder / PIXELS, "r+")
    for image in pixels:
        image[:] = rng.integers(0, 256, image.shape, np.uint8)
    pixels.flush()
    run_stages(folder, TIMED, ["prepare_vgg_base"])


def cost_per_image(folder: Path, count: int) -> float:
    """Seconds per image of extracting one view and of one epoch of the head, without what happens just once.

    The first batch and the first epoch trace and compile, as does a split's last batch, which may be smaller.
    """
    (extracted,) = time_stage(folder, "extract_vgg_features")
    batch_size = min(extracted)
    full = [
        later - earlier
        for (before, earlier), (done, later) in pairwise(extracted.items())
        if done - before == batch_size
    ]
    heads = time_stage(folder, "train_vgg_head")[: len(SPLIT_BY)]
    epoch = statistics.fmean((head[EPOCHS] - head[1]) / (EPOCHS - 1) for head in heads)
    return statistics.fmean(full) / batch_size + epoch / count


def cost_row() -> Row:
    """The cost of an image among STATE_FARM, beside that of one among FEW."""
    costs: dict[int, list[float]] = {STATE_FARM: [], FEW: []}
    with tempfile.TemporaryDirectory() as name:
        for count in costs:
            (Path(name) / f"{count}/data").mkdir(parents=True)
            prepare_timing(Path(name) / f"{count}", count)
        for count in ORDER:
            costs[count].append(cost_per_image(Path(name) / f"{count}", count))
    note = (
        f"stage extract-vgg-features for one view of each image and one epoch of stage train-vgg-head, "
        f"divided by the images: {STATE_FARM} against {FEW}, random pixels, "
        f"{TIMED['vgg']['image_size']} to a side, {choose_precision('auto')}, all {os.cpu_count()} cores; "
        f"median of {len(costs[STATE_FARM])} and {len(costs[FEW])} runs, these before "
        "and after; what happens once, such as compiling, left out"
    )
    medians = (statistics.median(measured) for measured in costs.values())
    return make_row(f"vgg_cost_per_image_{STATE_FARM}_vs_{FEW}", *medians, "s/image", note)


def peak_own_memory(folder: Path, stage: str) -> float:
    """GiB: the largest RssAnon of a stage that is run in `folder`, as far as looks every INTERVAL show."""
    process, peak = start_stage(folder, stage), 0
    status = Path(STATUS.format(process.pid))
    while process.poll() is None:
        own = re.search(r"RssAnon:\s*(\d+) kB", status.read_text("utf-8"))
        peak = max(peak, int(own[1]) if own else 0)  # a process that has just ended has none
        time.sleep(INTERVAL)
    check_exit(process, stage)
    return peak / 2**20


def memory_row() -> Row:
    """The peak of the head's training on the features of STATE_FARM images, beside BOUND."""
    size, views = LARGE["vgg"]["image_size"], 1 + LARGE["vgg"]["augmented_views"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        write_params(folder, LARGE)
        make_images(folder, STATE_FARM, size)
        cells = min(CELLS, size // 32)
        shape = (cells, cells, CHANNELS)
        with new_features(folder / FEATURES, views, STATE_FARM, shape) as features:
            features.classes.write(0, np.zeros(views * STATE_FARM, np.uint8))
        gib = (folder / FEATURES / "features.npy").stat().st_size / 2**30
        measured = peak_own_memory(folder, "train_vgg_head")
    note = (
        f"peak own memory (RssAnon, without pages of memory-mapped files, looked at every "
        f"{INTERVAL * 1000:g} ms) of stage train-vgg-head, one epoch, on features of {STATE_FARM} images "
        f"of {size} pixels, {views} views of each training image: {gib:.3g} GiB on "
        f"disk, all zero; peer is the bound of {BOUND:g} GiB"
    )
    return make_row(f"vgg_peak_memory_{STATE_FARM}", measured, BOUND, "GiB", note)


def rows() -> list[Row]:
    """Measure both; the memory just where Linux tells it."""
    use_cpu()
    return [cost_row()] + ([memory_row()] if Path(STATUS.format("self")).exists() else [])


def main() -> None:
    print_rows(rows())


if __name__ == "__main__":
    run_command(main)
