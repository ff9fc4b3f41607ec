"""What is installed is used: each dependency of pyproject.toml is imported, or is a command or plugin."""

import ast
import functools
import re
import tomllib
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement

from tests.imports import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
NOT_IMPORTED = {
    "pytest-xdist": "a plugin: --numprocesses in the Makefile",
    "ruff": "a command in the Makefile",
    "ty": "a command in the Makefile",
}


def normalized(name):
    """A distribution's name as the package index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements):
    """Those of the requirements that hold on this platform."""
    parsed = map(Requirement, requirements)
    return [normalized(one.name) for one in parsed if one.marker is None or one.marker.evaluate()]


def locked(lock):
    """The packages of a lock, each with its version."""
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / lock).read_text("utf-8"), re.MULTILINE))


@functools.cache
def imported(*folders):
    """The distributions whose modules the Python files of these folders import, inside of functions too."""
    modules = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module.partition(".")[0])
    distributions = packages_distributions()
    return {normalized(name) for module in modules for name in distributions.get(module, [])}


@pytest.mark.parametrize("name", names(PROJECT["dependencies"]))
def test_every_dependency_is_imported_by_the_program_or_said_to_be_something_else(name):
    assert (name in imported("ladder", "stages", "tools", "benchmarks")) != (name in NOT_IMPORTED)


@pytest.mark.parametrize("name", names(PROJECT["optional-dependencies"]["test"]))
def test_every_dependency_of_the_tests_is_imported_by_them_or_said_to_be_something_else(name):
    assert (name in imported("tests")) != (name in NOT_IMPORTED)


def test_what_is_not_imported_is_used_where_it_is_said_to_be():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert "--numprocesses" in makefile and "python -m ruff" in makefile and "python -m ty" in makefile
    listed = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
    assert set(NOT_IMPORTED) <= set(names(listed))


def test_every_dependency_is_in_the_lock():
    needed = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
    assert {normalized(Requirement(one).name) for one in needed} <= locked(
        "requirements/pipeline.lock"
    ).keys()


@pytest.mark.parametrize(
    ("extra", "without", "expected"),
    [
        ("demo", {"tensorflow", "tensorflow-cpu"}, {"gradio", "selenium"}),
        ("distributed", {"tensorflow", "tensorflow-cpu"}, {"jax", "jaxlib"}),
        ("gpu", {"tensorflow-cpu"}, {"nvidia-cudnn-cu12"}),
    ],
)
def test_the_lock_of_an_extra_adds_packages_and_changes_no_version(extra, without, expected):
    plain, larger = locked("requirements/pipeline.lock"), locked(f"requirements/{extra}.lock")
    assert larger | plain == plain | larger
    assert plain.keys() - larger.keys() == without
    assert expected <= larger.keys() - plain.keys()


def test_every_locked_file_has_a_hash_and_no_lock_an_index():
    locks = sorted(ROOT.glob("requirements/*.lock"))
    assert len(locks) == 5 and locked("requirements/installer.lock").keys() == {"uv"}
    for path in locks:
        text = path.read_text("utf-8")
        assert "//" not in text and "--index" not in text
        entries = re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]
        assert entries and all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)


def test_a_dependency_that_nothing_imports_would_be_found():
    assert "setuptools" not in imported("ladder", "stages", "tools", "benchmarks")
    assert {"scikit-learn", "pillow", "ruamel-yaml"} <= imported("ladder", "stages", "tools", "benchmarks")
