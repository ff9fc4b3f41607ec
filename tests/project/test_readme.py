"""The README's numbers are the committed ones, and its commands name things that exist."""

import re
import sys

from ruamel.yaml import YAML

from benchmarks.digits.mnist_record import RECIPE
from tests.imports import ROOT
from tests.pipeline.test_dvc_yaml import STAGES
from tools.pipeline.clones import run_in

README = (ROOT / "README.md").read_text("utf-8")


def test_measured_tables_are_those_of_the_committed_results(tmp_path):
    """In a clone: a run on another machine leaves other figures in the working tree."""
    run_in(tmp_path, "git", "clone", "--quiet", str(ROOT), "clone")
    run_in(tmp_path / "clone", sys.executable, "-m", "tools.project.readme")
    assert run_in(tmp_path / "clone", "git", "diff").stdout == ""


def test_every_stage_has_its_row_and_is_in_the_graph():
    for name in STAGES:
        assert f"\n| `{name}` |" in README
        assert f"[{name}]" in README


def test_every_make_target_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z-]+)", README)) <= targets


def test_every_file_named_exists():
    for path in re.findall(r"`((?:stages|benchmarks|tools|tests)/[\w/.]+\.(?:py|json|sh))`", README):
        assert (ROOT / path).is_file(), path


def flattened(group, prefix=""):
    """Nested groups as one mapping from "a.b.c" to values."""
    flat = {}
    for key, value in group.items():
        flat |= flattened(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def test_the_record_s_command_sets_what_the_measured_recipe_sets():
    settings = re.findall(
        r"-S '?([\w.]+)=([^\s']+)", README.partition("### 99.4 %")[2].partition("<!-- record")[0]
    )
    asked = {key: YAML(typ="safe").load(value) for key, value in settings}
    defaults = flattened(YAML(typ="safe").load(ROOT / "params.yaml"))
    recipe = flattened(RECIPE)
    for key in ("mnist.epochs", "mnist.patience"):  # as many as wanted
        asked.pop(key)
        recipe.pop(key, None)
    assert defaults | asked == defaults | recipe
