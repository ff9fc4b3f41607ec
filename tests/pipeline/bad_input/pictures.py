"""Driver images that are no pictures, or more than that."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from tests.pipeline.bad_input.driver_lists import driver_set
from tests.pipeline.bad_input.place import Bad, put, stage

PICTURE = "set/imgs/train/c3/img_31.jpg"
REFUSED = (f"{PICTURE}: not a readable image (BMP, GIF, JPEG, PNG, WEBP): ",)
PIXELS = "pixels; allowed are 50,000,000, or 200,000,000 in a JPEG that is not progressive"


def image(kind: str, **options: object) -> bytes:
    """Noise as a picture of this format."""
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def png(width: int, height: int) -> bytes:
    """A PNG whose header promises this size and whose data is a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


def jpeg(width: int, height: int, progressive: bool = False) -> bytes:
    """A JPEG whose header promises this size."""
    content = image("JPEG", progressive=progressive)
    size = content.index(b"\xff\xc2" if progressive else b"\xff\xc0") + 5
    return content[:size] + struct.pack(">HH", height, width) + content[size + 4 :]


def gif(width: int, height: int) -> bytes:
    """A GIF of 8×8 pixels whose one frame promises this size."""
    content = image("GIF")
    frame = content.index(b"\x2c\0\0\0\0")
    return content[: frame + 5] + struct.pack("<HH", width, height) + content[frame + 9 :]


def jpeg_with_exif(tag: int, kind: int, count: int, value: int) -> bytes:
    """A JPEG whose EXIF turns it, so that all of it is read, and holds this entry as well."""
    entries = struct.pack("<HHII", tag, kind, count, value) + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    buffer = io.BytesIO()
    exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0" + entries + bytes(4)
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def picture(name: str, content: bytes | str, *words: str) -> Bad:
    """Other content in one picture of the set."""
    return Bad(name, put(PICTURE, content), words or REFUSED)


JPEG, PNG = image("JPEG"), image("PNG")
PLACE = stage(
    "split-driver-images",
    driver_set,
    picture("no bytes", b""),
    picture("two bytes", b"\xff\xd8"),
    picture("a JPEG cut in its header", JPEG[:10]),
    picture("a JPEG cut", JPEG[:1500]),
    picture("a PNG cut", PNG[:1500]),
    picture("a PNG damaged", PNG[:100] + bytes(20) + PNG[120:]),
    picture("a GIF cut", image("GIF")[:1500]),
    picture("a WebP cut", image("WEBP")[:1500]),
    picture("text", "subject,classname,img\np1,c0,img_1.jpg\n"),
    picture("a drawing", b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
    picture("a program for a printer", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(ran) run\n"),
    picture("a TIFF", image("TIFF")),
    picture("too little data", png(64, 64)),
    picture("an unknown part", png(64, 64).replace(b"IEND", b"\1\2\3\4")),
    picture("EXIF width as text", jpeg_with_exif(0x0100, 2, 4, 0x41414141)),
    picture("EXIF resolution as text", jpeg_with_exif(0x011A, 2, 4, 0x41414141)),
    picture("a PNG that is a bomb", png(50_000, 50_000), f"{PICTURE}: more than 200,000,000 {PIXELS}"),
    picture("a JPEG that is a bomb", jpeg(50_000, 50_000), PICTURE, "pixels"),
    picture("a GIF that is a bomb", gif(50_000, 50_000), PICTURE, "pixels"),
    picture("a large PNG", png(10_000, 10_000), f"{PICTURE}: 10000×10000 {PIXELS}"),
    picture("a large JPEG", jpeg(16_000, 12_501), f"{PICTURE}: more than 200,000,000 {PIXELS}"),
    picture("a large progressive JPEG", jpeg(10_000, 10_000, True), f"{PICTURE}: 10000×10000 {PIXELS}"),
    picture("a PNG just too large", png(50_000, 1_001), f"{PICTURE}: 50000×1001 {PIXELS}"),
    Bad(
        "a folder",
        lambda: (Path(PICTURE).unlink(), Path(PICTURE).mkdir()),
        ("set/driver_imgs_list.csv: row 15: no image ", PICTURE),
    ),
    kind="pictures",
)
