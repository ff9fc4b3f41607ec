"""What the report says in tables beside those of the model card."""

from collections.abc import Mapping, Sequence
from typing import Any

from ladder.files.metrics import SPLITS, Metrics, part_of
from ladder.reporting.metric_tables import Rows, accuracy
from ladder.rungs import CLASSIFIERS, DIGIT_CLASSIFIERS, MOONS


def neuron_facts(metrics: Metrics) -> Rows:
    """The learned line beside the law of nature, and how well it fits."""
    fits = ", ".join(f"{metrics[f'{split}_r2']:.4f}" for split in SPLITS)
    return [
        ["", "law", "learned", "standard error"],
        ["°F per °C", "1.8", f"{metrics['weight']:.4f}", f"{metrics['weight_standard_error']:.4f}"],
        ["°F at 0 °C", "32", f"{metrics['bias']:.3f}", f"{metrics['bias_standard_error']:.3f}"],
        ["R² on train, validation, test", "", fits, ""],
    ]


def digit_rows(metrics: Mapping[str, Metrics]) -> Rows:
    """Accuracy of the fully connected networks on each split; `metrics` maps a stage to its metrics."""
    rows = [["model", "train", "validation", "test"]]
    for rung in (MOONS, *DIGIT_CLASSIFIERS):
        of_rung = part_of(metrics[rung.stage], rung.part)
        rows.append([rung.title, *(accuracy(of_rung, f"{split}_accuracy") for split in SPLITS)])
    return rows


def calibration_rows(metrics: Mapping[str, Metrics]) -> Rows:
    """Expected calibration error and log-loss on test before and after temperature scaling."""
    rows = [
        ["model", "temperature", "calibration error", "after scaling", "log-loss (nats)", "after scaling"]
    ]
    columns = ("temperature", "test_calibration_error", "test_calibration_error_scaled")
    columns += ("test_loss", "test_loss_scaled")
    for rung in CLASSIFIERS:
        of_rung = part_of(metrics[rung.stage], rung.part)
        rows.append([rung.title, *(f"{of_rung[column]:.3f}" for column in columns)])
    return rows


def speed_rows(rows: Sequence[Mapping[str, Any]]) -> Rows:
    """What `make bench` has measured on one machine."""
    table = [["what", "ours", "peer", "unit", "ratio", "measured on"]]
    for row in rows:
        both = [f"{row[side]:,.0f}" if row[side] >= 1000 else f"{row[side]:.4g}" for side in ("ours", "peer")]
        table.append([row["name"], *both, row["unit"], f"{row['ratio']:.3g}", row["note"]])
    return table


def describe_processor(machine: Mapping[str, Any]) -> str:
    """The processor of a machine that `make bench` has run on."""
    return f"{machine['cores']} cores of {machine['cpu']} ({', '.join(machine['flags'])})"
