"""VGG16 (Simonyan and Zisserman 2015): the convolutional base, its features, a new head, and all together.

The base takes RGB images minus `MEAN_RGB`. ImageNet's published weights expect BGR, so the kernels of their
first layer are turned round once, when `ladder.vgg.published` reads them.
"""

from pathlib import Path

import numpy as np

from ladder.files.errors import InputError
from ladder.files.outputs import read_arrays, write_arrays
from ladder.training.runtime import keras

BASE_FILE = Path("models/vgg_base.npz")
HEAD_FILE = Path("models/vgg_head.keras")
EMBEDDED_FILE = Path("data/raw/embedded/vgg16_base.npz")  # written by stage pretrain-vgg-base
# What the head reads, and its channels. Chosen by driver, on drawn drivers and on photographs: deeper layers
# have learned to answer the questions of the base's own training.
FEATURE_LAYERS = {
    "block3_pool": 256,
    "block4_conv2": 512,
    "block4_pool": 512,
    "block5_conv1": 512,
}
CELLS = 3  # on a side, at most: finer ones of larger images recognise fewer new drivers
MEAN_RGB = (123.68, 116.779, 103.939)  # of ImageNet's training images, in grey levels


def build_base(image_size: int) -> keras.Model:
    """The 19 layers from the input to block5_pool: [n, size, size, 3] → [n, size / 32, size / 32, 512]."""
    centred = keras.Input((image_size, image_size, 3), name="centred_images")
    return keras.applications.VGG16(include_top=False, weights=None, input_tensor=centred, name="vgg16_base")


def build_head(
    feature_shape: tuple[int, ...],
    mean: np.ndarray,
    variance: np.ndarray,
    units: int,
    dropout: float,
    classes: int,
) -> keras.Model:
    """Standardise → Flatten → Dropout → Dense(classes, softmax), in float32: logistic regression.

    It starts from weights of zero: with more features than images, what random ones say in directions that no
    image has would stay for good. With `units` above 0, Dense(units, ReLU) stands in front of the dropout and
    all weights start at random.

    `mean` and `variance` [channels] are those of the training features. Thousands of features that are all
    positive would move every hidden unit together, and Adam's first steps would switch them all off for good.
    """
    layers = keras.layers
    hidden = [layers.Dense(units, activation="relu", name="hidden", dtype="float32")] if units else []
    return keras.Sequential(
        [
            keras.Input(feature_shape, name="features"),
            layers.Normalization(axis=-1, mean=mean, variance=variance, name="standardise", dtype="float32"),
            layers.Flatten(name="flatten", dtype="float32"),
            *hidden,
            layers.Dropout(dropout, name="dropout", dtype="float32"),
            layers.Dense(
                classes,
                activation="softmax",
                kernel_initializer="glorot_uniform" if units else "zeros",
                name="probabilities",
                dtype="float32",
            ),
        ],
        name="driver_head",
    )


def on_images(base: keras.Model) -> keras.Model:
    """RGB images from 0 to 255 → what `base` makes of them once they are centred."""
    images = keras.Input(base.input_shape[1:], name="images")
    centred = keras.layers.Rescaling(1.0, offset=[-mean for mean in MEAN_RGB], name="subtract_mean")(images)
    return keras.Model(images, base(centred), name="vgg16_on_images")


def join_levels(outputs: list[keras.KerasTensor]) -> keras.KerasTensor:
    """The outputs of `FEATURE_LAYERS`, side by side, averaged over cells: [n, cells, cells, 1792].

    There are 3×3 cells, in an image below 96 pixels so many that each has 32 pixels or more. Where a side is
    not a multiple of them, they overlap.
    """
    cells = min(CELLS, outputs[-1].shape[1] // 2)  # one place of block 5 covers 16 pixels
    averaged = []
    for name, output in zip(FEATURE_LAYERS, outputs, strict=True):
        side = output.shape[1]
        step = side // cells
        pool = keras.layers.AveragePooling2D(side - (cells - 1) * step, step, name=f"average_{name}")
        averaged.append(pool(output))
    return keras.layers.Concatenate(name="levels")(averaged)


def build_feature_extractor(base: keras.Model) -> keras.Model:
    """RGB images from 0 to 255 → features of four layers of the base, see `join_levels`.

    What a new task asks for may be seen best some layers before the end, which has learned to answer the old
    one (hypercolumns: Hariharan et al. 2015).
    """
    outputs = [base.get_layer(name).output for name in FEATURE_LAYERS]
    levels = on_images(keras.Model(base.input, outputs, name=base.name))
    return keras.Model(levels.input, join_levels(levels.output), name="vgg16_features")


def build_classifier(base: keras.Model, head: keras.Model) -> keras.Model:
    """RGB images from 0 to 255 → class probabilities, all in one model."""
    extractor = build_feature_extractor(base)
    return keras.Model(extractor.input, head(extractor.output), name="driver_classifier")


def unfreeze_last(base: keras.Model, layers: int) -> None:
    """Let the last `layers` of the base's 19 learn, and freeze the others."""
    for number, layer in enumerate(base.layers):
        layer.trainable = number >= len(base.layers) - layers


def start_at_random(base: keras.Model, rng: np.random.Generator) -> None:
    """Give the base untrained weights through which a signal passes.

    He-normal kernels, then scaled, with biases set, so that on random smooth images every channel has mean 0
    and variance 1 before its ReLU (a data-dependent start: Mishkin and Matas 2016, Krähenbühl et al. 2016).
    """
    coarse = rng.uniform(0, 255, (16, 8, 8, 3)).astype(np.float32) - np.array(MEAN_RGB, np.float32)
    x = keras.ops.image.resize(coarse, base.input_shape[1:3])
    for layer in base.layers[1:]:
        if not layer.weights:
            x = layer(x)
            continue
        shape = layer.kernel.shape
        kernel = rng.normal(0, np.sqrt(2 / np.prod(shape[:3])), shape).astype(np.float32)
        z = keras.ops.conv(x, kernel, padding="same")
        mean, variance = keras.ops.moments(z, axes=(0, 1, 2))
        scale = keras.ops.rsqrt(variance + 1e-6)
        layer.set_weights([kernel * scale, -mean * scale])
        x = keras.ops.relu((z - mean) * scale)


def save_base(base: keras.Model, path: Path, dtype: type = np.float32) -> None:
    """Write every kernel and bias of the base."""
    write_arrays(path, {variable.path: np.asarray(variable).astype(dtype) for variable in base.variables})


def load_base(image_size: int, path: Path) -> keras.Model:
    """The base in the current dtype policy with the weights that `save_base` wrote.

    Raises
    ------
    InputError
        The file is missing, or does not hold exactly this base's arrays, finite and in their shapes.
    """
    base = build_base(image_size)
    arrays = read_arrays(path, [variable.path for variable in base.variables])
    for variable in base.variables:
        array = arrays[variable.path]
        if array.shape != variable.shape:
            raise InputError(f"{path}: {variable.path} is {array.shape}, expected {variable.shape}")
        if array.dtype not in (np.float16, np.float32) or not np.isfinite(array).all():
            raise InputError(f"{path}: {variable.path} must be finite numbers, float16 or float32")
        variable.assign(array)
    return base
