"""Stage `draw-neuron`: pictures of how the single neuron learned."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ladder.figures.style import BLUE, GREY, ORANGE, SPLIT_COLOURS, VERMILION, plt, write_figure
from ladder.files.errors import run_stage
from ladder.files.metrics import SPLITS
from ladder.files.tables import read_table
from ladder.scratch.neuron import loss_and_gradient

DATA, PICTURES = Path("plots/train_linreg"), Path("plots/draw_neuron")


def line(pairs: pd.DataFrame, weight: float, bias: float) -> Figure:
    """The pairs of each split and the learned line."""
    figure, axes = plt.subplots(figsize=(6, 4.2))
    for split in SPLITS:
        celsius, fahrenheit = pairs.loc[pairs["split"] == split, ["celsius", "fahrenheit"]].to_numpy().T
        axes.plot(celsius, fahrenheit, "o", ms=4, alpha=0.7, color=SPLIT_COLOURS[split], label=split)
    ends = np.array([pairs["celsius"].min(), pairs["celsius"].max()])
    axes.plot(ends, weight * ends + bias, color="black", lw=1.2, label=f"{weight:.4f}·x + {bias:.3f}")
    axes.set(xlabel="temperature (°C)", ylabel="temperature (°F)")
    axes.set_title("One neuron learns Celsius to Fahrenheit")
    axes.legend()
    return figure


def loss(curves: pd.DataFrame, floor: float) -> Figure:
    """Mean squared error against epoch on a logarithmic axis, with the least-squares minimum."""
    figure, axes = plt.subplots(figsize=(6, 4))
    axes.semilogy(curves["epoch"], curves["train_loss"], color=BLUE, label="train")
    axes.semilogy(curves["epoch"], curves["val_loss"], color=ORANGE, label="val")
    axes.axhline(floor, color=GREY, ls="--", lw=1, label="least squares, train")
    axes.set(xlabel="epoch", ylabel="mean squared error (°F²)", title="Gradient descent on one neuron")
    axes.legend()
    return figure


def learning_path(celsius: np.ndarray, fahrenheit: np.ndarray, steps: np.ndarray) -> Figure:
    """Mean squared error over weight and bias, and the steps [epochs, 2] of gradient descent on it."""
    low, high = steps.min(axis=0), steps.max(axis=0)
    margin = 0.35 * (high - low) + 1e-3
    weights, biases = (np.linspace(*ends, 80) for ends in np.stack([low - margin, high + margin], axis=1))
    losses = [
        [loss_and_gradient(celsius, fahrenheit, weight, bias)[0] for weight in weights] for bias in biases
    ]
    figure, axes = plt.subplots(figsize=(6, 4.4))
    filled = axes.contourf(weights, biases, np.log10(losses), levels=14, cmap="Greys_r")
    axes.plot(*steps.T, "o-", ms=3, lw=1, color=BLUE, label=f"{len(steps) - 1} epochs")
    axes.plot(*steps[-1], "*", ms=14, color=VERMILION, mec="white", label="learned")
    axes.set(xlabel="weight (°F per °C)", ylabel="bias (°F)", title="Gradient descent on the loss surface")
    axes.grid(False)
    axes.legend(loc="lower right", labelcolor="black", frameon=True)
    figure.colorbar(filled, ax=axes, label="log₁₀ of the mean squared error (°F²), all pairs")
    return figure


def main() -> None:
    curves = read_table(DATA / "curves.csv", ("epoch", "train_loss", "val_loss", "weight", "bias"), float)
    pairs = read_table(DATA / "pairs.csv", ("split", "celsius", "fahrenheit"), str)
    pairs = pairs.astype({"celsius": float, "fahrenheit": float})
    celsius, fahrenheit = pairs[["celsius", "fahrenheit"]].to_numpy().T
    steps = curves[["weight", "bias"]].to_numpy()
    train = pairs["split"] == "train"
    least_squares = np.polynomial.Polynomial.fit(celsius[train], fahrenheit[train], 1)
    floor = float(np.square(least_squares(celsius[train]) - fahrenheit[train]).mean())
    write_figure(PICTURES / "line.png", line(pairs, *steps[-1]))
    write_figure(PICTURES / "loss.png", loss(curves, floor))
    write_figure(PICTURES / "learning_path.png", learning_path(celsius, fahrenheit, steps))


if __name__ == "__main__":
    run_stage(main)
