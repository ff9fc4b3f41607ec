"""What the report says in tables beside those of the model card."""

from collections.abc import Mapping, Sequence
from typing import Any

from ladder.drivers.images import SPLITS
from ladder.reporting.metric_tables import Metrics, Rows, accuracy

# Model → metrics file and prefix of its names.
DIGIT_MODELS = {
    "two moons, NumPy": ("train_mlp", "moons_"),
    "digits, network from scratch in NumPy": ("train_mlp", "numpy_"),
    "digits, the same network in Keras": ("train_mlp", "keras_"),
    "digits, deep fully connected network": ("train_mnist", ""),
}
CALIBRATED = {
    "network from scratch (NumPy)": ("train_mlp", "numpy_"),
    "the same network in Keras": ("train_mlp", "keras_"),
    "deep fully connected network": ("train_mnist", ""),
    "VGG16, new head, by image": ("train_vgg_head", "by_image_"),
    "VGG16, new head, by driver": ("train_vgg_head", "by_driver_"),
    "VGG16, fine-tuned": ("finetune_vgg", ""),
}


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
    """Accuracy of the fully connected networks on each split."""
    return [["model", "train", "validation", "test"]] + [
        [name, *(accuracy(metrics[stage], f"{prefix}{split}_accuracy") for split in SPLITS)]
        for name, (stage, prefix) in DIGIT_MODELS.items()
    ]


def calibration_rows(metrics: Mapping[str, Metrics]) -> Rows:
    """Expected calibration error and log-loss on test before and after temperature scaling."""
    rows = [
        ["model", "temperature", "calibration error", "after scaling", "log-loss (nats)", "after scaling"]
    ]
    for name, (stage, prefix) in CALIBRATED.items():
        of_model = metrics[stage]
        columns = ("temperature", "test_calibration_error", "test_calibration_error_scaled")
        columns += ("test_loss", "test_loss_scaled")
        rows.append([name, *(f"{of_model[prefix + column]:.3f}" for column in columns)])
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
