"""IDX files: read as published, plain or compressed, and found by their published names.

Files that are refused are in tests/pipeline/bad_input/digit_files.py.
"""

import gzip

import numpy as np
import pytest

from ladder.digits import idx as idx_module
from ladder.digits.idx import find_idx_folder, read_idx, read_idx_pair
from ladder.files.errors import InputError
from tests.pipeline.bad_input.digit_files import idx


def random_array(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("shape", [(7,), (3, 5, 4)])
def test_what_was_written_is_read(tmp_path, shape, pack):
    array = random_array(*shape)
    path = tmp_path / "some-idx-ubyte"
    path.write_bytes(pack(idx(array)))
    found = read_idx(path, len(shape))
    assert found.dtype == np.uint8
    assert np.array_equal(found, array)


def test_a_file_that_grows_beyond_the_limit_when_decompressed_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(idx_module, "MAX_BYTES", 1000)
    path = tmp_path / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(idx(np.zeros(992, np.uint8))))
    assert len(read_idx(path, 1)) == 992
    path.write_bytes(gzip.compress(idx(np.zeros(993, np.uint8))))
    with pytest.raises(InputError, match="more than 1000 bytes"):
        read_idx(path, 1)


def write_pair(folder, images, labels):
    paths = folder / "images", folder / "labels"
    for path, array in zip(paths, (images, labels), strict=True):
        path.write_bytes(idx(np.asarray(array)))
    return paths


def test_images_come_with_their_labels(tmp_path):
    images, labels = random_array(10, 4, 4), np.arange(10)
    found = read_idx_pair(*write_pair(tmp_path, images, labels))
    assert np.array_equal(found[0], images) and np.array_equal(found[1], labels)


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
    others = ("README.txt", "train.csv", "emnist-digits-mapping.txt", f"._{names[0]}")
    for name in (*names, *others):
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
