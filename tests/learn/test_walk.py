"""The chapters of docs/learn/: whole, in order, of the code that is there, and every command works."""

import json
import re

import pytest

from benchmarks.learn.walk import CHAPTERS, PRINTED, experiments, read_printed, run_commands
from ladder.files.errors import InputError
from tests.imports import ROOT
from tools.learn.code_blocks import code_of
from tools.pipeline.clones import run_in
from tools.pipeline.git import git

NAMES = list(CHAPTERS)
TEXTS = {name: path.read_text("utf-8") for name, path in CHAPTERS.items()}
each_chapter = pytest.mark.parametrize("name", NAMES)
SECTIONS = ["Formula", "Code", "Picture", "Experiment", "Question"]
LINES = 45  # of code in one block


def test_the_first_page_lists_the_chapters_in_order():
    text = (ROOT / "docs/learn/README.md").read_text("utf-8")
    assert 8 <= len(NAMES) <= 10
    listed = re.findall(r"^\| \[(.+)\]\((.+)\.md\) \|", text, re.MULTILINE)
    assert [name for _, name in listed] == NAMES
    assert [title for title, _ in listed] == [
        TEXTS[name].splitlines()[0].removeprefix("# ") for name in NAMES
    ]
    assert [title.partition(".")[0] for title, _ in listed] == [str(n + 1) for n in range(len(NAMES))]


@each_chapter
def test_a_chapter_has_every_part_and_leads_to_its_neighbours(name):
    text, number = TEXTS[name], NAMES.index(name)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    parts = dict(zip(SECTIONS, re.split(r"^## .+$", text, flags=re.MULTILINE)[1:], strict=True))
    assert "```\n" in parts["Formula"] and "<!-- code " in parts["Code"]
    assert parts["Picture"].count("](../pictures/") == 1
    assert "```sh\n" in parts["Experiment"] and "<!-- " in parts["Experiment"]
    assert parts["Question"].count("<details><summary>Answer</summary>\n\n") == 1
    assert text.endswith("\n</details>\n")
    way = text.splitlines()[2]
    neighbours = [NAMES[n] for n in (number - 1, number + 1) if 0 <= n < len(NAMES)]
    assert re.findall(r"\]\((.+?)\.md\)", way) == ["README", *neighbours]


@each_chapter
def test_the_code_is_named_in_the_text_and_short(name):
    blocks = re.findall(
        r"^<!-- code (.+?):\S+ -->\n```python\n(.+?)```$", TEXTS[name], re.MULTILINE | re.DOTALL
    )
    assert blocks and all(f"`{file}`" in TEXTS[name] for file, _ in blocks)
    assert all(code.count("\n") <= LINES for _, code in blocks)


def test_what_an_experiment_printed_is_kept_for_every_chapter_that_shows_it():
    printed = read_printed()
    assert list(printed) == [name for name in NAMES if PRINTED in TEXTS[name]]
    assert all(text.count("\n") > 2 for text in printed.values())


@pytest.mark.parametrize("name", read_printed())
def test_what_an_experiment_is_compared_with_is_the_committed_run(name):
    """Otherwise: python -m benchmarks.learn.walk, then make readme."""
    rows = re.findall(r"^metrics/(\w+)\.json +(\w+) +(\S+) ", read_printed()[name], re.MULTILINE)
    assert rows or "seeds from" in read_printed()[name]
    for file, metric, before in rows:
        committed = json.loads(git(ROOT, "show", f"HEAD:./metrics/{file}.json"))[metric]
        assert float(before) == pytest.approx(committed, abs=1e-5), metric


SOURCE = '''"""A module."""


@decorated
class Dog:
    """It barks."""

    @property
    def name(self):
        """Its name."""
        return (
            "Rex"
        )


def bark(): return 1
'''


def test_code_is_a_function_a_class_or_a_method_as_it_stands():
    assert code_of(SOURCE, "bark") == "def bark(): return 1\n"
    assert code_of(SOURCE, "Dog").startswith("@decorated\nclass Dog:") and "Rex" in code_of(SOURCE, "Dog")
    method = '@property\ndef name(self):\n    """Its name."""\n    return (\n        "Rex"\n    )\n'
    assert code_of(SOURCE, "Dog.name") == method
    for name in ("name", "Dog.bark", "cat"):
        with pytest.raises(InputError, match=f"no function or class '{name}'"):
            code_of(SOURCE, name)


@pytest.fixture(scope="module")
def clone(ran_once):
    """A clone in which the whole pipeline has run with tiny parameters."""
    return ran_once("whole")


@pytest.mark.campaign
@each_chapter
def test_every_command_of_a_chapter_works(clone, name):
    first, *others = experiments(name)
    assert run_commands(first, clone)
    for commands in others:
        run_commands(commands, clone)
    for command in (["git", "checkout", "."], ["dvc", "checkout", "--force"]):  # as the first page says
        run_in(clone, *command)
