"""What the VGG16 stages read: weights, the manifest and the pixels."""

from functools import cache
from pathlib import Path

import h5py
import numpy as np

from ladder.vgg import vgg16
from tests.pipeline.bad_input.place import Bad, npy, npy_header, npz, payload, put, stage, write_params

SIZE = 32
EMBEDDED, BASE = "data/raw/embedded/vgg16_base.npz", "models/vgg_base.npz"
MINE = Path("data/raw/mine/weights.h5")
LAYOUT = f"{MINE}: not VGG16 weights without the top layers: "


@cache
def shapes() -> dict[str, tuple[int, ...]]:
    """The shape of each variable of the base."""
    return {variable.path: tuple(variable.shape) for variable in vgg16.build_base(SIZE).variables}


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
    Bad(
        "an array too many",
        lambda: other_base(more=np.zeros(1)),
        (f"{EMBEDDED}: holds the", "'more'"),
    ),
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


def source(name: str, weights: str, words: str) -> Bad:
    """Another source of weights."""
    return Bad(name, lambda: write_params(vgg={"weights": weights, "image_size": SIZE}), (words,))


def imagenet() -> None:
    write_params(vgg={"weights": "imagenet", "image_size": SIZE})
    published(Path("data/raw/imagenet/weights.h5"))


def link_elsewhere() -> None:
    with h5py.File(MINE, "a") as file:
        del file["block1_conv1"]["bias"]
        file["block1_conv1"]["bias"] = h5py.ExternalLink("params.yaml", "seed")


H5 = stage(
    "prepare-vgg-base",
    published_weights,
    Bad("another shape", lambda: published(block3_conv1_bias=np.zeros(7)), (LAYOUT, "block3_conv1")),
    Bad("a layer too few", lambda: published(skip="block4_conv2"), (LAYOUT, "expected 13 layers, found 12")),
    Bad("NaN", lambda: published(block3_conv1_bias=np.full(256, np.nan)), (f"{MINE}: holds weights that",)),
    Bad("a link to another file", link_elsewhere, (LAYOUT, "ExternalLink")),
    Bad("no layers", lambda: h5py.File(MINE, "w").close(), (LAYOUT, "expected 13 layers, found 0")),
    Bad("text", put(MINE, "no weights"), (LAYOUT,)),
    Bad("no bytes", put(MINE, b""), (LAYOUT,)),
    Bad("an .npz", put(MINE, npz(a=np.zeros(3))), (LAYOUT,)),
    Bad("cut", lambda: MINE.write_bytes(MINE.read_bytes()[:3000]), (LAYOUT,)),
    Bad(
        "two files",
        lambda: published(MINE.with_name("another.h5")),
        ("data/raw/mine: another.h5 and weights.h5: keep one of them",),
    ),
    Bad("no file", MINE.unlink, ("data/raw/mine: no .h5 file with VGG16 weights",)),
    Bad(
        "a folder for the file",
        lambda: (MINE.unlink(), MINE.mkdir()),
        ("data/raw/mine: no .h5 file with VGG16",),
    ),
    Bad(
        "another file than ImageNet's",
        imagenet,
        (f"data/raw/imagenet/weights.h5: not the published file, whose MD5 is {vgg16.IMAGENET_MD5}",),
    ),
    source("no folder", "none", "data/raw/none: no .h5 file with VGG16 weights"),
    source("a name too long", "x" * 300, "data/raw/xxx"),
    kind="from a file",
)

MANIFEST, PIXELS = "data/driver-manifest.csv", "data/driver-pixels.npy"
ROWS = """path,class,subject,by_image,by_driver
a.jpg,c0,p1,train,train
b.jpg,c9,p2,val,test
c.jpg,c3,p3,test,val
d.jpg,c3,p1,test,train
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
