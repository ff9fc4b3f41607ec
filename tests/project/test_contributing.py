"""CONTRIBUTING.md, followed to the letter: each block goes where it says, and the commands succeed."""

import json
import re
import shlex
import sys

import pytest

from tests.imports import ROOT
from tools.pipeline.clones import clone_origin, make_origin, run_in

# A sentence that ends with the file, then its block; or a block of commands.
BLOCK = re.compile(r"^(?:([^\n]*)`([\w/.]+)`:\n\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def insert_before(path, after, before, text):
    """Put text in front of the first `before` that follows on `after`."""
    content = path.read_text("utf-8")
    place = content.index(before, content.index(after))
    path.write_text(content[:place] + text + content[place:], "utf-8")


def follow(folder, sentence, file, text):
    """Put a block where its sentence says."""
    if sentence.startswith("Last among the stages"):
        insert_before(folder / file, "\nstages:\n", "\nartifacts:", "\n" + text)
    elif sentence.startswith("At the end of"):
        (folder / file).write_text((folder / file).read_text("utf-8") + text, "utf-8")
    else:
        assert not (folder / file).exists(), file
        (folder / file).write_text(text, "utf-8")


def test_the_example_works_as_it_is_written(tmp_path):
    make_origin(tmp_path / "origin")
    folder = tmp_path / "clone"
    clone_origin(tmp_path / "origin", folder)
    blocks = BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    commands = []
    for sentence, file, language, text in blocks:
        if language == "sh":
            commands += text.splitlines()
        else:
            follow(folder, sentence, file, text)
    assert len(blocks) == 5 and len(commands) == 2
    for command in commands:
        run_in(folder, *shlex.split(command))
    for check in (["check"], ["format", "--check"]):
        run_in(folder, sys.executable, "-m", "ruff", *check, "stages", "tests")
    assert run_in(folder, "git", "check-ignore", "models/cooling.npz").stdout
    metrics = json.loads((folder / "metrics/train_cooling.json").read_text("utf-8"))
    assert metrics["rate"] == pytest.approx(3.0, abs=0.05)
    assert metrics["train_loss"] == pytest.approx(0.25, abs=0.2)  # the variance of the noise
