"""Zip archives that are not State Farm's, or would write where they should not."""

import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tests.pipeline.bad_input.place import Bad, put, reader
from tools.drivers import unpack_drivers

ARCHIVE, TARGET = Path("state-farm.zip"), unpack_drivers.FOLDER
CSV = "driver_imgs_list.csv"
FILES = {
    CSV: b"subject,classname,img\np1,c0,img_1.jpg\np2,c9,img_2.jpg\n",
    "imgs/train/c0/img_1.jpg": b"first picture" * 20,
    "imgs/train/c9/img_2.jpg": b"second picture",
}


def write_archive(
    members: Mapping[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_STORED
) -> None:
    with zipfile.ZipFile(ARCHIVE, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def good_archive() -> None:
    write_archive(FILES)
    TARGET.parent.mkdir(parents=True)


def larger_than_it_says() -> None:
    """A picture of a million bytes that its headers say are a thousand."""
    write_archive(FILES | {"imgs/train/c9/img_2.jpg": bytes(10**6)}, zipfile.ZIP_DEFLATED)
    content = ARCHIVE.read_bytes()
    sizes = [size.to_bytes(4, "little") for size in (10**6, 1000)]
    assert content.count(sizes[0]) == 2
    ARCHIVE.write_bytes(content.replace(*sizes))


def more(name: str, member: str, *words: str, mode: int = 0, without: str = "") -> Bad:
    """One member more, of this mode, and perhaps another less."""

    def damage() -> None:
        entry = zipfile.ZipInfo(member)
        entry.external_attr = mode << 16
        kept = {key: content for key, content in FILES.items() if key != without}
        write_archive(kept | {entry: b"/etc/passwd"})

    return Bad(name, damage, (f"{ARCHIVE}: ", *words))


def edited(name: str, old: bytes, new: bytes, *words: str) -> Bad:
    """Other bytes in the archive, wherever the old ones are."""

    def damage() -> None:
        content = ARCHIVE.read_bytes()
        assert old in content
        ARCHIVE.write_bytes(content.replace(old, new))

    return Bad(name, damage, (f"{ARCHIVE}: ", *words))


def promised(size: int) -> bytes:
    """The sizes of the second picture in its headers, with another size once unpacked."""
    return len(FILES["imgs/train/c9/img_2.jpg"]).to_bytes(4, "little") + size.to_bytes(4, "little")


OUT = "leads out of the folder; allowed are names below it"
KIND = "is a link or a device; allowed are files and folders"
TWICE = "is there twice; allowed is once"
PLACE = reader(
    "unpack_drivers",
    good_archive,
    lambda: unpack_drivers.main([str(ARCHIVE)]),
    more("a path upwards", "../evil.jpg", "'../evil.jpg'", OUT),
    more("a picture's path upwards", "imgs/train/c0/../../../../evil.jpg", OUT),
    more("a path upwards as on Windows", "imgs\\..\\..\\evil.jpg", OUT),
    more("an absolute name", "/tmp/evil.jpg", "'/tmp/evil.jpg'", OUT),
    more("a drive's name", "C:evil.jpg", "'C:evil.jpg'", OUT),
    more("a link for a picture", "imgs/train/c1/img_3.jpg", "img_3.jpg'", KIND, mode=stat.S_IFLNK | 0o777),
    more("a link for a folder", "imgs/train/c1", "'imgs/train/c1'", KIND, mode=stat.S_IFLNK | 0o777),
    more("a pipe", "imgs/train/c1/img_3.jpg", KIND, mode=stat.S_IFIFO | 0o666),
    more("a name in capitals", "imgs/train/c0/img_1.jpg", "'imgs/train/c0/img_1.jpg'", TWICE),
    more("no list", "other.csv", f"no {CSV}; needed are {CSV} and imgs/train/c0", without=CSV),
    Bad("no pictures", lambda: write_archive({CSV: b""}), (f"{ARCHIVE}: no pictures; needed are {CSV}",)),
    Bad("no archive", put(ARCHIVE, b"no archive"), (f"{ARCHIVE}: not a readable zip archive",)),
    Bad("no bytes", put(ARCHIVE, b""), (f"{ARCHIVE}: not a readable zip archive",)),
    Bad("no file", ARCHIVE.unlink, (f"{ARCHIVE}: no such file",)),
    Bad("cut", lambda: ARCHIVE.write_bytes(ARCHIVE.read_bytes()[:-30]), (f"{ARCHIVE}: not a readable zip",)),
    edited("another checksum", b"second picture", b"second pictxre", "not a readable zip archive", "CRC"),
    edited("too large once unpacked", promised(14), promised(2**32 - 2), "bytes once unpacked; allowed are"),
    Bad("larger than it says", larger_than_it_says, (f"{ARCHIVE}: not a readable zip archive", "CRC")),
    Bad("a folder that holds something", put(TARGET / CSV, b"mine"), (f"{TARGET}: is there already",)),
    Bad("a file for the folder", put(TARGET, b"mine"), (f"{TARGET}: is there already; allowed is a new",)),
    Bad(
        "a link for the folder",
        lambda: TARGET.symlink_to("/nowhere"),
        (f"{TARGET}: is there already; allowed is a new or an empty folder",),
    ),
)
