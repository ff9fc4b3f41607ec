"""Unpacking State Farm's archive; archives that are refused are in tests/pipeline/bad_input/archives.py."""

import zipfile
from pathlib import Path

import pytest

from ladder.files.errors import InputError
from tests.pipeline.bad_input.archives import ARCHIVE, FILES, write_archive
from tools.drivers import unpack_drivers


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def unpacked(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_list_and_the_training_pictures_are_taken_and_nothing_else(compression, capsys):
    others = {"imgs/test/img_9.jpg": b"test", "sample_submission.csv": b"img,c0\n", "imgs/train/c0/": b""}
    others |= {"imgs/train/c0/._img_1.jpg": b"Mac", "__MACOSX/imgs/train/c0/._img_1.jpg": b"Mac"}
    write_archive(FILES | others, compression=compression)
    unpack_drivers.main([str(ARCHIVE)])
    assert unpacked(Path("data/raw/state-farm")) == FILES
    assert capsys.readouterr().out == "2 pictures; in params.yaml, set drivers.root: data/raw/state-farm\n"


def test_another_folder_may_be_named_and_may_be_empty():
    write_archive(FILES)
    Path("mine").mkdir()
    unpack_drivers.main([str(ARCHIVE), "--to", "mine"])
    assert unpacked(Path("mine")) == FILES


def test_what_was_unpacked_is_not_replaced():
    write_archive(FILES)
    unpack_drivers.main([str(ARCHIVE)])
    with pytest.raises(InputError, match=r"^data/raw/state-farm: is there already"):
        unpack_drivers.main([str(ARCHIVE)])


def test_the_bound_is_exact(monkeypatch):
    write_archive(FILES)
    size = sum(map(len, FILES.values()))
    monkeypatch.setattr(unpack_drivers, "MAX_BYTES", size - 1)
    with pytest.raises(InputError, match=f"{size:,} bytes once unpacked; allowed are {size - 1:,}"):
        unpack_drivers.main([str(ARCHIVE)])
    monkeypatch.setattr(unpack_drivers, "MAX_BYTES", size)
    unpack_drivers.main([str(ARCHIVE)])
