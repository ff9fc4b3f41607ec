"""The network from scratch on disk: weights_1, biases_1, weights_2, … in an .npz."""

from pathlib import Path

import numpy as np

from ladder.files.errors import InputError
from ladder.files.outputs import read_arrays, write_arrays
from ladder.scratch.network import Layer, Network


def write_network(path: Path, network: Network) -> None:
    """Write the arrays of all layers, counted from 1."""
    arrays = {}
    for number, layer in enumerate(network, start=1):
        arrays |= {f"weights_{number}": layer.weights, f"biases_{number}": layer.bias}
    write_arrays(path, arrays)


def read_network(path: Path, inputs: int, classes: int) -> Network:
    """The network in a file.

    Raises
    ------
    InputError
        The file is missing, or holds no network from `inputs` to `classes` of finite float32 numbers.
    """
    arrays = read_arrays(path)
    pairs = [(f"weights_{number}", f"biases_{number}") for number in range(1, len(arrays) // 2 + 1)]
    if not pairs or sorted(arrays) != sorted(name for pair in pairs for name in pair):
        raise InputError(f"{path}: holds no network, but the arrays {sorted(arrays)}")
    network = [Layer(arrays[weights], arrays[bias]) for weights, bias in pairs]
    units = inputs
    for number, layer in enumerate(network, start=1):
        shapes = (units, layer.bias.size), (layer.bias.size,)
        fits = (layer.weights.shape, layer.bias.shape) == shapes
        if not fits or any(a.dtype != np.float32 or not np.isfinite(a).all() for a in layer):
            found = " and ".join(f"{array.dtype}{array.shape}" for array in layer)
            raise InputError(f"{path}: layer {number}: {found}; needed are finite float32 {shapes}")
        units = layer.bias.size
    if units != classes:
        raise InputError(f"{path}: holds no network of {classes} classes, but of {units}")
    return network
