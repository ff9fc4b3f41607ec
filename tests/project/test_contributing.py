"""CONTRIBUTING.md, followed to the letter: each block goes where it says, and its commands succeed."""

import json
import re
import shlex
import sys

import pytest

from tests.imports import ROOT
from tools.pipeline.clones import clone_origin, make_origin, run_in

# A sentence that ends with the file, then its block; or a block of commands.
BLOCK = re.compile(r"^(?:([^\n]*)`([\w/.]+)`:\n\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WRITTEN = {  # by DVC, and not for git
    "Add a dataset": ["data/cooling.csv"],
    "Add a model": [],
    "Add a stage": ["models/cooling.npz"],
}


def sections():
    """Each example's heading with its blocks: (sentence, file, language, text)."""
    _, *parts = re.split(r"^## (.*)\n", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), flags=re.MULTILINE)
    return {heading: BLOCK.findall(text) for heading, text in zip(parts[::2], parts[1::2], strict=True)}


def insert_before(path, after, before, text):
    """Put text in front of the first `before` that follows on `after`."""
    content = path.read_text("utf-8")
    place = content.index(before, content.index(after))
    path.write_text(content[:place] + text + content[place:], "utf-8")


def follow(folder, sentence, file, text):
    """Put a block where its sentence says."""
    if sentence.startswith("At the end of `KNOWN_KEYS`"):
        insert_before(folder / file, "KNOWN_KEYS = (", ")\n", text)
    elif sentence.startswith("Last among the stages"):
        insert_before(folder / file, "\nstages:\n", "\nartifacts:", "\n" + text)
    elif sentence.startswith("At the end of"):
        (folder / file).write_text((folder / file).read_text("utf-8") + text, "utf-8")
    else:
        assert not (folder / file).exists(), file
        (folder / file).write_text(text, "utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A clone of the whole repository with tiny parameters, for the examples to be followed in turn."""
    folder = tmp_path_factory.mktemp("contributing")
    make_origin(folder / "origin")
    clone_origin(folder / "origin", folder / "clone")
    return folder / "clone"


def test_every_example_is_followed():
    assert sections().keys() == WRITTEN.keys()


@pytest.mark.parametrize("heading", WRITTEN)
def test_an_example_works_as_it_is_written(heading, folder):
    commands = []
    for sentence, file, language, text in sections()[heading]:
        if language == "sh":
            commands += text.splitlines()
        else:
            follow(folder, sentence, file, text)
    for command in commands:
        run_in(folder, *shlex.split(command))
    for output in WRITTEN[heading]:
        assert (folder / output).stat().st_size > 0
        assert run_in(folder, "git", "check-ignore", output).stdout
    for check in (["check"], ["format", "--check"]):
        run_in(folder, sys.executable, "-m", "ruff", *check, "stages", "tests")


def test_the_example_learns_the_rate_of_its_data(folder):
    metrics = json.loads((folder / "metrics/train_cooling.json").read_text("utf-8"))
    assert metrics["rate"] == pytest.approx(3.0, abs=0.05)
    assert metrics["test_loss"] == pytest.approx(0.25, abs=0.2)  # the variance of the noise
