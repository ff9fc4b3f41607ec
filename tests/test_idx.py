"""IDX files: read as published, plain or compressed, and refused when they are not what they say."""

import gzip
import struct

import numpy as np
import pytest

from stages.core.errors import InputError
from stages.datasets import idx
from stages.datasets.idx import find_idx_folder, read_idx, read_idx_pair


def idx_bytes(array):
    """The array as an IDX file of unsigned bytes."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def random_array(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("shape", [(7,), (3, 5, 4)])
def test_what_was_written_is_read(tmp_path, shape, pack):
    array = random_array(*shape)
    path = tmp_path / "some-idx-ubyte"
    path.write_bytes(pack(idx_bytes(array)))
    found = read_idx(path, len(shape))
    assert found.dtype == np.uint8
    assert np.array_equal(found, array)


IMAGES = idx_bytes(random_array(3, 5, 4))


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "IDX header"),
        (b"\0", "IDX header"),
        (IMAGES[:10], "IDX header"),
        (b"\1" + IMAGES[1:], "IDX header"),
        (IMAGES[:2] + b"\x0d" + IMAGES[3:], "begins with 00000d03, not with the IDX header 00000803"),
        (idx_bytes(random_array(3)), "begins with 00000801"),
        (b"<!DOCTYPE html><html>", "begins with 3c21444f"),
        (IMAGES[:-1], "59 bytes of data, the header [3, 5, 4] needs 60"),
        (IMAGES + b"\0", "61 bytes of data, the header [3, 5, 4] needs 60"),
        (struct.pack(">BBBBIII", 0, 0, 8, 3, *[2**32 - 1] * 3), "0 bytes of data"),
        (b"\x1f\x8b" + b"garbage" * 5, "cannot be read"),
        (gzip.compress(b"garbage" * 5), "IDX header"),
        (gzip.compress(IMAGES)[:-12], "cannot be read"),
        (gzip.compress(IMAGES)[:-8] + b"\0" * 8, "cannot be read"),
        (gzip.compress(IMAGES)[:10] + b"\xff" * 20, "cannot be read"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path, content, wrong):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        read_idx(path, 3)
    assert str(refused.value).startswith(f"{path}: ")
    assert wrong in str(refused.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_idx(tmp_path / "absent", 3)


def test_a_file_that_grows_beyond_the_limit_when_decompressed_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(idx, "MAX_BYTES", 1000)
    path = tmp_path / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(idx_bytes(np.zeros(992, np.uint8))))
    assert len(read_idx(path, 1)) == 992
    path.write_bytes(gzip.compress(idx_bytes(np.zeros(993, np.uint8))))
    with pytest.raises(InputError, match="more than 1000 bytes"):
        read_idx(path, 1)


def write_pair(folder, images, labels):
    paths = folder / "images", folder / "labels"
    for path, array in zip(paths, (images, labels), strict=True):
        path.write_bytes(idx_bytes(np.asarray(array)))
    return paths


def test_images_come_with_their_labels(tmp_path):
    images, labels = random_array(10, 4, 4), np.arange(10)
    found = read_idx_pair(*write_pair(tmp_path, images, labels))
    assert np.array_equal(found[0], images) and np.array_equal(found[1], labels)


@pytest.mark.parametrize(
    ("images", "labels", "wrong"),
    [
        (random_array(3, 4, 4), [1, 2], "2 labels for the 3 images of"),
        (random_array(3, 4, 4), [1, 9, 10], "item 2: label 10; allowed are 0 to 9"),
        (random_array(0, 4, 4), [], "no items"),
    ],
)
def test_a_pair_that_does_not_fit_together_is_refused(tmp_path, images, labels, wrong):
    paths = write_pair(tmp_path, images, labels)
    with pytest.raises(InputError) as refused:
        read_idx_pair(*paths)
    assert str(refused.value).startswith(f"{paths[1]}: ")
    assert wrong in str(refused.value)


MNIST = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
EMNIST = (
    "emnist-digits-train-images-idx3-ubyte.gz",
    "emnist-digits-train-labels-idx1-ubyte.gz",
    "emnist-digits-test-images-idx3-ubyte.gz",
    "emnist-digits-test-labels-idx1-ubyte.gz",
)
DOTTED = tuple(name.replace("-idx", ".idx") for name in MNIST)


@pytest.mark.parametrize("names", [MNIST, tuple(f"{name}.gz" for name in MNIST), EMNIST, DOTTED])
def test_published_names_are_found(tmp_path, names):
    for name in (*names, "README.txt", "train.csv", "emnist-digits-mapping.txt"):
        (tmp_path / name).touch()
    train_images, train_labels, test_images, test_labels = (tmp_path / name for name in names)
    assert find_idx_folder(tmp_path) == {
        "train": (train_images, train_labels),
        "test": (test_images, test_labels),
    }


def test_a_folder_without_test_files_has_only_train(tmp_path):
    for name in MNIST[:2]:
        (tmp_path / name).touch()
    assert list(find_idx_folder(tmp_path)) == ["train"]


@pytest.mark.parametrize("missing", MNIST)
def test_a_missing_partner_is_asked_for(tmp_path, missing):
    for name in set(MNIST) - {missing}:
        (tmp_path / name).touch()
    split = "train" if "train" in missing else "test"
    with pytest.raises(InputError, match=f"needs {split}-images-idx3-ubyte and {split}-labels-idx1-ubyte"):
        find_idx_folder(tmp_path)


def test_two_files_that_fit_one_name_are_refused(tmp_path):
    for name in (*MNIST, "t10k-labels-idx1-ubyte.gz"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"t10k-labels-idx1-ubyte and t10k-labels-idx1-ubyte\.gz: keep one"):
        find_idx_folder(tmp_path)
