"""The numbers in README.md and docs/ are the committed ones, and what the pages name exists."""

import hashlib
import json
import re
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from benchmarks.digits.mnist_record import RECIPE
from tests.imports import ROOT
from tests.pipeline.test_dvc_yaml import STAGES
from tools.pipeline.clones import run_in
from tools.pipeline.git import git
from tools.project.readme import PICTURE, PICTURES, blocks_of, pages

TEXTS = {page: (ROOT / page).read_text("utf-8") for page in pages()}
README = TEXTS["README.md"]
WALK = "docs/learn/"
each_page = pytest.mark.parametrize("page", TEXTS)


def test_measured_tables_are_those_of_the_committed_results(tmp_path):
    """In a clone: a run on another machine leaves other figures in the working tree."""
    run_in(tmp_path, "git", "clone", "--quiet", str(ROOT), "clone")
    run_in(tmp_path / "clone", sys.executable, "-m", "tools.project.readme")
    assert run_in(tmp_path / "clone", "git", "diff").stdout == ""


@each_page
def test_every_block_of_a_page_is_filled(page):
    marks = re.findall(r"^<!-- (.+) -->$", TEXTS[page], re.MULTILINE)
    assert sorted(marks[::2]) == sorted(blocks_of(page))
    assert set(marks[1::2]) <= {"end"}


def test_the_readme_is_short_and_leads_to_every_page():
    assert len(README.splitlines()) <= 150
    chapters = {page for page in TEXTS if page.startswith(WALK)} - {f"{WALK}README.md"}
    assert {path for path in TEXTS if f"]({path})" in README} == TEXTS.keys() - {"README.md"} - chapters


def test_every_picture_of_the_pages_is_shown_by_one():
    pictures = {path.relative_to(PICTURES).as_posix() for path in PICTURES.rglob("*") if path.is_file()}
    assert pictures == {name for text in TEXTS.values() for name in PICTURE.findall(text)}


def test_the_pictures_are_those_of_dvc_lock():
    """As far as DVC's cache holds what dvc.lock of git's HEAD names; on another machine it may not."""
    lock = YAML(typ="safe").load(git(ROOT, "show", "HEAD:./dvc.lock"))["stages"]
    drawn = [out for stage in lock.values() for out in stage.get("outs", []) if "plots/draw_" in out["path"]]
    for out in drawn:
        listing = ROOT / ".dvc/cache/files/md5" / out["md5"][:2] / out["md5"][2:]
        for file in json.loads(listing.read_text("utf-8")) if listing.exists() else []:
            copy = PICTURES / Path(out["path"]).name / file["relpath"]
            if copy.exists():
                assert hashlib.md5(copy.read_bytes()).hexdigest() == file["md5"], copy


def anchors(text):
    """What GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@each_page
def test_every_link_leads_somewhere(page):
    for link in re.findall(r"\]\((?!https?:)(.+?)\)", TEXTS[page]):
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text("utf-8")), link


def test_every_stage_in_the_graph_exists():
    graph = README.partition("```mermaid")[2].partition("```")[0]
    drawn = set(re.findall(r"\w\[(.+?)\]", graph))
    assert drawn and drawn <= set(STAGES)


@each_page
def test_every_make_target_named_exists(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", TEXTS[page], re.MULTILINE)) <= targets


@each_page
def test_every_file_named_exists(page):
    named = r"`((?:stages|ladder|benchmarks|tools|tests|requirements)/[\w/.-]*)`"
    for path in re.findall(named, TEXTS[page]):
        assert (ROOT / path).exists(), path


@each_page
def test_every_parameter_named_exists(page):
    params = flattened(YAML(typ="safe").load(ROOT / "params.yaml"))
    for key in re.findall(r"-S '?([\w.]+)=", TEXTS[page]):
        assert key in params, key


@each_page
def test_every_module_named_exists(page):
    for module in re.findall(r"python -m ((?:stages|ladder|benchmarks|tools)[\w.]*)", TEXTS[page]):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


def flattened(group, prefix=""):
    """Nested groups as one mapping from "a.b.c" to values."""
    flat = {}
    for key, value in group.items():
        flat |= flattened(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def test_the_record_s_command_sets_what_the_measured_recipe_sets():
    section = TEXTS["docs/results.md"].partition("## 99.4 %")[2].partition("<!-- record")[0]
    settings = re.findall(r"-S '?([\w.]+)=([^\s']+)", section)
    asked = {key: YAML(typ="safe").load(value) for key, value in settings}
    defaults = flattened(YAML(typ="safe").load(ROOT / "params.yaml"))
    recipe = flattened(RECIPE)
    for key in ("mnist.epochs", "mnist.patience"):  # as many as wanted
        asked.pop(key)
        recipe.pop(key, None)
    assert defaults | asked == defaults | recipe


PUBLISHED = {"99.4 %"}  # by a recipe's author; what is measured here changes, and stands in a block


@each_page
def test_no_measured_accuracy_stands_outside_a_block(page):
    text = re.sub(r"<!-- (?!end)[^\n]+ -->\n.*?<!-- end -->", "", TEXTS[page], flags=re.DOTALL)
    assert set(re.findall(r"\d+[.,]\d+ ?%", text)) <= PUBLISHED
