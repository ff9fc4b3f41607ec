"""What a stage measured: metrics/{stage}.json, flat finite numbers whose names follow one grammar.

A name is [PART_][SPLIT_]QUANTITY[_low|_high]: `by_driver_test_accuracy_low` is the lower bound of the 95 %
interval of the accuracy on the test split, in the part of the stage that splits by driver.
"""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ladder.files.errors import InputError
from ladder.files.outputs import replacing

Metrics = dict[str, float]

SPLITS = ("train", "val", "test")
NAME = re.compile(
    rf"(?:(?P<part>\w+?)_)??(?P<split>{'|'.join(SPLITS)})_(?P<quantity>\w+?)(?:_(?P<bound>low|high))?"
)


class MetricName(NamedTuple):
    """The words of a metric's name; "" for one that it lacks."""

    part: str
    split: str
    quantity: str
    bound: str


def parse_name(name: str) -> MetricName:
    """Take a metric's name apart. Only a name with a split has a part."""
    found = NAME.fullmatch(name)
    if found:
        return MetricName(*(word or "" for word in found.groups()))
    quantity, _, bound = name.rpartition("_")
    return MetricName("", "", quantity, bound) if bound in ("low", "high") else MetricName("", "", name, "")


def metrics_file(stage: str) -> Path:
    """Where a stage of this name writes its metrics."""
    return Path("metrics") / f"{stage.replace('-', '_')}.json"


def write_metrics(stage: str, metrics: Mapping[str, float]) -> None:
    """Write the metrics of a stage, rounded to 6 significant digits.

    Raises
    ------
    InputError
        A metric is NaN or infinite: the training that made it has failed.
    """
    path = metrics_file(stage)
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise InputError(f"{path}: {name} is {value}: the training diverged; lower the learning rate")
    rounded = {
        name: int(v) if isinstance(v, int | np.integer) else float(f"{v:.6g}") for name, v in metrics.items()
    }
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(rounded, indent=2) + "\n", "utf-8")


def read_metrics(stage: str, folder: Path = Path()) -> Metrics:
    """The metrics that a stage wrote in the repository `folder`.

    Raises
    ------
    InputError
        The file is missing or is not JSON.
    """
    path = folder / metrics_file(stage)
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {error}; `dvc repro` makes it") from None


def part_of(metrics: Mapping[str, float], part: str) -> Metrics:
    """The metrics of one part of a stage, without its name; all of them where `part` is ""."""
    start = f"{part}_" if part else ""
    return {name.removeprefix(start): value for name, value in metrics.items() if name.startswith(start)}


def every_metric(texts: Mapping[str, str]) -> Metrics:
    """Metrics by STAGE/NAME, such as train_mnist/test_accuracy; `texts` maps a file's path to its content."""
    return {
        f"{Path(path).stem}/{name}": value
        for path, text in sorted(texts.items())
        for name, value in json.loads(text).items()
    }
