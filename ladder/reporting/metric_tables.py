"""Tables of measured figures, as rows of text: for the model card, the report and the README."""

from collections.abc import Mapping

from ladder.drivers.images import WAYS
from ladder.files.metrics import SPLITS, Metrics, part_of
from ladder.rungs import FINE_TUNED, HEAD_BY_DRIVER, HEAD_BY_IMAGE

Rows = list[list[str]]  # the header first


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


def driver_accuracies(metrics: Mapping[str, Metrics], picked: str) -> Rows:
    """The driver models on their splits; `picked` is that of the fine-tuned one."""
    rows = [["model", "split by", "train", "validation", "test"]]
    for rung, way in ((HEAD_BY_IMAGE, "image"), (HEAD_BY_DRIVER, "driver"), (FINE_TUNED, picked)):
        of_rung, title = part_of(metrics[rung.stage], rung.part), rung.title.split(", split")[0]
        rows.append([title, way, *(accuracy(of_rung, f"{split}_accuracy") for split in SPLITS)])
    return rows
