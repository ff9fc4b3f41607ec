"""Driver images: the list and the pictures are checked before anything learns from them.

What is refused is in tests/pipeline/bad_input/driver_lists.py and tests/pipeline/bad_input/pictures.py.
"""

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ladder.drivers.images import (
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
from ladder.drivers.pictures import to_rgb
from ladder.files.errors import InputError
from tests.pipeline.bad_input.pictures import jpeg, png

ROOT = Path(__file__).resolve().parents[2]
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


def test_a_driver_may_not_have_a_second_spelling_with_more_spaces(driver_set):
    driver_set("Zoë A,c0,img_1.jpg", "Zoë  A,c0,img_2.jpg")
    with pytest.raises(InputError, match=r"row 3: subject 'Zoë  A' is 'Zoë A' in row 2"):
        read_image_list(Path("set"))


def test_a_row_for_what_a_mac_leaves_beside_a_file_is_no_image(driver_set, capsys):
    driver_set("p1,c0,._img_2.jpg", "p1,c0,img_2.jpg", "p1,c0,.DS_Store")
    assert read_image_list(Path("set"))["path"].tolist() == ["imgs/train/c0/img_2.jpg"]
    assert capsys.readouterr().out.startswith(f"{SOURCE}: 2 rows left out, such as '._img_2.jpg': ")


def test_files_that_are_not_listed_are_left_alone(driver_set):
    driver_set("p1,c0,img_2.jpg")
    assert read_image_list(Path("set"))["path"].tolist() == ["imgs/train/c0/img_2.jpg"]


LIST = "subject,classname,img\np1,c0,img_1.jpg\np2,c9,img_4.jpg\n"


@pytest.mark.parametrize(
    "content",
    [
        LIST.encode("utf-8-sig"),
        LIST.replace("\n", "\r\n").encode(),
        LIST.replace("p1", '"p1"').rstrip("\n").encode(),
        b"img,date,classname,subject\nimg_1.jpg,monday,c0,p1\nimg_4.jpg,,c9,p2\n",
    ],
    ids=["byte order mark", "Windows line ends", "quotes and no last line end", "other columns"],
)
def test_lists_are_read_as_programs_write_them(driver_set, content):
    SOURCE.write_bytes(content)
    assert read_image_list(Path("set")).to_numpy().tolist() == [
        ["imgs/train/c0/img_1.jpg", "c0", "p1"],
        ["imgs/train/c9/img_4.jpg", "c9", "p2"],
    ]


@pytest.mark.parametrize("name", ["two words.jpg", "Zürich 東京.jpg", "a,b.jpg", "no_suffix", "-rf.jpg"])
def test_names_of_pictures_and_drivers_may_hold_what_shows(driver_set, name):
    (Path("set/imgs/train/c0") / name).write_bytes(Path("elsewhere.jpg").read_bytes())
    driver_set(f'"Zoë, 2nd",c0,"{name}"')
    listed = read_image_list(Path("set"))
    assert listed.to_numpy().tolist() == [[f"imgs/train/c0/{name}", "c0", "Zoë, 2nd"]]
    assert load_images(Path("set"), listed["path"], 4).shape == (1, 4, 4, 3)


MANIFEST_ROWS = """path,class,subject,by_image,by_driver,by_fold_1
a.jpg,c0,p1,train,train,train
b.jpg,c9,p2,val,test,val
c.jpg,c3,p3,test,val,test
d.jpg,c3,p1,test,train,train
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
        ("deep_grey.png", "I;16", 40_000, (156, 156, 156)),
        ("deep_black.png", "I;16", 255, (1, 1, 1)),
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


def test_a_missing_picture_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"^img_1\.jpg: no such file$"):
        load_image(Path("img_1.jpg"), 8)
    with pytest.raises(InputError, match="not a readable image"):
        load_image(tmp_path, 8)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "MPO"])
def test_an_animation_under_another_name_is_its_first_frame(kind):
    frames = [Image.new("RGB", (8, 6), colour) for colour in ((200, 100, 50), (0, 0, 255))]
    frames[0].save("img_1.jpg", kind, save_all=True, append_images=frames[1:])
    assert np.abs(load_image(Path("img_1.jpg"), 4).astype(int) - (200, 100, 50)).max() <= 2


def deep_ramp(**options):
    """A 16-bit grey PNG that is black on the left and white on the right."""
    Image.fromarray(np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (64, 1))).save("deep.png", **options)
    return load_image(Path("deep.png"), 64)[..., 0].astype(int)


def test_a_16_bit_grey_png_is_read_by_value_and_upright():
    ramp = np.tile(np.linspace(0, 255, 64), (64, 1))
    assert np.abs(deep_ramp() - ramp).max() <= 1
    exif = Image.Exif()
    exif[0x0112] = 6
    assert np.abs(deep_ramp(exif=exif) - ramp.T).max() <= 1


def write_deep_png(path, channels):
    """A PNG of 16 bits in each of 2 to 4 channels, which Pillow does not write: all at 40,000."""
    colour_type = {2: 4, 3: 2, 4: 6}[channels]
    rows = (b"\0" + np.full((6, channels), 40_000, ">u2").tobytes()) * 6
    header = struct.pack(">IIBBBBB", 6, 6, 16, colour_type, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        content += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    Path(path).write_bytes(content)


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_16_bits_in_each_channel_are_read_by_value(channels):
    write_deep_png("deep.png", channels)
    assert (load_image(Path("deep.png"), 4) == 156).all()


MODES = (
    "1",
    "L",
    "LA",
    "P",
    "PA",
    "RGB",
    "RGBA",
    "RGBX",
    "CMYK",
    "YCbCr",
    "HSV",
    "LAB",
    "RGBa",
    "I;16",
    "I;16B",
)


@pytest.mark.parametrize("mode", MODES)
def test_white_and_black_are_so_in_every_mode(mode):
    ramp = Image.fromarray(np.repeat(np.array([[0, 255]], np.uint8), 2, axis=0))
    if mode.startswith("I;16"):
        order = ">u2" if mode.endswith("B") else "<u2"
        values = (np.asarray(ramp).astype(np.uint16) * 257).astype(order)
        picture = Image.frombytes(mode, ramp.size, values.tobytes())
    else:
        with_alpha = {"RGBa": "RGBA", "PA": "P"}.get(mode, "RGB")
        picture = ramp.convert("RGB").convert(with_alpha).convert(mode)
    shown = np.asarray(to_rgb(picture))[0].astype(int)
    assert np.abs(shown - [[0, 0, 0], [255, 255, 255]]).max() <= 1


@pytest.mark.parametrize("mode", ["I", "F", "La"])
def test_a_mode_without_a_known_white_is_refused(mode):
    with pytest.raises(ValueError, match=r"which is white|conversion from La"):
        to_rgb(Image.new(mode, (2, 2)))


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_phone_s_largest_jpeg_is_read_at_a_reduced_size(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    left = Image.new("L", (10_000, 12_000), 60)
    left.paste(200, (5_000, 0, 10_000, 12_000))
    left.save("phone.jpg", exif=exif)
    pixels = load_image(Path("phone.jpg"), 32)[..., 0].astype(int)
    halves = np.repeat([60, 200], 16)
    expected = np.tile(halves, (32, 1)) if orientation == 1 else np.tile(halves[:, None], (1, 32))
    assert np.abs(pixels - expected).max() <= 20  # next to the edge


def test_a_jpeg_that_stays_large_at_a_reduced_size_is_refused():
    Path("long.jpg").write_bytes(jpeg(60_000, 1_000))
    assert load_image(Path("long.jpg"), 100).shape == (100, 100, 3)
    with pytest.raises(InputError, match=r"long\.jpg: 60000×1000 pixels; allowed are 50,000,000, or"):
        load_image(Path("long.jpg"), 600)


def test_pictures_are_no_reason_for_a_warning():
    """In a process of its own, as pytest has filters of its own."""
    Path("large.png").write_bytes(png(10_000, 10_000))
    picture("exif.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0cut")
    program = (
        "from pathlib import Path\n"
        "from ladder.files.errors import run_command\n"
        "from ladder.drivers.images import load_image\n"
        "load_image(Path('exif.jpg'), 8)\n"
        "run_command(lambda: load_image(Path('large.png'), 8))\n"
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
