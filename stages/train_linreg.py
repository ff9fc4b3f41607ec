"""Stage `train-linreg`: one neuron learns to turn Celsius into Fahrenheit by gradient descent."""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from ladder.files.errors import InputError, run_stage
from ladder.files.metrics import write_metrics
from ladder.files.outputs import write_arrays, write_table
from ladder.files.params import Group, LearningRate, Share, read_params, read_seed
from ladder.files.streams import stream
from ladder.files.tables import read_table
from ladder.scratch import neuron

DATA, PLOTS = Path("data/celsius.csv"), Path("plots/train_linreg")


class Linreg(Group):
    """The `linreg` group of params.yaml."""

    learning_rate: LearningRate
    epochs: Annotated[int, Field(ge=1, le=1_000_000)]
    validation_share: Share
    test_share: Share


def split_indices(count: int, params: Linreg, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Disjoint random row numbers of "train", "val" and "test", sorted."""
    test = round(count * params.test_share)
    val = round(count * params.validation_share)
    if min(test, val, count - test - val) < 2:
        raise InputError(
            f"params.yaml: linreg: test_share {params.test_share} and validation_share "
            f"{params.validation_share} leave too few of {count} pairs: each split needs 2"
        )
    order = rng.permutation(count)
    parts = {"train": order[test + val :], "val": order[test : test + val], "test": order[:test]}
    return {split: np.sort(part) for split, part in parts.items()}


def least_squares(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float, float]:
    """Weight and bias of the closed-form solution, and the standard error of each."""
    design = np.column_stack([x, np.ones_like(x)])
    solution = np.linalg.lstsq(design, y)[0]
    variance = np.sum((design @ solution - y) ** 2) / max(len(x) - 2, 1)
    errors = np.sqrt(np.diag(variance * np.linalg.inv(design.T @ design)))
    return float(solution[0]), float(solution[1]), float(errors[0]), float(errors[1])


def main() -> None:
    params, seed = read_params("linreg", Linreg), read_seed()
    table = read_table(DATA, ("celsius", "fahrenheit"), float)
    x, y = table["celsius"].to_numpy(), table["fahrenheit"].to_numpy()
    rows = split_indices(len(x), params, stream(seed, "train-linreg/split"))
    x_train, y_train = x[rows["train"]], y[rows["train"]]

    try:
        rng = stream(seed, "train-linreg/weights")
        fit = neuron.fit(x_train, y_train, params.learning_rate, params.epochs, rng)
    except InputError as error:
        raise InputError(f"params.yaml: linreg: {error}") from None

    x_val, y_val = x[rows["val"]], y[rows["val"]]
    path = zip(fit.weights, fit.biases, strict=True)
    history: dict[str, np.ndarray] = {
        "epoch": np.arange(params.epochs + 1),
        "train_loss": fit.losses,
        "val_loss": np.array([_loss(x_val, y_val, weight, bias) for weight, bias in path]),
        "weight": fit.weights,
        "bias": fit.biases,
    }
    print(f"train-linreg: {params.epochs} epochs: °F = {fit.weight:.4f} · °C + {fit.bias:.3f}", flush=True)

    weight, bias, weight_error, bias_error = least_squares(x_train, y_train)
    write_arrays("models/linreg.npz", {"weight": np.array(fit.weight), "bias": np.array(fit.bias)})
    write_table(PLOTS / "curves.csv", history)
    order = np.concatenate([rows[split] for split in rows])
    of_split = np.repeat(list(rows), [len(part) for part in rows.values()])
    predicted = fit.weight * x[order] + fit.bias
    columns = {"split": of_split, "celsius": x[order], "fahrenheit": y[order], "predicted": predicted}
    write_table(PLOTS / "pairs.csv", columns)

    metrics = {
        "weight": fit.weight,
        "bias": fit.bias,
        "weight_standard_error": weight_error,
        "bias_standard_error": bias_error,
        # Beyond the ninth decimal the difference is rounding, another on every machine.
        "weight_off_least_squares": round(abs(fit.weight - weight), 9),
        "bias_off_least_squares": round(abs(fit.bias - bias), 9),
    }
    for split, part in rows.items():
        loss = _loss(x[part], y[part], fit.weight, fit.bias)
        metrics |= {f"{split}_loss": loss, f"{split}_r2": 1 - loss / float(np.var(y[part]))}
    write_metrics("train-linreg", metrics)


def _loss(x: np.ndarray, y: np.ndarray, weight: float, bias: float) -> float:
    """Mean squared error (°F²) on the pairs (x, y)."""
    return float(neuron.loss_and_gradient(x, y, weight, bias)[0])


if __name__ == "__main__":
    run_stage(main)
