"""Stage `explain-models`: pictures of what the models have learned, from the trained models.

The way of the neuron down its loss surface; what the first layers look for; what the driver classifier looks
at (see ladder/vgg/grad_cam.py).
"""

from pathlib import Path

import matplotlib
import numpy as np

from ladder.files.errors import run_stage
from ladder.figures.style import BLUE, VERMILION, image_grid, plt, write_figure
from ladder.training.keras_archive import load_keras
from ladder.files.outputs import read_arrays
from ladder.files.params import read_params
from ladder.training.runtime import keras
from ladder.files.tables import read_table
from ladder.digits.images import SIDE
from ladder.drivers.images import CLASS_NAMES, CLASSES, Split, labels_of, read_manifest, rows_by_split
from ladder.drivers.pixels import read_pixels
from ladder.vgg.grad_cam import heat_maps, overlay
from ladder.scratch.neuron import loss_and_gradient
from ladder.vgg.vgg16 import BASE_FILE, load_base
from ladder.vgg.params import Vgg

PLOTS = Path("plots/explain_models")
UNITS_SHOWN, COLUMNS = 40, 10


def draw_learning_path() -> None:
    """Mean squared error over weight and bias, and the steps of gradient descent on it."""
    pairs = read_table("data/celsius.csv", ("celsius", "fahrenheit"), float).to_numpy().T
    steps = read_table("plots/train_linreg/curves.csv", ("weight", "bias"), float).to_numpy()
    low, high = steps.min(axis=0), steps.max(axis=0)
    margin = 0.35 * (high - low) + 1e-3
    weights, biases = (np.linspace(*ends, 80) for ends in np.stack([low - margin, high + margin], axis=1))
    losses = [[loss_and_gradient(*pairs, weight, bias)[0] for weight in weights] for bias in biases]
    figure, axes = plt.subplots(figsize=(6, 4.4))
    filled = axes.contourf(weights, biases, np.log10(losses), levels=14, cmap="Greys_r")
    axes.plot(*steps.T, "o-", ms=3, lw=1, color=BLUE, label=f"{len(steps) - 1} epochs")
    axes.plot(*steps[-1], "*", ms=14, color=VERMILION, mec="white", label="learned")
    axes.set(xlabel="weight (°F per °C)", ylabel="bias (°F)", title="The neuron's way down its loss surface")
    axes.grid(False)
    axes.legend(loc="lower right", labelcolor="black", frameon=True)
    figure.colorbar(filled, ax=axes, label="log₁₀ of the mean squared error (°F²), all pairs")
    write_figure(PLOTS / "learning_path.png", figure)


def draw_dense_filters(name: str, title: str, kernel: np.ndarray) -> None:
    """The first layer's weights [784, units] as pictures, of the units with the largest weights."""
    order = np.argsort(-np.linalg.norm(kernel, axis=0), kind="stable")[:UNITS_SHOWN]
    pictures = kernel.T[order].reshape(-1, SIDE, SIDE)
    shares = 0.5 + 0.5 * pictures / np.abs(pictures).max(axis=(1, 2), keepdims=True)
    colours = np.rint(matplotlib.colormaps["PuOr"](shares)[..., :3] * 255).astype(np.uint8)
    note = "ink on purple speaks for the unit, on orange against it"
    figure = image_grid(colours, [f"unit {number}" for number in order], f"{title}\n{note}", COLUMNS)
    write_figure(PLOTS / f"{name}.png", figure)


def draw_vgg_filters(base: keras.Model) -> None:
    """The 3×3 RGB kernels of the first convolution, each from its least weight to its largest."""
    kernels = np.moveaxis(base.get_layer("block1_conv1").get_weights()[0], -1, 0)
    lowest, highest = (pick(kernels, axis=(1, 2, 3), keepdims=True) for pick in (np.min, np.max))
    pictures = np.rint((kernels - lowest) / np.maximum(highest - lowest, 1e-12) * 255).astype(np.uint8)
    title = "First convolution of VGG16: its 64 kernels of 3×3 RGB pixels"
    write_figure(PLOTS / "vgg_filters.png", image_grid(pictures, [""] * len(pictures), title, 16))


def draw_heat_maps(classifier: keras.Model, image_size: int, way: str) -> None:
    """Test images above their heat-maps: the first of each class, and the most confident mistakes."""
    manifest = read_manifest()
    pixels, labels = read_pixels(len(manifest), image_size), labels_of(manifest)
    test = rows_by_split(manifest, way)["test"]
    answers = read_table("plots/finetune_vgg/predictions.csv", ("item", "predicted", "confidence"), str)
    answers = answers.set_index("item").loc[manifest["path"].iloc[test]]
    predicted = answers["predicted"].map(CLASSES.index).to_numpy()
    confidence = answers["confidence"].astype(float).to_numpy()
    first = [found[0] for c in range(len(CLASSES)) if len(found := np.flatnonzero(labels[test] == c))]
    wrong = np.flatnonzero(predicted != labels[test])
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")][:COLUMNS]
    for name, chosen, title in (
        (
            "grad_cam",
            np.array(first),
            "What speaks for the predicted class: the first test image of each class",
        ),
        ("grad_cam_mistakes", wrong, "What speaks for the wrong class: the most confident mistakes"),
    ):
        images = pixels[test[chosen]]
        heat = heat_maps(classifier, images, predicted[chosen]) if len(chosen) else []
        # Keeps both rows below each other.
        blank = [np.full_like(pixels[0], 255)] * (-len(chosen) % COLUMNS)
        rows = [*images, *blank, *map(overlay, images, heat)]
        captions = [f"{CLASSES[i]} {CLASS_NAMES[i]}" for i in labels[test[chosen]]] + [""] * len(blank)
        captions += [f"{CLASSES[predicted[i]]}, {confidence[i]:.0%}" for i in chosen]
        write_figure(PLOTS / f"{name}.png", image_grid(np.array(rows), captions, title, COLUMNS))


def main() -> None:
    vgg, way = read_params("vgg", Vgg), read_params("split", Split).by
    draw_learning_path()
    numpy_network = read_arrays("models/mlp_numpy.npz")
    draw_dense_filters("mlp_filters", "First layer of the NumPy network", numpy_network["weights_1"])
    deep = load_keras("models/mnist.keras").get_layer("hidden_1").get_weights()[0]
    draw_dense_filters("mnist_filters", "First layer of the deep network", deep)
    draw_vgg_filters(load_base(vgg.image_size, BASE_FILE))
    draw_heat_maps(load_keras("models/final_model.keras"), vgg.image_size, way)


if __name__ == "__main__":
    run_stage(main)
