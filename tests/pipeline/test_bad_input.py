"""Every bad input: one line on stderr that says where and what is allowed, exit code 1, nothing overwritten.

The inputs are in tests/pipeline/bad_input/, a module for each kind.
"""

import os
import tempfile
from pathlib import Path

import pytest

from ladder.files.errors import run_command
from tests.pipeline.bad_input import (
    archives,
    digit_files,
    driver_lists,
    models,
    params_file,
    pictures,
    vgg_files,
)

PLACES = [
    params_file.PLACE,
    driver_lists.PLACE,
    pictures.PLACE,
    digit_files.IDX,
    digit_files.NUMPY,
    vgg_files.NPZ,
    vgg_files.H5,
    vgg_files.FEATURES,
    models.PLACE,
    archives.PLACE,
]


@pytest.fixture
def folder(monkeypatch):
    """An empty folder, removed at once: a VGG16 base takes 59 MB."""
    with tempfile.TemporaryDirectory() as name:
        monkeypatch.chdir(name)
        yield Path(name)
        monkeypatch.undo()


def everything(folder):
    """What is below a folder: the bytes of files, where links lead, and folders."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_symlink():
            found[path] = os.readlink(path)
        else:
            found[path] = path.read_bytes() if path.is_file() else None
    return found


def write_earlier_outputs(outputs):
    for output in map(Path, outputs):
        if output.suffix:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_bytes(b"earlier")
        else:
            output.mkdir(parents=True)
            (output / "earlier").touch()


@pytest.mark.parametrize("place", PLACES, ids=[place.name for place in PLACES])
def test_the_same_input_undamaged_is_accepted(place, folder):
    place.prepare()
    before = everything(folder)
    run_command(place.run)
    after = everything(folder)
    assert {path: after.get(path) for path in before} == before
    assert all((folder / output).exists() for output in place.outputs)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning", "ignore:Duplicate name")
@pytest.mark.parametrize(
    ("place", "bad"),
    [(place, bad) for place in PLACES for bad in place.rows],
    ids=[f"{place.name}: {bad.name}" for place in PLACES for bad in place.rows],
)
def test_bad_input_is_one_line_and_overwrites_nothing(place, bad, folder, capfd):
    place.prepare()
    bad.damage()
    write_earlier_outputs(place.outputs)
    before = everything(folder)
    capfd.readouterr()
    with pytest.raises(SystemExit) as stopped:
        run_command(place.run)
    line = capfd.readouterr().err
    assert stopped.value.code == 1
    assert line.startswith("error: ") and line.endswith("\n") and line.count("\n") == 1
    assert [words for words in bad.words if words not in line] == [], line
    assert line[:-1].isprintable()
    assert everything(folder) == before


def test_names_are_unique():
    names = [(place.name, bad.name) for place in PLACES for bad in place.rows]
    assert len(set(names)) == len(names)
