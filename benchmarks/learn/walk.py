"""What the experiments of docs/learn/ print, with the default parameters.

    python -m benchmarks.learn.walk [NAME ...]

Runs the first commands of each chapter, or of those named, in a clone of the last commit, which shares this
repository's cache of DVC, and keeps in benchmarks/learn/walk.json what the last of them prints. `make readme`
shows it in the chapter. A chapter without a block `printed` only says what to type.
"""

import argparse
import json
import re
import shlex
import tempfile
from pathlib import Path

from ladder.files.errors import InputError, run_command
from ladder.files.outputs import replacing
from tools.pipeline.clones import ROOT, clone_origin, run_in

CHAPTERS = {path.stem: path for path in sorted((ROOT / "docs/learn").glob("[0-9]*.md"))}
RESULTS = Path(__file__).with_suffix(".json")
PRINTED = "<!-- printed -->"


def experiments(chapter: str) -> list[list[list[str]]]:
    """What a chapter tells the reader to type: a list of commands for each of its blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", CHAPTERS[chapter].read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [[shlex.split(line) for line in block.splitlines()] for block in blocks]


def run_commands(commands: list[list[str]], clone: Path) -> str:
    """Run commands in a clone; the last paragraph that the last one prints."""
    printed = ""
    for command in commands:
        if command[0] == "make":  # set-up is done
            command = ["make", "--silent", "--old-file=setup", *command[1:]]
        printed = run_in(clone, *command).stdout
    paragraph = printed.strip("\n").split("\n\n")[-1]
    return "\n".join(line.rstrip() for line in paragraph.splitlines())


def read_printed() -> dict[str, str]:
    return json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.learn.walk", description=__doc__.splitlines()[0]
    )
    shown = [name for name, path in CHAPTERS.items() if PRINTED in path.read_text("utf-8")]
    parser.add_argument("names", metavar="NAME", nargs="*", default=shown)
    names = parser.parse_args(arguments).names
    if unknown := set(names) - set(shown):
        raise InputError(f"{', '.join(sorted(unknown))}: no such chapter; those are {', '.join(shown)}")
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        clone_origin(ROOT, clone)
        run_in(clone, "dvc", "cache", "dir", "--local", str(ROOT / ".dvc/cache"))
        for name in names:
            kept = read_printed() | {name: run_commands(experiments(name)[0], clone)}
            run_in(clone, "git", "checkout", "--quiet", ".")
            with replacing(RESULTS) as temporary:
                text = json.dumps({name: kept[name] for name in shown if name in kept}, indent=1)
                temporary.write_text(text + "\n", "utf-8")
            print(f"{name}:\n{kept[name]}\n", flush=True)


if __name__ == "__main__":
    run_command(main)
