"""`pip install -e .` gives the modules to every folder, and the package names its licence."""

import subprocess
import sys
import sysconfig
from importlib.util import find_spec

import pytest

from tests.imports import ROOT
from tools.pipeline.clones import copy_repository, run_in


@pytest.mark.skipif(
    None in map(find_spec, ("pip", "setuptools")), reason="pip or setuptools is not installed here"
)
def test_an_editable_install_imports_from_anywhere_and_says_the_licence(tmp_path):
    source, environment = tmp_path / "source", tmp_path / "environment"
    copy_repository(source)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = str(environment / "bin/python")
    packages = next(environment.glob("lib/python*/site-packages"))
    # What the project needs, and pip and setuptools, are borrowed from here: nothing is downloaded.
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")

    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    run_in(source, python, "-m", "pip", "install", *options, "-e", ".")
    shown = "import stages.generate_celsius_data as stage; print(stage.__file__)"
    assert run_in(tmp_path, python, "-c", shown).stdout == f"{source}/stages/generate_celsius_data.py\n"
    metadata = next(packages.glob("gradient_descent_ladder-*.dist-info"))
    assert "License-Expression: MIT" in (metadata / "METADATA").read_text("utf-8")
    assert (metadata / "licenses/LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
