"""What the VGG16 stages read: weights, the manifest and the pixels."""

import io
import pickle
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import h5py
import numpy as np

from ladder.files.params import read_params
from ladder.training.runtime import keras
from ladder.vgg import vgg16
from ladder.vgg.params import Vgg
from ladder.vgg.published import IMAGENET_MD5, load_published
from tests.pipeline.bad_input.place import (
    Bad,
    Payload,
    npy,
    npy_header,
    npz,
    payload,
    put,
    reader,
    stage,
    write_params,
)

SIZE = 32
EMBEDDED, BASE = "data/raw/embedded/vgg16_base.npz", "models/vgg_base.npz"
MINE, OUTSIDE = Path("data/raw/mine/weights.h5"), Path("outside/weights.h5")
EXPECTED_FILE = "; expected an .h5 or .keras file that Keras has written"


@cache
def empty_base() -> keras.Model:
    return vgg16.build_base(SIZE)


@cache
def shapes() -> dict[str, tuple[int, ...]]:
    """The shape of each variable of the base."""
    return {variable.path: tuple(variable.shape) for variable in empty_base().variables}


@cache
def base_bytes() -> bytes:
    """A base of zeros."""
    return npz(**{name: np.zeros(shape, np.float16) for name, shape in shapes().items()})


def other_base(**changes: np.ndarray | None) -> None:
    """An embedded base with another array, one more, or, where it is None, one less."""
    arrays = dict(np.load(EMBEDDED)) | changes
    put(EMBEDDED, npz(**{name: array for name, array in arrays.items() if array is not None}))()


def embedded_base() -> None:
    write_params(vgg={"weights": "embedded", "image_size": SIZE})
    put(EMBEDDED, base_bytes())()


def bias(name: str, array: np.ndarray | None, *words: str) -> Bad:
    """Another bias of the first layer."""
    damage = lambda: other_base(**{"block1_conv1/bias": array})  # noqa: E731
    return Bad(name, damage, (f"{EMBEDDED}: ", "block1_conv1/bias", *words))


def embedded(name: str, content: bytes) -> Bad:
    return Bad(name, put(EMBEDDED, content), (f"{EMBEDDED}: not a readable .npz of plain arrays",))


FINITE = "must be finite numbers, float16 or float32"
NPZ = stage(
    "prepare-vgg-base",
    embedded_base,
    bias("another shape", np.zeros(3, np.float16), "is (3,), expected (64,)"),
    bias("text for numbers", np.full(64, "0"), FINITE),
    bias("whole numbers", np.zeros(64, np.int64), FINITE),
    bias("complex numbers", np.zeros(64, complex), FINITE),
    bias("NaN", np.full(64, np.nan, np.float32), FINITE),
    bias("infinity", np.full(64, np.inf, np.float16), FINITE),
    bias("an array too few", None, "holds the arrays", "expected"),
    Bad("an array too many", lambda: other_base(more=np.zeros(1)), (f"{EMBEDDED}: holds the", "'more'")),
    Bad("no file", Path(EMBEDDED).unlink, (f"{EMBEDDED}: no such file",)),
    embedded("code", npy(payload(3))),
    embedded("text", b"no weights"),
    embedded("cut", npz(a=np.zeros(10**4))[:100]),
    kind="from the repository",
)


def published(path: Path = MINE, skip: str = "", **changes: np.ndarray) -> None:
    """Zeros in the layout that Keras publishes: a group per layer, `weight_names` naming its arrays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        by_layer: dict[str, list[str]] = {}
        for variable in shapes():
            layer = variable.partition("/")[0]
            if layer != skip:
                by_layer.setdefault(layer, []).append(variable)
        file.attrs["layer_names"] = [name.encode() for name in by_layer]
        for layer, variables in by_layer.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = [name.rpartition("/")[2].encode() for name in variables]
            for name in variables:
                data = changes.get(name.replace("/", "_"))
                shape = shapes()[name] if data is None else None  # zeros that take no space in the file
                group.create_dataset(name.rpartition("/")[2], shape, np.float32, data)


def published_weights() -> None:
    write_params(vgg={"weights": "mine", "image_size": SIZE})
    published()


def load() -> None:
    """What the stage does, with a base that is built once."""
    weights = read_params("vgg", Vgg).weights
    load_published(empty_base(), weights, Path("data/raw") / weights)


def source(name: str, weights: str, words: str) -> Bad:
    """Another source of weights."""
    return Bad(name, lambda: write_params(vgg={"weights": weights, "image_size": SIZE}), (words,))


def imagenet() -> None:
    write_params(vgg={"weights": "imagenet", "image_size": SIZE})
    published(Path("data/raw/imagenet/weights.h5"))


def layer_of_vgg19() -> None:
    with h5py.File(MINE, "a") as file:
        file.copy("block3_conv3", file, "block3_conv4")
        file.attrs["layer_names"] = [*file.attrs["layer_names"].astype("S"), b"block3_conv4"]


def layers_of_the_wrong_kind() -> None:
    with h5py.File(MINE, "a") as file:
        file.attrs["layer_names"] = 3


def payload_pickle() -> bytes:
    """Code as a pickle."""
    return pickle.dumps(Payload(), protocol=2)


def other_bias(write: Callable[[h5py.Group], object]) -> Callable[[], None]:
    """A function that replaces the first layer's bias."""

    def damage() -> None:
        with h5py.File(MINE, "a") as file:
            del file["block1_conv1"]["bias"]
            write(file["block1_conv1"])

    return damage


def link_group() -> None:
    """A layer that only a link leads to: to a good one in another file."""
    published(OUTSIDE)
    with h5py.File(MINE, "a") as file:
        del file["block1_conv1"]
        file["block1_conv1"] = h5py.ExternalLink(OUTSIDE.resolve(), "block1_conv1")


def virtual_bias(group: h5py.Group) -> None:
    """A bias whose numbers lie in another file."""
    published(OUTSIDE)
    layout = h5py.VirtualLayout((64,), np.float32)
    layout[:] = h5py.VirtualSource(OUTSIDE.resolve(), "block1_conv1/bias", (64,))
    group.create_virtual_dataset("bias", layout)


def bias_outside(group: h5py.Group) -> None:
    """A bias whose bytes are those of another file."""
    group.create_dataset("bias", (64,), np.float32, external=[(str(Path("params.yaml").resolve()), 0, 256)])


def keras_3(change: Callable[[h5py.File], object], **shapes_of: tuple[int, ...]) -> Callable[[], None]:
    """A function that writes the layout of Keras 3's `save_weights` and changes it; zeros take no space."""

    def damage() -> None:
        with h5py.File(MINE, "w") as file:
            for number, layer in enumerate(dict.fromkeys(name.partition("/")[0] for name in shapes())):
                group = file.create_group(f"layers/conv2d{f'_{number}' if number else ''}/vars")
                group.attrs["name"] = layer
                for index, name in enumerate(("kernel", "bias")):
                    shape = shapes_of.get(f"{layer}_{name}", shapes()[f"{layer}/{name}"])
                    group.create_dataset(str(index), shape, np.float32)
            change(file)

    return damage


def link_of_keras_3(file: h5py.File) -> None:
    del file["layers/conv2d_2/vars/1"]
    file["layers/conv2d_2/vars/1"] = h5py.ExternalLink("params.yaml", "seed")


def without_names(file: h5py.File) -> None:
    for group in file["layers"].values():
        group["vars"].attrs.clear()


def one_more(file: h5py.File) -> None:
    """As VGG19 has it, in the place where VGG19 has it, without the layers' names."""
    without_names(file)
    for number in range(12, 6, -1):
        file.move(f"layers/conv2d_{number}", f"layers/conv2d_{number + 1}")
    file.copy("layers/conv2d_6", file["layers"], "conv2d_7")


def archive(content: dict[str, bytes]) -> bytes:
    """A .zip with these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in content.items():
            file.writestr(name, data)
    return buffer.getvalue()


def model_with_code() -> None:
    """A whole model whose layer makes the file `ran`, under a name that says something else."""
    layers = [keras.Input((4,)), keras.layers.Lambda(lambda x: (Path("ran").touch(), x)[1])]
    keras.Sequential([*layers, keras.layers.Dense(1)]).save("code.keras")
    Path("ran").unlink(missing_ok=True)
    Path("code.keras").replace(MINE)


def flip_a_byte() -> None:
    """A .keras archive with another byte than its checksum is of."""
    keras_3(lambda file: None)()
    content = bytearray(archive({"config.json": b"{}", "model.weights.h5": MINE.read_bytes()}))
    content[len(content) // 2] ^= 1
    MINE.write_bytes(content)


NOT_KERAS = f"{MINE}: neither HDF5 nor a .zip{EXPECTED_FILE}"
UNREAD = f"file, which is code and stays unread{EXPECTED_FILE}"
NO_LAYERS = f"{MINE}: HDF5, but without layers as Keras writes them{EXPECTED_FILE}"
OTHER_KERNEL = "kernel is (3, 3, 64, 256), expected (3, 3, 128, 256)"
H5 = reader(
    "weights in a file of Keras",
    published_weights,
    load,
    Bad(
        "a kernel of another shape",
        lambda: published(block3_conv1_kernel=np.zeros((3, 3, 64, 256))),
        (f"{MINE}: block3_conv1: {OTHER_KERNEL}",),
    ),
    Bad(
        "a bias of another shape",
        lambda: published(block3_conv1_bias=np.zeros(7)),
        (f"{MINE}: block3_conv1: bias is (7,), expected (256,)",),
    ),
    Bad(
        "a layer too few",
        lambda: published(skip="block4_conv2"),
        (f"{MINE}: no layer block4_conv2, which VGG16 has",),
    ),
    Bad("a layer of VGG19", layer_of_vgg19, (f"{MINE}: block3_conv4: VGG16 has no such layer; VGG19 has",)),
    Bad("no bias", other_bias(lambda group: None), (f"{MINE}: block1_conv1: no bias in the file itself",)),
    Bad(
        "whole numbers",
        other_bias(lambda group: group.create_dataset("bias", (64,), np.int64)),
        (f"{MINE}: block1_conv1: bias is int64, expected floating-point numbers",),
    ),
    Bad("NaN", lambda: published(block3_conv1_bias=np.full(256, np.nan)), (f"{MINE}: holds weights that",)),
    Bad(
        "too large for float32",
        other_bias(lambda group: group.create_dataset("bias", data=np.full(64, 1e300))),
        (f"{MINE}: holds weights that",),
    ),
    Bad(
        "a link to another file",
        other_bias(lambda group: group.__setitem__("bias", h5py.ExternalLink("params.yaml", "seed"))),
        (f"{MINE}: block1_conv1: no bias in the file itself; links are not followed",),
    ),
    Bad("a layer in another file", link_group, (f"{MINE}: no layer block1_conv1, which VGG16 has",)),
    Bad("numbers in another file", other_bias(virtual_bias), (f"{MINE}: block1_conv1: no bias in the file",)),
    Bad("bytes of another file", other_bias(bias_outside), (f"{MINE}: block1_conv1: no bias in the file",)),
    Bad(
        "Keras 3, a kernel of another shape",
        keras_3(lambda file: None, block3_conv1_kernel=(3, 3, 64, 256)),
        (f"{MINE}: block3_conv1: {OTHER_KERNEL}",),
    ),
    Bad(
        "Keras 3, a kernel of another shape, no names",
        keras_3(without_names, block3_conv1_kernel=(3, 3, 64, 256)),
        (f"{MINE}: conv2d_4: {OTHER_KERNEL}, as block3_conv1 has it",),
    ),
    Bad(
        "Keras 3, VGG19 without names",
        keras_3(one_more),
        (f"{MINE}: conv2d_7: kernel is (3, 3, 256, 256), expected (3, 3, 256, 512), as block4_conv1",),
    ),
    Bad(
        "Keras 3, cut short, no names",
        keras_3(lambda file: (without_names(file), file.__delitem__("layers/conv2d_12"))),
        (f"{MINE}: no convolution in the place of block5_conv3, which VGG16 has",),
    ),
    Bad(
        "Keras 3, VGG16 twice",
        keras_3(lambda file: file.copy("layers", file.create_group("other"), "layers")),
        (f"{MINE}: block1_conv1: there 2 times; expected one VGG16",),
    ),
    Bad(
        "Keras 3, VGG16 twice, no names",
        keras_3(lambda f: (without_names(f), f.copy("layers", f.create_group("other"), "layers"))),
        (f"{MINE}: conv2d, conv2d: a VGG16 begins with each; expected one",),
    ),
    Bad(
        "Keras 3, an array too many",
        keras_3(lambda file: file["layers/conv2d_2/vars"].create_dataset("2", (1,))),
        (f"{MINE}: block2_conv1: holds 3 arrays, expected kernel and bias",),
    ),
    Bad(
        "Keras 3, a link to another file",
        keras_3(link_of_keras_3),
        (f"{MINE}: block2_conv1: no bias in the file itself; links are not followed",),
    ),
    Bad("no layers", lambda: h5py.File(MINE, "w").close(), (NO_LAYERS,)),
    Bad("layers of the wrong kind", layers_of_the_wrong_kind, (f"{MINE}: cannot be read as an .h5",)),
    Bad("text", put(MINE, "no weights"), (NOT_KERAS,)),
    Bad("no bytes", put(MINE, b""), (NOT_KERAS,)),
    Bad("an .npz", put(MINE, npz(a=np.zeros(3))), (f"{MINE}: a .zip without model.weights.h5",)),
    Bad("of PyTorch", put(MINE, archive({"x/data.pkl": payload_pickle()})), (f"{MINE}: a PyTorch {UNREAD}",)),
    Bad("of an early PyTorch", put(MINE, payload_pickle()), (f"{MINE}: a pickle or PyTorch {UNREAD}",)),
    Bad("a model with code", model_with_code, (f"{MINE}: no layer block1_conv1, and no convolution",)),
    Bad("cut", lambda: MINE.write_bytes(MINE.read_bytes()[:3000]), (f"{MINE}: cannot be read as", "trunc")),
    Bad("a .keras cut", put(MINE, archive({"a": b"b" * 99})[:60]), (f"{MINE}: cannot be read as", "zip")),
    Bad("a .keras with a byte changed", flip_a_byte, (f"{MINE}: cannot be read as", "CRC")),
    Bad(
        "a .keras with other weights",
        put(MINE, archive({"model.weights.h5": b"no weights"})),
        (f"{MINE}: cannot be read as", "signature"),
    ),
    Bad(
        "two files",
        lambda: published(MINE.with_name("another.keras")),
        ("data/raw/mine: another.keras and weights.h5: keep one of them",),
    ),
    Bad("no file", MINE.unlink, (f"data/raw/mine: no file with VGG16 weights{EXPECTED_FILE}",)),
    Bad(
        "a folder for the file",
        lambda: (MINE.unlink(), MINE.mkdir()),
        ("data/raw/mine: no file with VGG16 weights",),
    ),
    Bad(
        "another file than ImageNet's",
        imagenet,
        (
            f"data/raw/imagenet/weights.h5: not the published file, whose MD5 is {IMAGENET_MD5}; ",
            "for other weights name a folder of their own in vgg.weights",
        ),
    ),
    source("no folder", "none", "data/raw/none: no file with VGG16 weights"),
    source("a name too long", "x" * 300, "data/raw/xxx"),
)

MANIFEST, PIXELS = "data/driver-manifest.csv", "data/driver-pixels.npy"
ROWS = """path,class,subject,by_image,by_driver,by_fold_1
a.jpg,c0,p1,train,train,train
b.jpg,c9,p2,val,test,val
c.jpg,c3,p3,test,val,test
d.jpg,c3,p1,test,train,train
"""
GOOD_PIXELS = np.zeros((4, SIZE, SIZE, 3), np.uint8)


def split_images() -> None:
    """A manifest of four images, their pixels and a base."""
    write_params(vgg={"image_size": SIZE, "augmented_views": 0}, runtime={"precision": "float32"})
    put(MANIFEST, ROWS)()
    put(PIXELS, npy(GOOD_PIXELS))()
    put(BASE, base_bytes())()


def manifest(name: str, old: str, new: str, *words: str) -> Bad:
    """Other text in the manifest."""
    return Bad(name, put(MANIFEST, ROWS.replace(old, new)), (f"{MANIFEST}: ", *words))


def pixels(name: str, content: bytes | np.ndarray, words: str = "not a readable array") -> Bad:
    """Another array of pixels."""
    damage = put(PIXELS, content if isinstance(content, bytes) else npy(content))
    return Bad(name, damage, (f"{PIXELS}: {words}",))


EXPECTED = "; expected uint8(4, 32, 32, 3)"
FEATURES = stage(
    "extract-vgg-features",
    split_images,
    manifest("an unknown class", "c9", "9", "row 3: class '9'; allowed: ('c0', "),
    manifest("an unknown split", "p3,test", "p3,tset", "row 4: by_image 'tset'; allowed: ('train', 'val'"),
    manifest("an unknown split by driver", "val,test", "val,tset", "row 3: by_driver 'tset'; allowed: ("),
    manifest("no folds", ",by_fold_1", ",fold", "no column by_fold_1; needed is one for each fold"),
    manifest("no such column", "by_driver", "by_drivers", "no column 'by_driver'"),
    manifest("a driver in two splits", "p1,test,train", "p1,test,test", "by_driver: p1 is in train and test"),
    manifest(
        "nothing to validate", "p2,val,", "p2,train,", "by_image: no row is 'val'; needed are train, val"
    ),
    manifest("no rows", ROWS[ROWS.index("\n") :], "\n", "no rows below the header"),
    Bad("no manifest", Path(MANIFEST).unlink, (f"{MANIFEST}: no such file",)),
    Bad("no pixels", Path(PIXELS).unlink, (f"{PIXELS}: no such file; `dvc repro` makes it",)),
    pixels("cut", npy(GOOD_PIXELS)[:-1]),
    pixels("no bytes", b""),
    pixels("text", ROWS.encode()),
    pixels("an .npz", npz(a=GOOD_PIXELS), "not a readable array: a .npz archive"),
    pixels("code", payload(4)),
    pixels("code without a shape", npy_header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }")),
    pixels("a broken header", npy_header("{'descr': ")),
    pixels("no keys", npy_header("{1: 2, 'a': 3}")),
    pixels("a huge header", b"\x93NUMPY\x02\x00\xff\xff\xff\x7f"),
    pixels("huge", npy_header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({10**22},), }}")),
    pixels("floats for bytes", GOOD_PIXELS.astype(np.float32), f"float32(4, 32, 32, 3){EXPECTED}"),
    pixels("an image too few", GOOD_PIXELS[1:], f"uint8(3, 32, 32, 3){EXPECTED}"),
    pixels("images too low", GOOD_PIXELS[:, 1:], f"uint8(4, 31, 32, 3){EXPECTED}"),
    pixels("grey images", GOOD_PIXELS[..., 0], f"uint8(4, 32, 32){EXPECTED}"),
    Bad("no base", Path(BASE).unlink, (f"{BASE}: no such file; `dvc repro` makes it",)),
)
