"""Tables of measured figures, as rows of text: for the model card, the report and the README."""

import json
from pathlib import Path

from ladder.files.errors import InputError
from ladder.drivers.images import SPLITS, WAYS

Metrics = dict[str, float]
Rows = list[list[str]]  # the header first


def read_metrics(stage: str) -> Metrics:
    """The metrics of a stage, by module name.

    Raises
    ------
    InputError
        The file is missing or is not JSON.
    """
    path = Path(f"metrics/{stage}.json")
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {error}; `dvc repro` makes it") from None


def interval(value: float, low: float, high: float) -> str:
    """ "93.6 % [90.6, 95.7]"."""
    return f"{100 * value:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def accuracy(metrics: Metrics, name: str) -> str:
    """The accuracy called `name` with its interval."""
    return interval(metrics[name], metrics[f"{name}_low"], metrics[f"{name}_high"])


def markdown(rows: Rows) -> str:
    """Rows as a Markdown table."""
    header, *others = rows
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, ["---"] * len(header), *others))


def splits_rows(counts: Metrics, probe: Metrics) -> Rows:
    """A column per way to split: its sizes and what it gives away."""
    rows = [["", *(f"by {way}" for way in WAYS)]]
    rows += [
        [f"{split}: images, drivers"]
        + [f"{counts[f'by_{way}_{split}_images']:,}, {counts[f'by_{way}_{split}_drivers']}" for way in WAYS]
        for split in SPLITS
    ]
    twins = [f"{probe[f'by_{way}_test_share_with_near_duplicate']:.0%}" for way in WAYS]
    known = [str(probe[f"by_{way}_test_drivers_in_training"]) for way in WAYS]
    rows += [["test images with a near-duplicate in training", *twins], ["test drivers in training", *known]]
    probes = {"nearest_neighbour": "copying", "linear": "linear", "majority": "most frequent class"}
    for name, title in probes.items():
        rows.append(
            [f"{title}: test accuracy", *(accuracy(probe, f"by_{way}_{name}_test_accuracy") for way in WAYS)]
        )
    return rows


def driver_accuracies(head: Metrics, tuned: Metrics, picked: str) -> Rows:
    """Both driver models, on the splits on which they are measured; `picked` is that of the tuned one."""
    runs = [("frozen base, new head", way, head, f"by_{way}_") for way in WAYS]
    runs.append(("fine-tuned: final_model.keras", picked, tuned, ""))
    return [["model", "split by", "train", "validation", "test"]] + [
        [name, way, *(accuracy(metrics, f"{prefix}{split}_accuracy") for split in SPLITS)]
        for name, way, metrics, prefix in runs
    ]
