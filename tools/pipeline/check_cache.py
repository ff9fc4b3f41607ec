"""`make check-cache`: every object in DVC's cache against the hash that its name says.

    python -m tools.pipeline.check_cache

DVC hashes a file once and trusts it from then on. A byte that a disk gets wrong in the cache goes into the
working tree unseen, and `dvc status` calls it up to date. Damaged objects and the outputs that are copies of
them are removed here; `make repro` brings them back.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from ruamel.yaml import YAML

from ladder.files.errors import InputError, run_command
from tools.pipeline.repro import LOCK, ROOT, alone


def md5(path: Path) -> str:
    """The hexadecimal MD5 of a file's bytes, by which DVC names it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def objects(cache: Path) -> Iterator[tuple[Path, str]]:
    """Each object below `cache`, DVC's files/md5, and the hash that it should have.

    The list of a folder's files is an object too, whose name has the suffix .dir.
    """
    for path in sorted(cache.glob("[0-9a-f][0-9a-f]/*")):
        name = path.name.removesuffix(".dir")
        if len(name) == 30:  # no temporary file
            yield path, path.parent.name + name


def outputs() -> Iterator[Path]:
    """Every file that dvc.lock says a stage has written, as far as it is there."""
    stages = YAML(typ="safe").load(LOCK)["stages"] if LOCK.exists() else {}
    for out in (Path(out["path"]) for stage in stages.values() for out in stage.get("outs", [])):
        yield from (path for path in [out, *out.rglob("*")] if path.is_file())


def main() -> None:
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    os.chdir(ROOT)
    try:
        cache = Path(os.path.relpath(Repo().cache.local.path))
    except DvcException as error:
        raise InputError(str(error)) from None
    with alone():
        found = {path: (digest, md5(path)) for path, digest in objects(cache)}
        damaged = {path: actual for path, (digest, actual) in found.items() if actual != digest}
        copies = [path for path in outputs() if md5(path) in damaged.values()] if damaged else []
        for path in [*damaged, *copies]:
            path.unlink()
    if damaged:
        names = ", ".join(path.as_posix() for path in [*damaged, *copies])
        raise InputError(f"damaged and removed: {names}; `make repro` brings back what it needs")
    print(f"{len(found)} objects in DVC's cache have the bytes that their names say")


if __name__ == "__main__":
    run_command(main)
