"""Whether the packages of a lock are installed beside this Python, in the versions that the lock names.

    .venv/bin/python -I tools/project/is_installed.py requirements/pipeline.lock

Exit code 1 and one line for each that is not. It imports none, which would take seconds. -I: what PYTHONPATH
or the user's own packages hold does not count. It needs just Python and pip.
"""

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pip._vendor.packaging.requirements import Requirement


def requirements(lock: str) -> list[Requirement]:
    """The packages of a lock that this Python on this system needs."""
    lines = [line.partition("--hash")[0].rstrip("\\ ") for line in lock.splitlines() if line[:1].isalnum()]
    found = [Requirement(line) for line in lines]
    return [one for one in found if one.marker is None or one.marker.evaluate()]


def missing(lock: str) -> list[str]:
    """A line for each package that is not there, or in another version."""
    said = []
    for wanted in requirements(lock):
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            said.append(f"{wanted.name} is not in .venv")
        else:
            if not wanted.specifier.contains(found, prereleases=True):
                said.append(f"{wanted.name} is in .venv as {found}, not {wanted.specifier}")
    return said


if __name__ == "__main__":
    lines = missing(Path(sys.argv[1]).read_text("utf-8"))
    print(*lines, sep="\n")
    sys.exit(bool(lines))
