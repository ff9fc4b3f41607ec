"""VGG16's weights in the files that Keras writes: published ones, `save_weights`, `.keras` and `.h5` models.

A file is known by its content, not by its name. Only arrays are read, by h5py: no layer of a file is built,
and nothing in it runs. Links that lead out of a file are not followed.
"""

import itertools
import re
import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from ladder.files.errors import InputError, reading

HDF5, ZIP, PICKLE = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"\x80"  # how such files begin
LAYOUTS = "an .h5 or .keras file that Keras has written"

Shape = tuple[int, ...]
KernelAndBias = tuple[np.ndarray, np.ndarray]


class Weights(NamedTuple):
    """Kernel and bias by layer, and where they are from in words."""

    by_layer: dict[str, KernelAndBias]
    origin: str


def is_weight_file(path: Path) -> bool:
    """Whether it begins as an HDF5 file or a .zip."""
    return _begins(path).startswith((HDF5, ZIP))


def read_weights(path: Path, shapes: Mapping[str, Shape]) -> Weights:
    """The weights in a file of the layers in `shapes`: the shapes of VGG16's 13 kernels in their order.

    Raises
    ------
    InputError
        The file is damaged, is none that Keras has written, or lacks a layer in its shape.
    """
    try:
        with _open(path) as (file, layout):
            content = _content(file, layout)
            chosen = _choose(content.layers, shapes)
            weights = {name: _arrays(layer, shapes[name]) for name, layer in chosen.items()}
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except Exception as error:  # h5py and zipfile raise many kinds for a damaged file.
        raise InputError(f"{path}: cannot be read as {LAYOUTS}: {error}") from None
    return Weights(weights, f"{path.name}, {content.layout}")


class Layer(NamedTuple):
    """A layer with weights in a file, and its arrays, not yet read; None is what only a link leads to."""

    name: str
    arrays: list[h5py.Dataset | None]

    @property
    def kernel_shape(self) -> Shape | None:
        """[height, width, channels in, channels out] of a convolution, None of another layer."""
        kernel = self.arrays[0]
        return kernel.shape if kernel is not None and len(kernel.shape or ()) == 4 else None


class Objects(NamedTuple):
    """The groups of an HDF5 file, and the arrays whose numbers lie in the file itself, by their paths."""

    groups: dict[str, h5py.Group]
    arrays: dict[str, h5py.Dataset]

    def add(self, path: str, found: h5py.HLObject) -> None:
        if isinstance(found, h5py.Group):
            self.groups[path] = found
        elif isinstance(found, h5py.Dataset) and not found.external and not found.is_virtual:
            self.arrays[path] = found


class Content(NamedTuple):
    """What a file holds: its layout in words, its layers with weights in their order."""

    layout: str
    layers: list[Layer]


def _begins(path: Path) -> bytes:
    with reading(path), path.open("rb") as file:
        return file.read(8)


@contextmanager
def _open(path: Path) -> Iterator[tuple[h5py.File, str]]:
    """The HDF5 file that `path` is, or holds as a .keras archive; in words, that it is an archive."""
    begins = _begins(path)
    if begins.startswith(HDF5):
        with h5py.File(path, "r") as file:
            yield file, ""
    elif begins.startswith(ZIP):
        # Copied, as HDF5 is read here and there, and a member of an archive from its beginning.
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryFile() as copy:
            members = archive.namelist()
            if any(name.endswith("data.pkl") for name in members):
                raise InputError(f"a PyTorch file, which is code and stays unread; expected {LAYOUTS}")
            if "model.weights.h5" not in members:
                raise InputError(f"a .zip without model.weights.h5; expected {LAYOUTS}")
            with archive.open("model.weights.h5") as member:
                shutil.copyfileobj(member, copy)
            with h5py.File(copy, "r") as file:
                yield file, "a whole model (.keras)"
    elif begins.startswith(PICKLE):
        raise InputError(f"a pickle or PyTorch file, which is code and stays unread; expected {LAYOUTS}")
    else:
        raise InputError(f"neither HDF5 nor a .zip; expected {LAYOUTS}")


def _content(file: h5py.File, layout: str) -> Content:
    """What Keras has written into a file, in any of its layouts."""
    objects = Objects({}, {})
    file.visititems(objects.add)  # does not follow links
    if "layer_names" in file.attrs:
        return _legacy("", file, objects, layout or "weights in the published layout")
    model = objects.groups.get("model_weights")
    if model is not None and "layer_names" in model.attrs:
        return _legacy("model_weights/", model, objects, layout or "a whole model (legacy .h5)")
    if any(path.endswith("/vars") for path in objects.groups):
        return _keras_3(objects, layout or "Keras 3 weights")
    raise InputError(f"HDF5, but without layers as Keras writes them; expected {LAYOUTS}")


def _legacy(prefix: str, root: h5py.Group, objects: Objects, layout: str) -> Content:
    """Layers of the layout with `layer_names` and `weight_names`.

    A nested model is one group, with the weights of all its layers; they are told apart by their names.
    """
    groups = [group for group in _texts(root, "layer_names") if prefix + group in objects.groups]
    layers = []
    for group in groups:
        weights = _texts(objects.groups[prefix + group], "weight_names")
        owners = itertools.groupby(weights, key=lambda name: name.split("/")[-2] if "/" in name else "")
        of_group = [
            Layer(owner, [objects.arrays.get(f"{prefix}{group}/{name}") for name in names])
            for owner, names in owners
        ]
        layers += of_group if len(of_group) > 1 else [layer._replace(name=group) for layer in of_group]
    return Content(layout, layers)


def _texts(group: h5py.Group, attribute: str) -> list[str]:
    texts: Iterable[str | bytes] = group.attrs[attribute]
    return [text.decode() if isinstance(text, bytes) else str(text) for text in texts]


def _keras_3(objects: Objects, layout: str) -> Content:
    """Layers of the layout with a group `vars` per layer, which early versions did not give a name.

    Without it the layer has that of its group: conv2d, conv2d_1, … conv2d_10, in the order of the model.
    """
    layers = []
    for path in sorted((path for path in objects.groups if path.endswith("/vars")), key=_natural):
        group = objects.groups[path]
        name = str(group.attrs.get("name", path.split("/")[-2]))
        if len(group):
            arrays = [objects.arrays.get(f"{path}/{number}") for number in range(len(group))]
            layers.append(Layer(name, arrays))
    return Content(layout, layers)


def _natural(path: str) -> list[str | int]:
    """A key that sorts conv2d_9 before conv2d_10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path)]


def _choose(layers: list[Layer], shapes: Mapping[str, Shape]) -> dict[str, Layer]:
    """VGG16's layers by their names, or, where a file has no such names, by the order of the convolutions."""
    named = [layer for layer in layers if re.fullmatch(r"block\d_conv\d", layer.name)]
    if not named:
        return _choose_by_order(layers, shapes)
    for name, count in Counter(layer.name for layer in named).items():
        if name not in shapes:
            hint = "; VGG19 has" if name.endswith("conv4") else ""
            raise InputError(f"{name}: VGG16 has no such layer{hint}")
        if count > 1:
            raise InputError(f"{name}: there {count} times; expected one VGG16")
    chosen = {layer.name: layer for layer in named}
    for name, layer in chosen.items():  # first: what has another shape tells more than what is not there
        _check_kernel(layer, shapes[name])
    for name in shapes:
        if name not in chosen:
            raise InputError(f"no layer {name}, which VGG16 has")
    return {name: chosen[name] for name in shapes}


def _choose_by_order(layers: list[Layer], shapes: Mapping[str, Shape]) -> dict[str, Layer]:
    """The convolutions whose kernels have VGG16's shapes, one after the other."""
    convolutions = [layer for layer in layers if layer.kernel_shape]
    found, expected = [layer.kernel_shape for layer in convolutions], list(shapes.values())
    starts = [start for start, shape in enumerate(found) if shape == expected[0]]
    if not starts:
        raise InputError(f"no layer block1_conv1, and no convolution with its kernel, {expected[0]}")
    whole = [start for start in starts if found[start : start + len(expected)] == expected]
    if len(whole) > 1:
        first, second = (convolutions[start].name for start in whole[:2])
        raise InputError(f"{first}, {second}: a VGG16 begins with each; expected one")
    if whole:
        return dict(zip(shapes, convolutions[whole[0] :], strict=False))
    like = convolutions[starts[0] :]
    for layer, (name, shape) in zip(like, shapes.items(), strict=False):
        _check_kernel(layer, shape, f", as {name} has it")
    raise InputError(f"no convolution in the place of {list(shapes)[len(like)]}, which VGG16 has")


def _check_kernel(layer: Layer, shape: Shape, reason: str = "") -> None:
    if layer.arrays[0] is not None and layer.arrays[0].shape != shape:
        raise InputError(f"{layer.name}: kernel is {layer.arrays[0].shape}, expected {shape}{reason}")


def _arrays(layer: Layer, shape: Shape) -> KernelAndBias:
    """The kernel [height, width, channels in, channels out] and the bias [channels out], in float32."""
    if len(layer.arrays) != 2:
        raise InputError(f"{layer.name}: holds {len(layer.arrays)} arrays, expected kernel and bias")
    read = []
    for what, array, expected in zip(("kernel", "bias"), layer.arrays, (shape, shape[-1:]), strict=True):
        if array is None:
            raise InputError(f"{layer.name}: no {what} in the file itself; links are not followed")
        if array.shape != expected:
            raise InputError(f"{layer.name}: {what} is {array.shape}, expected {expected}")
        if array.dtype.kind != "f":
            raise InputError(f"{layer.name}: {what} is {array.dtype}, expected floating-point numbers")
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused
            read.append(array[()].astype(np.float32))
    kernel, bias = read
    return kernel, bias
