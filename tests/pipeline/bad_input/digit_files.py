"""IDX files that a person drops in, and the arrays that are made of them."""

import gzip
import struct
from pathlib import Path

import numpy as np

from tests.pipeline.bad_input.place import (
    Bad,
    change,
    npy,
    npy_header,
    npz,
    payload,
    put,
    stage,
    write_params,
)

FOLDER = Path("data/raw/mine")
IMAGES, LABELS = FOLDER / "train-images-idx3-ubyte", FOLDER / "train-labels-idx1-ubyte"
HEADER = "not with the IDX header 00000803 of unsigned bytes in 3 dimension(s)"
COUNT = 100


def idx(array: np.ndarray) -> bytes:
    """The array as an IDX file of unsigned bytes."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


GOOD_IMAGES = idx(np.arange(COUNT * 784).reshape(COUNT, 28, 28))
GOOD_LABELS = idx(np.arange(COUNT) % 10)
NEEDED = f"the header [{COUNT}, 28, 28] needs {COUNT * 784}"


def idx_folder() -> None:
    """A good training set without a test set."""
    write_params(digits={"source": "mine"})
    put(IMAGES, GOOD_IMAGES)()
    put(LABELS, GOOD_LABELS)()


def images(name: str, content: bytes, *words: str) -> Bad:
    """Another file of images."""
    return Bad(name, put(IMAGES, content), (f"{IMAGES}: ", *words))


def labels(name: str, content: bytes, *words: str) -> Bad:
    """Another file of labels."""
    return Bad(name, put(LABELS, content), (f"{LABELS}: ", *words))


def emnist_letters() -> None:
    """The letters a to z under EMNIST's names, labelled from 1 to 26."""
    IMAGES.unlink(), LABELS.unlink()
    put(FOLDER / "emnist-letters-train-images-idx3-ubyte", GOOD_IMAGES)()
    put(FOLDER / "emnist-letters-train-labels-idx1-ubyte", idx(np.arange(COUNT) % 26 + 1))()


PACKED = gzip.compress(GOOD_IMAGES)
IDX = stage(
    "prepare-digits",
    idx_folder,
    images("no bytes", b"", HEADER),
    images("one byte", b"\0", HEADER),
    images("half a header", GOOD_IMAGES[:10], HEADER),
    images("another first byte", b"\1" + GOOD_IMAGES[1:], "begins with 01000803", HEADER),
    images("floats", GOOD_IMAGES[:2] + b"\x0d" + GOOD_IMAGES[3:], "begins with 00000d03", HEADER),
    images("labels for images", GOOD_LABELS, "begins with 00000801", HEADER),
    images("no dimensions", b"\0\0\x08\0", "begins with 00000800", HEADER),
    images("a web page", b"<!DOCTYPE html><html>", "begins with 3c21444f", HEADER),
    images("a byte too few", GOOD_IMAGES[:-1], f"{COUNT * 784 - 1} bytes of data", NEEDED),
    images("a byte too many", GOOD_IMAGES + b"\0", f"at least {COUNT * 784 + 1} bytes of data", NEEDED),
    images(
        "a huge header", b"\0\0\x08\3" + b"\xff" * 12, "0 bytes of data, the header [4294967295, 4294967295"
    ),
    images(
        "huge and nothing", b"\0\0\x08\3" + b"\xff" * 8 + bytes(4), "no items; the header says [4294967295"
    ),
    images("garbage as gzip", b"\x1f\x8b" + b"garbage" * 5, "cannot be read"),
    images("gzip of garbage", gzip.compress(b"garbage" * 5), HEADER),
    images("gzip of gzip", gzip.compress(PACKED), "begins with 1f8b", HEADER),
    images("gzip cut", PACKED[:-12], "cannot be read"),
    images("gzip with another checksum", PACKED[:-8] + bytes(8), "cannot be read"),
    images("gzip damaged", PACKED[:10] + b"\xff" * 20, "cannot be read"),
    images("garbage after gzip", PACKED + b"garbage", "cannot be read"),
    images("a bomb", gzip.compress(GOOD_IMAGES + bytes(10**8)), f"at least {COUNT * 784 + 1} bytes", NEEDED),
    images("another size", idx(np.zeros((COUNT, 28, 27))), "images are (28, 27), needed are (28, 28)"),
    images("fewer images", idx(np.zeros((3, 28, 28))))._replace(
        words=(f"{LABELS}: {COUNT} labels for the 3 images of {IMAGES}",)
    ),
    images("no images", idx(np.zeros((0, 28, 28))), "no items; the header says [0, 28, 28]"),
    labels("no labels", idx(np.zeros(0)), "no items; the header says [0]"),
    labels(
        "a label above 9", idx(np.r_[:9, 10, np.zeros(COUNT - 10)]), "item 9: label 10; allowed are 0 to 9"
    ),
    labels("images for labels", GOOD_IMAGES, "begins with 00000803", "in 1 dimension(s)"),
    labels("one digit of a class", idx(np.r_[9, np.zeros(COUNT - 1)]))._replace(
        words=("params.yaml: digits.test_share: 0.2 cannot be split off by class",)
    ),
    Bad(
        "EMNIST's letters",
        emnist_letters,
        (f"{FOLDER}/emnist-letters-train-labels-idx1-ubyte: item 9: label 10; allowed are 0 to 9",),
    ),
    Bad(
        "EMNIST's sets together",
        lambda: (emnist_letters(), put(FOLDER / "emnist-digits-train-images-idx3-ubyte", GOOD_IMAGES)()),
        (f"{FOLDER}: emnist-digits-train-images-idx3-ubyte and emnist-letters-train-images-idx3-ubyte: ",),
    ),
    Bad("no labels file", LABELS.unlink, (f"{FOLDER}: needs train-images-idx3-ubyte and train-labels-",)),
    Bad(
        "both plain and packed",
        put(f"{IMAGES}.gz", PACKED),
        (f"{FOLDER}: train-images-idx3-ubyte and train-images-idx3-ubyte.gz: keep one of them",),
    ),
    Bad("no files", lambda: (IMAGES.unlink(), LABELS.unlink()), (f"{FOLDER}: no IDX files; put train-",)),
    Bad("no folder", change(digits={"source": "none"}), ("data/raw/none: no IDX files; put train-",)),
    Bad(
        "a name too long",
        change(digits={"source": "x" * 300}),
        ("data/raw/xxx", "cannot be read", "too long"),
    ),
    Bad("a folder for a file", lambda: (IMAGES.unlink(), IMAGES.mkdir()), (f"{IMAGES}: cannot be read",)),
)

DIGITS = "data/digits.npz"
NPZ = f"{DIGITS}: not a readable .npz of plain arrays"
ARRAYS = {
    f"{split}_{kind}": array
    for split, count in (("train", 30), ("val", 10), ("test", 20))
    for kind, array in (
        ("images", np.arange(count * 784, dtype=np.uint8).reshape(count, 28, 28)),
        ("labels", (np.arange(count) % 10).astype(np.uint8)),
    )
}


def arrays() -> None:
    """Good arrays, and as little training as there can be."""
    write_params(mnist={"layers": [4], "epochs": 1})
    put(DIGITS, npz(**ARRAYS))()


def other(name: str, *words: str, **changes: np.ndarray | None) -> Bad:
    """Another array, one more, or, where it is None, one less."""

    def damage() -> None:
        kept = {key: array for key, array in (ARRAYS | changes).items() if array is not None}
        put(DIGITS, npz(**kept))()

    return Bad(name, damage, (f"{DIGITS}: ", *words))


def zeros(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return np.zeros(shape, dtype)


def digits_file(name: str, content: bytes) -> Bad:
    return Bad(name, put(DIGITS, content), (NPZ,))


TYPES = "needed are uint8 (items, 28, 28) with uint8 (items,)"
NUMPY = stage(
    "train-mnist",
    arrays,
    other("floats for bytes", "val: images float32", TYPES, val_images=zeros(10, 28, 28, dtype=np.float32)),
    other("images too narrow", "val: images uint8(10, 28, 27)", TYPES, val_images=zeros(10, 28, 27)),
    other("flat images", "val: images uint8(10, 784)", TYPES, val_images=zeros(10, 784)),
    other("an image too many", "val: images uint8(11, 28, 28)", TYPES, val_images=zeros(11, 28, 28)),
    other("long integers", "labels int64(10,)", TYPES, val_labels=zeros(10, dtype=np.int64)),
    other("labels in a column", "labels uint8(10, 1)", TYPES, val_labels=zeros(10, 1)),
    other("one label", "labels uint8()", TYPES, val_labels=np.array(4, np.uint8)),
    other("no images", "val: needed are labels", val_images=zeros(0, 28, 28), val_labels=zeros(0)),
    other("a label above 9", "test: needed are labels from 0 to 9", test_labels=np.full(20, 10, np.uint8)),
    other("an array too many", "holds the arrays", "'more'", "expected", more=zeros(1)),
    other("an array too few", "holds the arrays", "expected", "'val_labels'", val_labels=None),
    other("code for labels", "not a readable .npz of plain arrays", val_labels=payload(10)),
    Bad("no file", Path(DIGITS).unlink, (f"{DIGITS}: no such file; `dvc repro` makes it",)),
    digits_file("cut", npz(**ARRAYS)[:2000]),
    digits_file("no bytes", b""),
    digits_file("text", b"text"),
    digits_file("no archive after all", b"PK\x03\x04 no archive after all"),
    digits_file("one array", npy(zeros(3))),
    digits_file("code", npy(payload(3))),
    digits_file("a broken header", npy_header("{'descr': ")),
)
