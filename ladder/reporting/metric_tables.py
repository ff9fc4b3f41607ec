"""Tables of measured figures, as rows of text: for the model card, the report and the README."""

from collections.abc import Mapping

from ladder.drivers.images import SPLIT_BY
from ladder.files.metrics import SPLITS, Metrics, part_of
from ladder.rungs import FINE_TUNED, HEAD_BY_DRIVER, HEAD_BY_IMAGE, HEAD_FOLDS

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
    """A column per split, by image and by driver: its sizes and what it gives away."""
    rows = [["", *(f"by {by}" for by in SPLIT_BY)]]
    rows += [
        [f"{split}: images, drivers"]
        + [f"{counts[f'by_{by}_{split}_images']:,}, {counts[f'by_{by}_{split}_drivers']}" for by in SPLIT_BY]
        for split in SPLITS
    ]
    twins = [f"{probe[f'by_{by}_test_share_with_near_duplicate']:.0%}" for by in SPLIT_BY]
    known = [str(probe[f"by_{by}_test_drivers_in_training"]) for by in SPLIT_BY]
    rows += [["test images with a near-duplicate in training", *twins], ["test drivers in training", *known]]
    probes = {"nearest_neighbour": "copying", "linear": "linear", "majority": "most frequent class"}
    for name, title in probes.items():
        rows.append(
            [
                f"{title}: test accuracy",
                *(accuracy(probe, f"by_{by}_{name}_test_accuracy") for by in SPLIT_BY),
            ]
        )
    return rows


def driver_accuracies(metrics: Mapping[str, Metrics], split_by: str) -> Rows:
    """The driver models on their splits; `split_by` is that of the fine-tuned one."""
    rows = [["model", "split by", "train", "validation", "test"]]
    for rung, by in ((HEAD_BY_IMAGE, "image"), (HEAD_BY_DRIVER, "driver"), (FINE_TUNED, split_by)):
        of_rung, title = part_of(metrics[rung.stage], rung.part), rung.title.split(", split")[0]
        rows.append([title, by, *(accuracy(of_rung, f"{split}_accuracy") for split in SPLITS)])
    folds = accuracy(part_of(metrics[HEAD_FOLDS.stage], HEAD_FOLDS.part), "test_accuracy")
    rows.insert(3, ["VGG16, new head", "driver, cross-validated", "", "", folds])
    return rows
