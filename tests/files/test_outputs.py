"""Outputs: whole or not at all, and the same bytes for the same content."""

import hashlib
import io
import os
import zipfile
from pathlib import Path

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from ladder.figures.style import image_grid, write_figure
from ladder.files.errors import InputError
from ladder.files.outputs import read_arrays, replacing, write_arrays, write_table


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def everything():
    return sorted(path.as_posix() for path in Path(".").rglob("*"))


def write_folder(path, content):
    path.mkdir()
    (path / "part.txt").write_text(content)


def test_a_file_appears_with_its_folders_and_nothing_beside_it():
    with replacing("deep/down/model.keras") as temporary:
        assert temporary.suffix == ".keras"
        temporary.write_text("new")
    assert Path("deep/down/model.keras").read_text() == "new"
    assert everything() == ["deep", "deep/down", "deep/down/model.keras"]


def test_the_old_file_is_there_until_the_new_one_is_whole():
    Path("a.txt").write_text("old")
    with replacing("a.txt") as temporary:
        temporary.write_text("new")
        assert Path("a.txt").read_text() == "old"
    assert Path("a.txt").read_text() == "new"


def test_the_content_is_on_the_disk_before_the_name_and_the_name_before_the_block_ends(monkeypatch):
    """Else a power loss could leave a name without content."""
    write_folder(Path("data"), "old")
    calls, sync, rename = [], os.fsync, os.replace

    def traced_sync(descriptor):
        calls.append(os.fstat(descriptor).st_ino)
        sync(descriptor)

    def traced_rename(before, after):
        calls.append("renamed")
        rename(before, after)

    monkeypatch.setattr(os, "fsync", traced_sync)
    monkeypatch.setattr(os, "replace", traced_rename)
    with replacing("data") as temporary:
        write_folder(temporary, "new")
        assert calls == []
    folder, file, above = (Path(name).stat().st_ino for name in ("data", "data/part.txt", "."))
    assert set(calls[:2]) == {folder, file} and calls[2:] == ["renamed", above]


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_no_rest(kind):
    Path("a.txt").write_text("old")
    with pytest.raises(kind), replacing("a.txt") as temporary:
        temporary.write_text("half")
        raise kind
    assert Path("a.txt").read_text() == "old"
    assert everything() == ["a.txt"]


def test_a_failure_before_anything_is_written_leaves_nothing():
    with pytest.raises(RuntimeError), replacing("a.txt"):
        raise RuntimeError
    assert everything() == []


def test_a_folder_is_replaced_as_a_whole():
    write_folder(Path("data"), "old")
    Path("data/surplus.txt").touch()
    with replacing("data") as temporary:
        write_folder(temporary, "new")
        assert Path("data/part.txt").read_text() == "old"
    assert Path("data/part.txt").read_text() == "new"
    assert everything() == ["data", "data/part.txt"]


def test_a_failure_leaves_the_old_folder_and_no_rest():
    write_folder(Path("data"), "old")
    with pytest.raises(RuntimeError), replacing("data") as temporary:
        write_folder(temporary, "half")
        raise RuntimeError
    assert Path("data/part.txt").read_text() == "old"
    assert everything() == ["data", "data/part.txt"]


def test_a_table_is_csv_with_six_digits_and_plain_line_ends():
    write_table(
        "plots/some.csv", {"n": [1, 2], "x": [0.123456789, np.float32(1 / 3)], "name": ["a,b", 'say "c"']}
    )
    assert Path("plots/some.csv").read_bytes() == b'n,x,name\n1,0.123457,"a,b"\n2,0.333333,"say ""c"""\n'


def test_a_table_of_unequal_columns_is_a_bug_and_leaves_the_old_file():
    write_table("some.csv", {"n": [1]})
    with pytest.raises(ValueError):
        write_table("some.csv", {"n": [1, 2], "x": [1]})
    assert Path("some.csv").read_bytes() == b"n\n1\n"
    assert everything() == ["some.csv"]


ARRAYS = {"weights": np.linspace(0, 1, 12).reshape(3, 4), "bias": np.array(3, np.int16)}


def test_arrays_come_back_with_types_and_shapes():
    write_arrays("some.npz", ARRAYS)
    found = read_arrays("some.npz", ["bias", "weights"])
    assert list(found) == ["bias", "weights"]
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


def test_the_same_arrays_are_the_same_bytes():
    write_arrays("one.npz", ARRAYS)
    write_arrays("two.npz", {name: array.copy() for name, array in ARRAYS.items()})
    assert Path("one.npz").read_bytes() == Path("two.npz").read_bytes()
    with zipfile.ZipFile("one.npz") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}


def test_the_bytes_of_arrays_do_not_depend_on_the_version_of_python():
    """Seen with 3.11.2, 3.11.7, 3.12.1 and 3.13.0; what `np.savez` writes differs between the first two."""
    write_arrays("some.npz", ARRAYS)
    written = hashlib.sha256(Path("some.npz").read_bytes()).hexdigest()
    assert written == "6de5441ffcfa095e8b5c53784bdc6bce9a28a6134d109603bf45ff72a5ed277e"


def test_objects_are_not_written_as_arrays():
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        write_arrays("some.npz", {"weights": np.array([{}], object)})
    assert everything() == []


def zip_of(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npy_header(text):
    return b"\x93NUMPY\x01\x00v\x00" + text.encode().ljust(117) + b"\n"


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


GOOD = npz(a=np.arange(30))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        GOOD[:200],
        GOOD[:150] + bytes([GOOD[150] ^ 255]) + GOOD[151:],
        npz(a=np.array([{1: 2}], object)),
        npy(np.arange(3)),
        zip_of({"a.npy": b"no array"}),
        zip_of({"a": b"no array"}),
        zip_of({"a.npy": npy_header("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }")}),
        zip_of({"a.npy": npy_header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({10**15},), }}")}),
        zip_of({"a.npy": npy_header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }")}),
        zip_of({"a.npy": npy_header("{'descr': ")}),
    ],
    ids=[
        "empty",
        "text",
        "cut",
        "damaged",
        "object",
        "npy",
        "no array",
        "no npy",
        "no data",
        "too large",
        "object without data",
        "broken header",
    ],
)
def test_what_holds_no_plain_arrays_is_refused(content):
    Path("some.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"^some\.npz: not a readable \.npz of plain arrays"):
        read_arrays("some.npz", ["a"])


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c"], ["a", "c"]])
def test_other_names_than_expected_are_refused(names):
    write_arrays("some.npz", {"a": np.zeros(1), "b": np.zeros(1)})
    with pytest.raises(InputError, match=r"^some\.npz: holds the arrays \['a', 'b'\], expected"):
        read_arrays("some.npz", names)


def test_a_missing_file_is_refused_with_the_command_that_makes_it():
    with pytest.raises(InputError, match=r"^some\.npz: no such file; `dvc repro` makes it$"):
        read_arrays("some.npz", ["a"])


def test_the_same_figure_is_the_same_bytes_without_a_version():
    for name in ("one.png", "two.png"):
        figure, axes = plt.subplots(figsize=(2, 1))
        axes.plot([1, 2, 4], label="loss")
        axes.legend()
        write_figure(name, figure)
        plt.close(figure)
    content = Path("one.png").read_bytes()
    assert content.startswith(b"\x89PNG") and b"Matplotlib" not in content
    assert content == Path("two.png").read_bytes()


@pytest.mark.parametrize(("count", "texts"), [(0, ["none"]), (2, ["seven", "seven"])])
def test_a_sheet_without_pictures_says_so(count, texts):
    figure = image_grid(np.zeros((count, 4, 4), np.uint8), ["seven"] * count, "The mistakes")
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == texts and len(axes.images) == count
    write_figure("sheet.png", figure)
