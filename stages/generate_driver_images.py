"""Stage `generate-driver-images`: drawn drivers in the layout of the State Farm distracted-driver set."""

from pathlib import Path

from PIL import Image

from ladder.drawings.driver_scenes import draw_clip
from ladder.drivers.images import CLASSES, CSV_NAME, Drivers
from ladder.files.errors import run_stage
from ladder.files.metrics import write_metrics
from ladder.files.outputs import replacing, write_table
from ladder.files.params import read_params, read_seed
from ladder.files.progress import Progress
from ladder.files.streams import stream

JPEG_QUALITY = 92


def main() -> None:
    params, seed = read_params("drivers", Drivers), read_seed()
    total = params.count * len(CLASSES) * params.frames
    # As in the real set, the number in an image's name says nothing about its driver or class.
    numbers = iter(stream(seed, "generate-driver-images/numbers").permutation(total) + 1)
    rows = []
    with (
        replacing("data/driver-images") as root,
        Progress("generate-driver-images", total, "image") as progress,
    ):
        for driver in range(params.count):
            for index, classname in enumerate(CLASSES):
                folder = root / "imgs" / "train" / classname
                folder.mkdir(parents=True, exist_ok=True)
                for frame in draw_clip(seed, driver, index, params.frames, params.height):
                    name = f"img_{next(numbers)}.jpg"
                    Image.fromarray(frame).save(folder / name, quality=JPEG_QUALITY)
                    rows.append((f"p{driver + 1:03}", classname, name))
                progress.advance(params.frames)
        subjects, classnames, names = zip(*rows, strict=True)
        write_table(Path(root) / CSV_NAME, {"subject": subjects, "classname": classnames, "img": names})
    write_metrics("generate-driver-images", {"images": total, "drivers": params.count})


if __name__ == "__main__":
    run_stage(main)
