"""VGG16's weights as users have them: ImageNet's, which Keras fetches, or a file in a folder of data/raw/."""

import hashlib
from pathlib import Path

import numpy as np

from ladder.files.errors import InputError, reading
from ladder.training.runtime import keras
from ladder.vgg.weight_files import LAYOUTS, Weights, is_weight_file, read_weights

IMAGENET_MD5 = "6d6bbae143d832006294945121d1f1fc"  # vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5


def load_published(base: keras.Model, source: str, folder: Path) -> str:
    """Give the base the weights of the one file in a folder, or ImageNet's as Keras fetches them.

    The weights are taken as `keras.applications` has them, for BGR images minus their mean: the kernels of
    the first layer are turned round.

    Parameters
    ----------
    source : "imagenet", whose file must be the published one and is fetched if absent, or another name.
    folder : where the one file of that source lies.

    Returns
    -------
    str
        Which file, its layout, and for which order of colours its weights are taken, in words.

    Raises
    ------
    InputError
        No file or several, no file of Keras, not all of VGG16's layers in their shapes, weights that are not
        finite, for "imagenet" another file or no network.
    """
    try:
        path = _find(folder)
        published = path is None or source != "imagenet" or _md5(path) == IMAGENET_MD5
    except OSError as error:  # such as a name that is too long
        raise InputError(f"{folder}: cannot be read: {error.strerror}") from None
    if path is None and source != "imagenet":
        raise InputError(f"{folder}: no file with VGG16 weights; expected {LAYOUTS}")
    if not published:
        raise InputError(
            f"{path}: not the published file, whose MD5 is {IMAGENET_MD5}; for other weights name a folder "
            "of their own in vgg.weights"
        )
    if path is None:
        weights = _fetch(folder)
    else:
        shapes = {layer.name: tuple(layer.kernel.shape) for layer in base.layers if layer.weights}
        weights = read_weights(path, shapes)
    if not all(np.isfinite(array).all() for arrays in weights.by_layer.values() for array in arrays):
        raise InputError(f"{path or source}: holds weights that are not finite")
    for name, (kernel, bias) in weights.by_layer.items():
        first = name == "block1_conv1"
        base.get_layer(name).set_weights([kernel[:, :, ::-1] if first else kernel, bias])
    return f"{weights.origin}; taken as for BGR images, as keras.applications has them"


def _find(folder: Path) -> Path | None:
    """The one file with weights. Notes do not count, nor, beside an HDF5 file or .zip, what is neither."""
    if not folder.is_dir():
        return None
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and path.name[0] != "."]
    files = [path for path in files if path.suffix not in (".dvc", ".md")]
    known = [path for path in files if is_weight_file(path)]
    if len(known) > 1:
        raise InputError(f"{folder}: {known[0].name} and {known[1].name}: keep one of them")
    return next(iter(known + files), None)


def _md5(path: Path) -> str:
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _fetch(folder: Path) -> Weights:
    """ImageNet's weights from Keras's server or its cache."""
    try:
        model = keras.applications.VGG16(include_top=False, weights="imagenet")
    except Exception as error:  # Keras raises many kinds for an absent network.
        raise InputError(
            f"vgg.weights: imagenet could not be fetched ({error}); put its .h5 file into {folder}/"
        ) from None
    by_layer = {layer.name: tuple(layer.get_weights()) for layer in model.layers if layer.weights}
    return Weights(by_layer, "fetched by Keras")
