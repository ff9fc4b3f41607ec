"""The README's numbers are the committed ones, and its commands name things that exist."""

import re

from tests.imports import ROOT
from tests.test_dvc_yaml import STAGES
from tools.readme import filled

README = (ROOT / "README.md").read_text("utf-8")


def test_measured_tables_are_those_of_the_committed_results():
    assert filled(README) == README


def test_every_stage_has_its_row_and_is_in_the_graph():
    for name in STAGES:
        assert f"\n| `{name}` |" in README
        assert f"[{name}]" in README


def test_every_make_target_named_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z]+)", README)) <= targets


def test_every_file_named_exists():
    for path in re.findall(r"`((?:stages|benchmarks|tools|tests)/[\w/.]+\.(?:py|json|sh))`", README):
        assert (ROOT / path).is_file(), path
