"""VGG16's weights are the same from every layout that Keras writes, whatever the file's name."""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from ladder.files.errors import InputError
from ladder.training.runtime import keras
from ladder.vgg import vgg16
from ladder.vgg.published import load_published
from ladder.vgg.weight_files import read_weights
from tests.imports import ROOT
from tests.vgg.thin_base import THINNER, build_thin_base

SIZE = 32
IMAGENET = Path(os.environ.get("IMAGENET_VGG16", ROOT.parent / "shared/data/imagenet"))
BGR = "taken as for BGR images"


@pytest.fixture
def folder():
    """An empty folder, removed at once: a whole base takes 59 MB."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture(scope="module")
def base():
    base = build_thin_base(SIZE)
    vgg16.start_at_random(base, np.random.default_rng(1))
    return base


@pytest.fixture(scope="module")
def with_top(base):
    x = keras.layers.Flatten(name="flatten")(base.output)
    for units, name in ((8, "fc1"), (8, "fc2"), (3, "predictions")):
        x = keras.layers.Dense(units, name=name)(x)
    return keras.Model(base.input, x, name="vgg16")


@pytest.fixture(scope="module")
def fresh():
    """A base to load weights into."""
    return build_thin_base(SIZE)


@pytest.fixture(scope="module")
def whole():
    """The pipeline's base, with all its filters."""
    return vgg16.build_base(SIZE)


def write_published(model, path):
    """An .h5 file as Keras publishes it: a group per layer, `weight_names` naming its arrays."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"1.2.2"
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}_{kind}_1:0" for kind in ("W", "b")][: len(layer.weights)]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, array in zip(names, layer.get_weights(), strict=True):
                group.create_dataset(name, data=array)


def save(model, path):
    model.save(path)


def save_weights(model, path):
    model.save_weights(path)


def save_weights_without_names(model, path):
    """As early versions of Keras 3 did: the layers of a class are only counted."""
    model.save_weights(path)
    with h5py.File(path, "a") as file:
        groups = []
        file.visit(groups.append)
        for group in groups:
            file[group].attrs.pop("name", None)


def save_trained(model, path):
    """With the state of the optimizer, which has kernels' shapes too."""
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    model.save(path)


def save_compressed(model, path):
    """The archive packed again."""
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def nested(base):
    layers = keras.layers
    return keras.Sequential([keras.Input((SIZE, SIZE, 3)), base, layers.Flatten(), layers.Dense(3)])


def frozen(base):
    """A nested base of which block 5 learns: the legacy layout lists its weights first."""
    copy = keras.models.clone_model(base)
    copy.set_weights(base.get_weights())
    vgg16.unfreeze_last(copy, 4)
    return nested(copy)


def inline(base):
    """The base's own layers, among convolutions that are not the base's."""
    images = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(3, 3, padding="same")(images)
    for layer in base.layers[1:]:
        x = layer(x)
    x = keras.layers.Conv2D(x.shape[-1], 3, padding="same")(x)
    return keras.Model(images, keras.layers.Dense(3)(keras.layers.Flatten()(x)))


def unnamed(base):
    """VGG16 as somebody writes it down, whose layers have names of their own."""
    layers = keras.layers
    copies = [
        layers.Conv2D(layer.filters, 3, padding="same", activation="relu")
        if layer.weights
        else layers.MaxPooling2D()
        for layer in base.layers[1:]
    ]
    model = keras.Sequential([keras.Input((SIZE, SIZE, 3)), *copies, layers.Flatten(), layers.Dense(3)])
    for copy, layer in zip(copies, base.layers[1:], strict=True):
        copy.set_weights(layer.get_weights())
    return model


def itself(base):
    return base


LAYOUTS = {
    "published": (itself, write_published, "x.h5", "weights in the published layout"),
    "Keras 3 weights": (itself, save_weights, "x.weights.h5", "Keras 3 weights"),
    "early Keras 3 weights": (itself, save_weights_without_names, "x.weights.h5", "Keras 3 weights"),
    "whole .keras": (itself, save, "x.keras", "a whole model (.keras)"),
    "whole .h5": (itself, save, "x.h5", "a whole model (legacy .h5)"),
    "nested .keras": (nested, save, "x.keras", "a whole model (.keras)"),
    "nested .h5": (nested, save, "x.h5", "a whole model (legacy .h5)"),
    "nested .weights.h5": (nested, save_weights, "x.weights.h5", "Keras 3 weights"),
    "nested .keras, trained": (nested, save_trained, "x.keras", "a whole model (.keras)"),
    "nested .h5, trained": (nested, save_trained, "x.h5", "a whole model (legacy .h5)"),
    "nested .h5, frozen": (frozen, save, "x.h5", "a whole model (legacy .h5)"),
    "inline .keras": (inline, save_compressed, "x.keras", "a whole model (.keras)"),
    "inline .h5": (inline, save, "x.h5", "a whole model (legacy .h5)"),
    "inline early .weights.h5": (inline, save_weights_without_names, "x.weights.h5", "Keras 3 weights"),
    "unnamed .keras": (unnamed, save, "x.keras", "a whole model (.keras)"),
    "unnamed .h5": (unnamed, save, "x.h5", "a whole model (legacy .h5)"),
}


def assert_loaded(fresh, base):
    for layer in base.layers[1:]:
        if layer.weights:
            kernel, bias = layer.get_weights()
            if layer.name == "block1_conv1":
                kernel = kernel[:, :, ::-1]
            found_kernel, found_bias = fresh.get_layer(layer.name).get_weights()
            np.testing.assert_array_equal(found_kernel, kernel, layer.name)
            np.testing.assert_array_equal(found_bias, bias, layer.name)


def load_anew(fresh, folder):
    """What is said while weights are loaded in the place of zeros."""
    fresh.set_weights([np.zeros(variable.shape) for variable in fresh.weights])
    return load_published(fresh, "mine", folder)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_base_under_every_name(layout, base, fresh, folder):
    build, write, name, words = LAYOUTS[layout]
    write(build(base), folder / name)
    assert load_anew(fresh, folder) == f"{name}, {words}; {BGR}, as keras.applications has them"
    assert_loaded(fresh, base)
    other = "x.h5" if name == "x.keras" else "x.keras"
    (folder / name).rename(folder / other)
    assert load_anew(fresh, folder).startswith(f"{other}, {words}; ")
    assert_loaded(fresh, base)


@pytest.mark.parametrize(
    ("write", "name"), [(write_published, "x.h5"), (save_weights, "x.weights.h5"), (save, "x.keras")]
)
def test_the_top_layers_are_passed_over(write, name, base, with_top, fresh, folder):
    write(with_top, folder / name)
    assert BGR in load_anew(fresh, folder)
    assert_loaded(fresh, base)


def test_the_order_of_colours_does_not_change_what_the_base_sees(base, fresh, folder):
    save_weights(base, folder / "x.weights.h5")
    load_anew(fresh, folder)
    images = np.random.default_rng(0).uniform(0, 255, (2, SIZE, SIZE, 3)).astype(np.float32)
    expected = base.predict_on_batch(keras.applications.vgg16.preprocess_input(images.copy()))
    found = vgg16.on_images(fresh).predict_on_batch(images)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_notes_beside_the_file_do_not_count(base, fresh, folder):
    for note in ("README.md", ".gitignore", "x.weights.h5.dvc", "._x.weights.h5"):
        (folder / note).write_text("a note", "utf-8")
    with pytest.raises(InputError, match="no file with VGG16 weights"):
        load_anew(fresh, folder)
    (folder / "LICENSE").write_text("a text of which only its name says that it is a note", "utf-8")
    save_weights(base, folder / "x.weights.h5")
    (folder / "x.weights.h5").rename(folder / "weights")
    assert load_anew(fresh, folder).startswith("weights, ")


def test_half_and_double_precision_are_read(base, folder):
    write_published(base, folder / "x.h5")
    with h5py.File(folder / "x.h5", "a") as file:
        for number, (group, dtype) in enumerate((("block1_conv1", np.float16), ("block1_conv2", np.float64))):
            array = np.full(64 // THINNER, number + 0.5, dtype)
            del file[group][f"{group}_b_1:0"]
            file[group][f"{group}_b_1:0"] = array
    shapes = {layer.name: tuple(layer.kernel.shape) for layer in base.layers if layer.weights}
    weights = read_weights(folder / "x.h5", shapes).by_layer
    assert weights["block1_conv1"][1].dtype == weights["block1_conv2"][1].dtype == np.float32
    assert (weights["block1_conv1"][1][0], weights["block1_conv2"][1][0]) == (0.5, 1.5)


@pytest.mark.parametrize(
    ("build", "name", "words"),
    [
        (keras.applications.VGG19, "x.weights.h5", "block3_conv4: VGG16 has no such layer; VGG19 has"),
        (
            keras.applications.Xception,
            "x.h5",
            "block1_conv1: kernel is (3, 3, 3, 32), expected (3, 3, 3, 64)",
        ),
        (keras.applications.MobileNetV2, "x.h5", "no layer block1_conv1, and no convolution with its kernel"),
    ],
)
def test_another_network_is_refused(build, name, words, whole, folder):
    model = build(include_top=False, weights=None, input_shape=(96, 96, 3))
    (save_weights if "weights" in name else save)(model, folder / name)
    with pytest.raises(InputError) as refused:
        load_published(whole, "mine", folder)
    assert str(refused.value).startswith(f"{folder / name}: {words}")


needs_imagenet = pytest.mark.skipif(
    not (IMAGENET / "write_h5.py").exists(),
    reason="no weights of ImageNet's VGG16 in the folder $IMAGENET_VGG16",
)


@needs_imagenet
def test_imagenet_s_weights_are_the_same_in_both_layouts_and_in_the_order_of_rgb(whole, folder):
    loaded = []
    for layout, name in (("legacy", "x.h5"), ("keras3", "x.weights.h5")):
        subprocess.run([sys.executable, IMAGENET / "write_h5.py", layout, folder / name], check=True)
        assert BGR in load_anew(whole, folder)
        loaded.append(whole.get_weights())
        (folder / name).unlink()
    for a, b in zip(*loaded, strict=True):
        np.testing.assert_array_equal(a, b)
    # What public notebooks print of the published file: its first kernel's first place, in blue, green, red.
    red, green, blue = loaded[0][0][0, 0, :, 0]
    assert (blue, green, red) == pytest.approx((0.42947057, 0.55037946, 0.4800154), abs=5e-4)
