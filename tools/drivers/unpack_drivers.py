"""`python -m tools.drivers.unpack_drivers ARCHIVE`: State Farm's photographs, out of Kaggle's zip archive.

    python -m tools.drivers.unpack_drivers ARCHIVE [--to FOLDER]

Takes the list and the training pictures, and leaves the test pictures, which have no classes. The folder
appears whole or not at all.
"""

import argparse
import re
import shutil
import stat
import zipfile
from pathlib import Path, PureWindowsPath

from ladder.drivers.images import CSV_NAME
from ladder.drivers.names import left_by_a_mac, same_name
from ladder.files.errors import InputError, run_command
from ladder.files.outputs import replacing

FOLDER = Path("data/raw/state-farm")
WANTED = re.compile(rf"{re.escape(CSV_NAME)}|imgs/train/c[0-9]/[^/\\]+\.jpg")
MAX_BYTES = 2**31  # of what is taken: twice what State Farm's set has


def wanted_members(archive: zipfile.ZipFile, source: Path) -> list[zipfile.ZipInfo]:
    """The list and the training pictures.

    Raises
    ------
    InputError
        Any member, wanted or not, would lie outside of the folder or is no plain file; there is no list or no
        picture, a name is there twice, or all is too large.
    """
    wanted: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        name, kind = member.filename, stat.S_IFMT(member.external_attr >> 16)
        path = PureWindowsPath(name)  # sees what leads out of the folder on any system
        if path.drive or path.root or ".." in path.parts:
            raise InputError(f"{source}: {name!r} leads out of the folder; allowed are names below it")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):  # 0: packed on a system without kinds
            raise InputError(f"{source}: {name!r} is a link or a device; allowed are files and folders")
        if not WANTED.fullmatch(name) or left_by_a_mac(path.name):
            continue
        if wanted.setdefault(same_name(name), member) is not member:
            raise InputError(
                f"{source}: {name!r} is there twice; allowed is once, upper and lower case alike"
            )
    if CSV_NAME not in wanted or len(wanted) < 2:
        missing = "pictures" if CSV_NAME in wanted else CSV_NAME
        raise InputError(f"{source}: no {missing}; needed are {CSV_NAME} and imgs/train/c0 … c9/*.jpg")
    size = sum(member.file_size for member in wanted.values())
    if size > MAX_BYTES:
        raise InputError(f"{source}: {size:,} bytes once unpacked; allowed are {MAX_BYTES:,}")
    return list(wanted.values())


def unpack(source: Path, folder: Path) -> int:
    """Write `folder` and return the number of pictures in it.

    Raises
    ------
    InputError
        `folder` holds something already, or the archive is damaged or not as `wanted_members` says.
    """
    if folder.is_symlink() or folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise InputError(f"{folder}: is there already; allowed is a new or an empty folder, see --to")
    try:
        with zipfile.ZipFile(source) as archive:
            members = wanted_members(archive, source)
            with replacing(folder) as temporary:
                for member in members:
                    path = temporary / member.filename
                    path.parent.mkdir(parents=True, exist_ok=True)
                    # Reads no more than the size that was checked, and compares the checksum.
                    with archive.open(member) as packed, path.open("xb") as file:
                        shutil.copyfileobj(packed, file)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{source}: no such file") from None
    except Exception as error:  # zipfile raises many kinds for a damaged or encrypted archive.
        raise InputError(f"{source}: not a readable zip archive: {error}") from None
    return len(members) - 1


def main(arguments: list[str] | None = None) -> None:
    description = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m tools.drivers.unpack_drivers", description=description)
    parser.add_argument("archive", type=Path, metavar="ARCHIVE")
    parser.add_argument("--to", type=Path, default=FOLDER, metavar="FOLDER", help=f"default: {FOLDER}")
    options = parser.parse_args(arguments)
    count = unpack(options.archive, options.to)
    print(f"{count:,} pictures; in params.yaml, set drivers.root: {options.to}")


if __name__ == "__main__":
    run_command(main)
