"""Driver images: the list and the pictures are checked before anything learns from them."""

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.core.errors import InputError
from stages.datasets.driver_images import (
    CSV_NAME,
    MANIFEST,
    labels_of,
    load_image,
    load_images,
    one_hot,
    read_image_list,
    read_manifest,
    rows_by_split,
)

ROOT = Path(__file__).resolve().parent.parent
SOURCE = Path("set") / CSV_NAME


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def picture(path, mode="RGB", colour=(200, 100, 50), size=(8, 6), **options):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path, **options)
    return path


@pytest.fixture
def driver_set():
    """Pictures of two drivers; returns a function that lists rows in the CSV."""
    for name in ("c0/img_1.jpg", "c0/img_2.jpg", "c1/img_1.jpg", "c1/img_3.png", "c9/img_4.jpg"):
        picture(Path("set/imgs/train") / name)
    picture("elsewhere.jpg")

    def write(*rows, header="subject,classname,img"):
        SOURCE.write_text("\n".join((header, *rows)) + "\n", "utf-8")

    write("p2,c9,img_4.jpg", "p1,c0,img_2.jpg", "p1,c1,img_3.png", "p2,c0,img_1.jpg")
    return write


def test_the_list_is_sorted_by_path(driver_set):
    assert read_image_list(Path("set")).to_dict("list") == {
        "path": [
            f"imgs/train/{name}" for name in ("c0/img_1.jpg", "c0/img_2.jpg", "c1/img_3.png", "c9/img_4.jpg")
        ],
        "class": ["c0", "c0", "c1", "c9"],
        "subject": ["p2", "p1", "p1", "p2"],
    }


def test_the_root_itself_may_be_a_link(driver_set):
    Path("linked").symlink_to("set", target_is_directory=True)
    assert read_image_list(Path("linked")).equals(read_image_list(Path("set")))


def test_files_that_are_not_listed_are_left_alone(driver_set):
    driver_set("p1,c0,img_2.jpg")
    assert read_image_list(Path("set"))["path"].tolist() == ["imgs/train/c0/img_2.jpg"]


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ([], "no rows"),
        (["p1,c10,img_1.jpg"], "row 2: classname 'c10'; allowed are c0 to c9"),
        (["p1,C0,img_1.jpg"], "row 2: classname 'C0'"),
        (["p1,../train/c0,img_1.jpg"], "row 2: classname '../train/c0'"),
        (["p2,c0,img_1.jpg", "p1,c0,img_9.jpg"], "row 3: no image set/imgs/train/c0/img_9.jpg"),
        (["p1,c2,img_1.jpg"], "row 2: no image set/imgs/train/c2/img_1.jpg"),
        (["p1,c0,."], "row 2: "),
        ([f"p1,c0,{'x' * 300}.jpg"], "row 2: "),
        (["p1,c0,img_\0.jpg"], "row 2: "),
        (["p1,c0,../../../../elsewhere.jpg"], "row 2: img '../../../../elsewhere.jpg'"),
        (["p1,c0,../c1/img_3.png"], "row 2: img '../c1/img_3.png'"),
        (["p1,c0,./img_1.jpg"], "row 2: img './img_1.jpg'"),
        (["p1,c0,/elsewhere.jpg"], "row 2: img '/elsewhere.jpg'"),
        (["p1,c0,linked.jpg"], "row 2: img 'linked.jpg' lies outside set"),
        (["p1,c0,loop.jpg"], "row 2: "),
        (["p1,c0,img_1.jpg", "p1,c0,img_1.jpg"], "row 3: img 'img_1.jpg' is listed before"),
        (["p1,c0,img_1.jpg", "p2,c0,img_1.jpg"], "row 3: img 'img_1.jpg' is listed before"),
        (["p1,c0,img_1.jpg", "p1,c1,img_1.jpg"], "row 3: img 'img_1.jpg' is listed before"),
        (["p1,c0,img_1.jpg", ",c0,img_2.jpg"], "row 3: subject is empty"),
        (["p1,c0,img_1.jpg", "", "p1,c0,img_9.jpg"], "row 4: no image"),
    ],
)
def test_a_list_that_does_not_fit_is_refused_by_row(driver_set, rows, wrong):
    Path("set/imgs/train/c0/linked.jpg").symlink_to(Path("elsewhere.jpg").absolute())
    Path("set/imgs/train/c0/loop.jpg").symlink_to("loop.jpg")
    driver_set(*rows)
    with pytest.raises(InputError) as refused:
        read_image_list(Path("set"))
    assert str(refused.value).startswith(f"{SOURCE}: ")
    assert wrong in str(refused.value)


@pytest.mark.parametrize("missing", ["subject", "classname", "img"])
def test_a_missing_column_is_named(driver_set, missing):
    driver_set("p1,c0,img_1.jpg", header="subject,classname,img".replace(missing, "other"))
    with pytest.raises(InputError, match=f"no column '{missing}'"):
        read_image_list(Path("set"))


def test_a_set_without_its_list_is_refused():
    with pytest.raises(InputError, match=r"^nowhere/driver_imgs_list\.csv: no such file"):
        read_image_list(Path("nowhere"))


MANIFEST_ROWS = """path,class,subject,by_image,by_driver
a.jpg,c0,p1,train,train
b.jpg,c9,p2,val,test
c.jpg,c3,p3,test,val
d.jpg,c3,p1,test,train
"""


def test_the_manifest_gives_labels_in_its_order():
    MANIFEST.parent.mkdir()
    MANIFEST.write_text(MANIFEST_ROWS)
    manifest = read_manifest()
    assert labels_of(manifest).tolist() == [0, 9, 3, 3]
    assert one_hot(labels_of(manifest)).argmax(axis=1).tolist() == [0, 9, 3, 3]
    by_image, by_driver = rows_by_split(manifest, "image"), rows_by_split(manifest, "driver")
    assert {split: rows.tolist() for split, rows in by_image.items()} == {
        "train": [0],
        "val": [1],
        "test": [2, 3],
    }
    assert {split: rows.tolist() for split, rows in by_driver.items()} == {
        "train": [0, 3],
        "val": [2],
        "test": [1],
    }


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("c9", "9", "row 3: class '9'"),
        ("p3,test", "p3,tset", "row 4: by_image 'tset'"),
        ("p2,val,test", "p2,val,tset", "row 3: by_driver 'tset'"),
        ("by_driver", "by_drivers", "no column 'by_driver'"),
        ("d.jpg,c3,p1,test,train", "d.jpg,c3,p1,test,test", "by_driver: p1 is in train and test"),
    ],
)
def test_a_damaged_manifest_is_refused(old, new, wrong):
    MANIFEST.parent.mkdir()
    MANIFEST.write_text(MANIFEST_ROWS.replace(old, new))
    with pytest.raises(InputError, match=wrong):
        read_manifest()


@pytest.mark.parametrize(
    ("name", "mode", "colour", "rgb"),
    [
        ("rgb.jpg", "RGB", (200, 100, 50), (200, 100, 50)),
        ("rgb.png", "RGB", (200, 100, 50), (200, 100, 50)),
        ("grey.jpg", "L", 77, (77, 77, 77)),
        ("grey.png", "L", 77, (77, 77, 77)),
        ("grey_alpha.png", "LA", (77, 3), (77, 77, 77)),
        ("bilevel.png", "1", 1, (255, 255, 255)),
        ("alpha.png", "RGBA", (200, 100, 50, 255), (200, 100, 50)),
        ("transparent.png", "RGBA", (200, 100, 50, 0), (200, 100, 50)),
        ("deep.png", "I;16", 65535, (255, 255, 255)),
        ("inks.jpg", "CMYK", (0, 255, 255, 0), (255, 0, 0)),
    ],
)
def test_every_kind_of_picture_becomes_rgb(name, mode, colour, rgb):
    pixels = load_image(picture(name, mode, colour), 5)
    assert pixels.shape == (5, 5, 3) and pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - rgb).max() <= 2


@pytest.mark.filterwarnings("ignore:Palette images with Transparency")
@pytest.mark.parametrize("transparency", [0, b"\0\x80"], ids=["one colour", "per colour"])
def test_a_palette_with_transparency_becomes_rgb(transparency):
    image = Image.new("P", (8, 6), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    image.save("palette.png", transparency=transparency)
    assert (load_image(Path("palette.png"), 4) == (200, 100, 50)).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1)])
def test_a_picture_one_pixel_wide_or_high_is_stretched(size):
    assert (load_image(picture("thin.png", size=size), 7) == (200, 100, 50)).all()


TURNED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("name", ["turned.jpg", "turned.png"])
def test_a_picture_is_turned_upright(name, orientation):
    corners = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
    upright = Image.fromarray(corners.repeat(32, axis=0).repeat(32, axis=1))
    stored = upright if TURNED[orientation] is None else upright.transpose(TURNED[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(name, exif=exif)
    pixels = load_image(Path(name), 64)
    quarters = pixels[16::32, 16::32].astype(int)
    assert np.abs(quarters - corners).max() < 30


def png(width, height):
    """A PNG whose header promises this size and whose data is a few bytes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


def noise_file(kind):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def jpeg_with_exif(tag, kind, count, value):
    """A JPEG whose EXIF turns it, so that all of it is read, and holds this entry as well."""
    entries = struct.pack("<HHII", tag, kind, count, value) + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    buffer = io.BytesIO()
    exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0" + entries + bytes(4)
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "not a readable image"),
        (b"\xff\xd8", "not a readable image"),
        (noise_file("JPEG")[:10], "not a readable image"),
        (noise_file("JPEG")[:1500], "not a readable image"),
        (noise_file("PNG")[:1500], "not a readable image"),
        (noise_file("PNG")[:100] + bytes(20) + noise_file("PNG")[120:], "not a readable image"),
        (b"subject,classname,img\np1,c0,img_1.jpg\n", "not a readable image"),
        (png(64, 64), "not a readable image"),
        (png(64, 64).replace(b"IEND", b"\1\2\3\4"), "not a readable image"),
        (jpeg_with_exif(0x0100, 2, 4, 0x41414141), "not a readable image"),
        (jpeg_with_exif(0x011A, 2, 4, 0x41414141), "not a readable image"),
        (png(50_000, 50_000), "pixels"),
        (png(10_000, 10_000), "10000×10000 pixels; allowed are 50,000,000"),
        (png(50_000, 1_001), "50000×1001 pixels; allowed are 50,000,000"),
    ],
    ids=[
        "no bytes",
        "two bytes",
        "cut in the header",
        "cut JPEG",
        "cut PNG",
        "damaged PNG",
        "text",
        "too little data",
        "unknown part",
        "EXIF width as text",
        "EXIF resolution as text",
        "bomb",
        "large",
        "just too large",
    ],
)
def test_what_is_no_picture_is_refused_in_one_line(content, wrong):
    path = Path("img_1.jpg")
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        load_image(path, 8)
    assert str(refused.value).startswith("img_1.jpg: ")
    assert wrong in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_picture_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"^img_1\.jpg: no such file$"):
        load_image(Path("img_1.jpg"), 8)
    with pytest.raises(InputError, match="not a readable image"):
        load_image(tmp_path, 8)


def test_a_refused_picture_is_no_reason_for_a_warning():
    Path("large.png").write_bytes(png(10_000, 10_000))
    program = (
        "from pathlib import Path\n"
        "from stages.core.errors import run_stage\n"
        "from stages.datasets.driver_images import load_image\n"
        "run_stage(lambda: load_image(Path('large.png'), 8))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [done.stderr.rstrip("\n")]
    assert done.stderr.startswith("error: large.png: ")


def test_pictures_come_in_the_order_asked_for():
    names = [f"{number}.png" for number in range(40)]
    for number, name in enumerate(names):
        picture(name, colour=(number, number, number))
    loaded = load_images(Path("."), names[::-1], 4)
    assert loaded.shape == (40, 4, 4, 3)
    assert loaded[:, 0, 0, 0].tolist() == list(range(40))[::-1]


def test_one_bad_picture_among_many_is_named():
    names = [f"{number}.png" for number in range(10)]
    for name in names:
        picture(name)
    Path("7.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"^7\.png: "):
        load_images(Path("."), names, 4)
