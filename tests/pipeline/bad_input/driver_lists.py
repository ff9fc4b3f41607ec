"""driver_imgs_list.csv, and a set of driver images that cannot be split."""

import sys
import unicodedata
from pathlib import Path

from PIL import Image

from tests.pipeline.bad_input.place import Bad, change, put, stage, write_params

SOURCE = "set/driver_imgs_list.csv"
HEADER = "subject,classname,img"
DRIVERS = 4
LISTED = [(f"p{d}", f"c{c}", f"img_{c}{d}.jpg") for c in range(10) for d in range(DRIVERS)]
ROWS = [",".join(row) for row in LISTED]
GOOD = "\n".join([HEADER, *ROWS, ""])
SHOWN = "allowed are characters that show"
# From Python 3.13 on a circular link is no error of its own, but a file that is not there.
LINK_TO_ITSELF = "img 'img_00.jpg'" if sys.version_info < (3, 13) else "no image set/imgs/train/c0/img_00.jpg"


def driver_set() -> None:
    """A good set: each of four drivers once in each class, and a picture outside of it."""
    write_params(
        drivers={"root": "set"},
        split={"validation_share": 0.25, "test_share": 0.25, "folds": 4},
        vgg={"image_size": 32},
    )
    for _, classname, name in LISTED:
        path = Path("set/imgs/train", classname, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6), (200, 100, 50)).save(path)
    Image.new("RGB", (8, 6)).save("elsewhere.jpg")
    put(SOURCE, GOOD)()


def raw(name: str, content: bytes | str, *words: str) -> Bad:
    """Another file in the place of the list."""
    return Bad(name, put(SOURCE, content), (f"{SOURCE}: ", *words))


def uneven(name: str, content: str, *words: str) -> Bad:
    """A list that is well but cannot be split."""
    return Bad(name, put(SOURCE, content), ("driver_imgs_list.csv: ", *words))


def first(name: str, row: str, *words: str) -> Bad:
    """Another first row."""
    return raw(name, "\n".join([HEADER, row, *ROWS[1:], ""]), "row 2: ", *words)


def last(name: str, row: str, *words: str) -> Bad:
    """One row more."""
    return raw(name, "\n".join([HEADER, *ROWS, row, ""]), f"row {len(ROWS) + 2}: ", *words)


def spelt(before: str, after: str) -> Bad:
    """One driver under two names, in rows 2 and 3, that a person would call the same."""
    rows = [ROWS[0].replace("p0", before), ROWS[1].replace("p1", after)]
    words = f"row 3: subject {after!r} is {before!r} in row 2; allowed is one spelling"
    return raw(f"{before} and {after}", "\n".join([HEADER, *rows, *ROWS[2:], ""]), words)


def without(name: str, column: str) -> Bad:
    """Another name for a column."""
    return raw(
        name, GOOD.replace(column, "other", 1), f"no column '{column}'; needed are subject, classname, img"
    )


def linked(name: str, link: str, target: str | Path, *words: str) -> Bad:
    """A link in the place of a file or folder of the set."""

    def damage() -> None:
        place = Path("set/imgs/train", link)
        place.rename("moved_away")
        place.symlink_to(target)

    return Bad(name, damage, (f"{SOURCE}: ", "row 2: ", *words))


def name_in_capitals() -> None:
    """A picture whose name differs from another's in upper and lower case alone."""
    folder = Path("set/imgs/train/c0")
    put(folder / "IMG_00.JPG", (folder / "img_00.jpg").read_bytes())()
    put(SOURCE, GOOD + "p1,c0,IMG_00.JPG\n")()


def name_in_another_form() -> None:
    """Two pictures whose name is one to a person, and on a Mac."""
    folder = Path("set/imgs/train/c0")
    names = [unicodedata.normalize(form, "Zoë.jpg") for form in ("NFD", "NFC")]
    for name in names:
        put(folder / name, (folder / "img_00.jpg").read_bytes())()
    put(SOURCE, GOOD + "".join(f"p1,c0,{name}\n" for name in names))()


def name_under_two_classes() -> None:
    """A picture of another class that has the name of one before."""
    put("set/imgs/train/c1/img_00.jpg", Path("set/imgs/train/c0/img_00.jpg").read_bytes())()
    put(SOURCE, GOOD + "p1,c1,img_00.jpg\n")()


PLACE = stage(
    "split-driver-images",
    driver_set,
    Bad("no list", lambda: Path(SOURCE).unlink(), (f"{SOURCE}: no such file",)),
    Bad("no set", change(drivers={"root": "nowhere"}), ("nowhere/driver_imgs_list.csv: no such file",)),
    Bad("a root too long", change(drivers={"root": "x" * 300}), ("driver_imgs_list.csv: ", "too long")),
    Bad(
        "NUL in the root",
        change(drivers={"root": "a\0b"}),
        ("params.yaml: drivers.root: 'a\\x00b': ", "match pattern"),
    ),
    raw("no content", b"", "not a CSV file"),
    raw("a header alone", HEADER + "\n", "no rows below the header"),
    raw("semicolons", GOOD.replace(",", ";"), "no column 'subject'; needed are subject"),
    raw("tabs", GOOD.replace(",", "\t"), "no column 'subject'; needed are subject"),
    raw("spaces in the header", GOOD.replace(",", ", ", 2), "no column 'classname'"),
    raw("UTF-16", GOOD.encode("utf-16"), "not a CSV file", "utf-8"),
    raw("a byte that is no UTF-8", GOOD.replace("p1", "p\xff").encode("latin-1"), "not a CSV file", "utf-8"),
    raw("a web page", b"<!DOCTYPE html>\n<html></html>\n", "no column 'subject'"),
    raw("NUL bytes", bytes(1000), "no column 'subject'"),
    raw("an open quote", GOOD.replace("p3,c9,", 'p3,c9,"'), "not a CSV file"),
    raw("a long row", GOOD.replace("p3,c9,", "p3,p3,c9,"), "Expected 3 fields in line 41, saw 4"),
    raw("a long first row", GOOD.replace("p0,c0,", "p0,p0,c0,"), "Expected 3 fields in line 2, saw 4"),
    raw("a column twice", GOOD.replace(",c", ",classname,c"), "2 columns 'classname'"),
    without("no subject", "subject"),
    without("no classname", "classname"),
    without("no img", "img"),
    last("a short row", "p1,c0", "img is empty"),
    last("no driver", ",c0,img_00.jpg", "subject is empty"),
    last("a class too many", "p1,c10,img_00.jpg", "classname 'c10'; allowed are c0 to c9"),
    last("a class in capitals", "p1,C0,img_00.jpg", "classname 'C0'; allowed are c0 to c9"),
    last("a class that leads elsewhere", "p1,../train/c0,img_00.jpg", "'../train/c0'; allowed are c0 to c9"),
    last("NUL in a class", "p1,c0\0,img_00.jpg", "classname 'c0\\x00'; allowed are c0 to c9"),
    last("no such picture", "p1,c0,img_99.jpg", "no image set/imgs/train/c0/img_99.jpg"),
    last("a picture of another class", "p1,c2,img_00.jpg", "no image set/imgs/train/c2/img_00.jpg"),
    raw("after a blank line", GOOD + "\np1,c0,img_99.jpg\n", "row 43: no image"),
    last("the folder itself", "p1,c0,.", "img '.'"),
    last("the folder above", "p1,c0,..", "no image"),
    last("a name too long", f"p1,c0,{'x' * 300}.jpg", "too long"),
    last("NUL in a name", "p1,c0,img_\0.jpg", "img 'img_\\x00.jpg'", SHOWN),
    last(
        "a path upwards", "p1,c0,../../../../elsewhere.jpg", "img '../../../../elsewhere.jpg'", "plain name"
    ),
    last("a path to another class", "p1,c0,../c1/img_10.jpg", "img '../c1/img_10.jpg'", "plain name"),
    last("a path to the same folder", "p1,c0,./img_00.jpg", "img './img_00.jpg'", "plain name"),
    last("an absolute path", "p1,c0,/elsewhere.jpg", "img '/elsewhere.jpg'", "plain name"),
    last("a picture twice", "p0,c0,img_00.jpg", "img 'img_00.jpg' is listed before"),
    Bad(
        "a name in capitals",
        name_in_capitals,
        (f"{SOURCE}: ", "row 42: ", "img 'IMG_00.JPG' is listed before", "upper and lower case alike"),
    ),
    Bad(
        "a name under two classes",
        name_under_two_classes,
        (f"{SOURCE}: ", "row 42: ", "img 'img_00.jpg' is listed before"),
    ),
    Bad(
        "a name in another Unicode form",
        name_in_another_form,
        (f"{SOURCE}: ", "row 43: ", f"img {'Zoë.jpg'!r} is listed before, in row 42 as "),
    ),
    last("a picture of two drivers", "p1,c0,img_00.jpg", "img 'img_00.jpg' is listed before"),
    spelt("p1", "P1"),
    spelt("Zoë", "Zoe\u0308"),
    spelt("Zoë A", "ZOË A"),
    spelt("p1", "ｐ１"),
    spelt("Weiß", "WEISS"),
    first("a driver with a space after it", "p0 ,c0,img_00.jpg", "subject 'p0 '", SHOWN),
    first("a driver with a line end", '"p\n0",c0,img_00.jpg', "subject 'p\\n0'", SHOWN),
    first("a driver that colours the terminal", "p\x1b[31m,c0,img_00.jpg", "subject 'p\\x1b[31m'", SHOWN),
    first("a name with a space after it", "p0,c0,img_00.jpg ", "img 'img_00.jpg '", SHOWN),
    linked("a link out of the set", "c0/img_00.jpg", Path("../../../../elsewhere.jpg"), "lies outside set"),
    linked("a link to itself", "c0/img_00.jpg", "img_00.jpg", LINK_TO_ITSELF),
    linked("a class folder out of the set", "c0", "../../../moved_away", "lies outside set"),
    uneven(
        "two drivers", GOOD.replace("p3,", "p0,").replace("p2,", "p1,"), "2 driver(s); at least 3 are needed"
    ),
    uneven(
        "two pictures of a class", "\n".join([HEADER, *ROWS[2:], ""]), "class c0 has 2 image(s); at least 3"
    ),
    Bad(
        "shares that leave nothing",
        change(split={"validation_share": 0.5, "test_share": 0.5}),
        ("params.yaml: split: validation_share 0.5 and test_share 0.5 leave no training images",),
    ),
)
