"""The array of decoded images: what is in it, what is refused, and that memory holds a batch of it."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ladder.drivers import pixels as driver_pixels
from ladder.drivers.images import load_images
from ladder.drivers.pixels import PIXELS, read_pixels, write_pixels
from ladder.files.errors import InputError
from ladder.files.memory_maps import ArrayRows

SIZE = 6
COUNT = 5


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(driver_pixels, "DECODED_AT_ONCE", 2)


def write_pictures(count, size=(8, 7)):
    names = [f"{number}.png" for number in range(count)]
    for number, name in enumerate(names):
        pixels = np.random.default_rng(number).integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(name)
    return names


@pytest.fixture
def names():
    """Five pictures whose pixels have been written."""
    names = write_pictures(COUNT)
    write_pixels(Path("."), names, SIZE)
    return names


def test_images_are_in_the_order_of_their_names(names):
    assert np.array_equal(read_pixels(COUNT, SIZE), load_images(Path("."), names, SIZE))


@pytest.mark.usefixtures("names")
def test_rows_are_sliced_and_indexed_like_an_array():
    chosen = np.array([4, 0, 2])
    rows, whole = ArrayRows(read_pixels(COUNT, SIZE), chosen), np.array(read_pixels(COUNT, SIZE))[chosen]
    assert len(rows) == 3 and whole.dtype == np.uint8 and whole.shape == (3, SIZE, SIZE, 3)
    assert np.array_equal(rows[1:9], whole[1:9])
    assert np.array_equal(rows[np.array([2, 0, 2])], whole[[2, 0, 2]])
    assert rows[np.array([], np.int64)].shape == (0, SIZE, SIZE, 3)


def test_a_bad_picture_leaves_what_was_there_and_no_temporary_file(names):
    before = PIXELS.read_bytes()
    Path("3.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"^3\.png: not a readable image"):
        write_pixels(Path("."), names, SIZE)
    assert PIXELS.read_bytes() == before
    assert list(PIXELS.parent.iterdir()) == [PIXELS]


def peak_bytes(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_writing_holds_a_batch_in_memory_and_not_the_set():
    names = write_pictures(40)
    write_pixels(Path("."), names[:1], 200)  # whatever is set up at the first use
    one = 200 * 200 * 3
    assert peak_bytes(lambda: write_pixels(Path("."), names, 200)) < 12 * one


def test_reading_takes_the_memory_of_a_batch():
    PIXELS.parent.mkdir()
    count, size = 4000, 224  # 0.6 GB, all holes
    np.lib.format.open_memmap(PIXELS, "w+", np.uint8, (count, size, size, 3))

    def read_two_batches():
        images = ArrayRows(read_pixels(count, size), np.arange(0, count, 2))
        assert images[np.arange(0, 2000, 250)].shape == (8, size, size, 3)
        assert images[8:16].shape == (8, size, size, 3)

    assert peak_bytes(read_two_batches) < 3 * 8 * size * size * 3
