"""Checks of single files, for the hooks in .pre-commit-config.yaml.

    python -m tools.project.check_files yaml|size FILE...

The first file that fails is named in one line; exit code 1.
"""

import argparse
import subprocess
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from ladder.files.errors import InputError, run_command

MOST = 1_000_000  # bytes


def check_yaml(path: Path) -> None:
    """Refuse what is not YAML 1.2, or has a key twice."""
    try:
        YAML(typ="safe", pure=True).load(path.read_text("utf-8"))
    except MarkedYAMLError as error:
        raise InputError(
            f"{path}: line {error.problem_mark.line + 1}: not valid YAML: {error.problem}"
        ) from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid YAML: {error}") from None


def check_size(path: Path) -> None:
    """Refuse a large file that git does not have yet: a clone would carry it for ever."""
    size = path.stat().st_size
    known = ["git", "cat-file", "-e", f"HEAD:./{path.as_posix()}"]
    if size > MOST and subprocess.run(known, capture_output=True, check=False).returncode:
        raise InputError(
            f"{path}: {size:,} bytes; at most {MOST:,} belong into git: let a stage make it, or `dvc add` it"
        )


CHECKS = {"yaml": check_yaml, "size": check_size}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.project.check_files", description=__doc__.splitlines()[0]
    )
    parser.add_argument("check", choices=CHECKS)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    for path in options.files:
        CHECKS[options.check](path)


if __name__ == "__main__":
    run_command(main)
