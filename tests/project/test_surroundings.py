"""Set-up and make are not led astray by the variables and files of the user, and keep what is theirs."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.imports import ROOT
from tests.project.setup_script import (
    TRACED,
    UV,
    counts_as_installed,
    make_place,
    make_wheel,
    needs_uv,
    offline,
    refusal,
    script,
    setup,
    with_ready_environment,
    write_lock,
)
from tools.pipeline.clones import run_in

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a script for sh")

ELSEWHERE = "{place}/elsewhere"


@pytest.fixture
def place(tmp_path):
    """A folder whose lock holds a package that can be installed."""
    make_place(tmp_path)
    write_lock(tmp_path, "tiny", make_wheel(tmp_path))
    return tmp_path


def packages_of(place):
    return next((place / ".venv").glob("lib/python*/site-packages"))


def break_python(environment):
    """Its Python, a link, is one to nowhere, as after an upgrade of the system."""
    (environment / "bin/python").unlink()
    (environment / "bin/python").symlink_to("/nowhere")


def check_installed(place, done):
    """In .venv alone, whatever was said."""
    assert (done.returncode, done.stderr) == (0, "")
    assert (packages_of(place) / "tiny.py").is_file() and counts_as_installed(place)


@pytest.mark.parametrize(
    "variables",
    [
        {"PIP_TARGET": ELSEWHERE, "PIP_PYTHON": "/usr/bin/python3"},
        {"PIP_USER": "1", "PYTHONUSERBASE": ELSEWHERE, "PIP_DRY_RUN": "1"},
        {"PYTHONHOME": ELSEWHERE, "PYTHONPLATLIBDIR": "lib64"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_variables_lead_pip_to_no_other_place(place, variables):
    with_ready_environment(place)
    given = {name: value.format(place=place) for name, value in variables.items()}
    check_installed(place, setup(place, **offline(place), **given))
    assert not (place / "elsewhere").exists()


@pytest.mark.parametrize("setting", [f"target = {ELSEWHERE}\nquiet = 3", "user = true\npython = /x"])
def test_a_file_leads_pip_to_no_other_place_and_names_the_index(place, setting):
    with_ready_environment(place)
    (place / "pip.conf").write_text(
        f"[global]\nno-index = true\nfind-links = {place}/wheels\n{setting.format(place=place)}\n"
    )
    check_installed(place, setup(place, PIP_INDEX_URL="", PIP_CONFIG_FILE=str(place / "pip.conf")))
    assert not (place / "elsewhere").exists()


def test_a_package_on_pythonpath_does_not_count_as_installed(place):
    with_ready_environment(place)
    info = place / "elsewhere/tiny-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    check_installed(place, setup(place, PYTHONPATH=str(place / "elsewhere"), **offline(place)))


@needs_uv
def test_variables_lead_uv_to_no_other_place(place):
    with_ready_environment(place)
    script(place / "bin/uv", TRACED)
    done = setup(
        place, **offline(place), **dict.fromkeys(("UV_CONSTRAINT", "UV_WORKING_DIR"), f"{place}/elsewhere")
    )
    check_installed(place, done)
    assert "pip installs instead" not in done.stdout


@needs_uv
def test_where_a_file_leads_uv_elsewhere_pip_installs(place):
    with_ready_environment(place)
    script(place / "bin/uv", TRACED)
    (place / "uv.toml").write_text(f'[pip]\ntarget = "{place}/elsewhere"\n')
    done = setup(place, UV_CONFIG_FILE=str(place / "uv.toml"), **offline(place))
    check_installed(place, done)
    assert ".venv/uv.log" in done.stdout.splitlines()[1]
    assert (place / ".venv/uv.log").read_text() == "tiny is not in .venv\n"


def test_what_a_strange_pip_does_not_install_does_not_count(place):
    packages = with_ready_environment(place)
    pip = (packages / "pip").resolve()
    (packages / "pip").unlink()
    (packages / "pip").mkdir()
    (packages / "pip/__main__.py").touch()  # all succeeds, and nothing happens
    (packages / "pip/_vendor").symlink_to(pip / "_vendor")
    line = refusal(setup(place, **offline(place)))
    assert "requirements/pipeline.lock" in line and "tiny is not in .venv" in line
    assert not counts_as_installed(place)


@pytest.mark.parametrize("name", [".venv/settings", ".venv"])
def test_what_is_no_environment_is_not_removed(place, name):
    (place / name).parent.mkdir(exist_ok=True)
    (place / name).write_text("mine\n")
    assert ".venv is no environment of Python" in refusal(setup(place, **offline(place)))
    assert (place / name).read_text() == "mine\n"


@pytest.mark.parametrize(
    "state", ["ready", *(pytest.param(state, marks=pytest.mark.campaign) for state in ("broken", "dangling"))]
)
def test_a_link_stays_one_and_an_environment_that_is_made_anew_is_named(place, state):
    if state != "dangling":
        with_ready_environment(place)
        (place / ".venv").rename(place / "disk")
    if state == "broken":
        break_python(place / "disk")
    (place / ".venv").symlink_to("disk")
    done = setup(place, **offline(place))
    check_installed(place, done)
    said = done.stdout.startswith("making .venv anew: it had no Python 3.11, 3.12 or 3.13 with pip\n")
    assert said == (state == "broken")
    assert os.readlink(place / ".venv") == "disk"


@pytest.mark.campaign
@needs_uv
def test_an_environment_that_uv_made_gets_pip_and_keeps_what_it_holds(place):
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, place / ".venv"], check=True)
    (packages_of(place) / "mine.py").touch()
    done = setup(place, **offline(place))
    check_installed(place, done)
    assert (packages_of(place) / "mine.py").exists() and "anew" not in done.stdout


def test_git_ignores_a_link_too(tmp_path):
    shutil.copy(ROOT / ".gitignore", tmp_path)
    (tmp_path / ".venv").symlink_to(tmp_path)
    run_in(tmp_path, "git", "init", "--quiet")
    assert run_in(tmp_path, "git", "check-ignore", ".venv").stdout == ".venv\n"


def test_make_keeps_the_user_s_variables_from_its_commands(tmp_path):
    names = ("PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "PYTHONOPTIMIZE", "GIT_DIR")
    shutil.copy(ROOT / "Makefile", tmp_path)
    for folder in ("tools/project", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    script(tmp_path / "tools/project/setup.sh", "")
    script(tmp_path / ".venv/bin/python", f"echo {' '.join(f'${{{name}-}}' for name in names)}")
    done = subprocess.run(
        ["make", "--no-print-directory", "predict"],
        cwd=tmp_path,
        env=os.environ | dict.fromkeys(names, "/elsewhere"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "\n"
