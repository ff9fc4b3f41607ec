"""A user who may not write, or whom the system has no name for: what is typed works, or says why not."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.conftest import LINE
from tests.project.setup_script import make_place, refusal, script, setup, with_ready_environment
from tools.pipeline.clones import environment, make_origin, run_in

NOBODY = 12345
# Reads everything, as this user may, and writes what that one may; without a name, a home, or anything else.
AS_NOBODY = [
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
]

pytestmark = [
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("setpriv"),
        reason="only root on Linux can become somebody without a name",
    )
]


@pytest.fixture
def folder():
    """A folder of root that everybody may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def made():
    """A repository of root in which set-up has been done."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        make_origin(Path(name, "clone"), LINE)
        script(Path(name, "clone/tools/project/setup.sh"), "")
        yield Path(name, "clone")


@pytest.fixture
def clone(made, folder):
    """A copy of it, to be given away."""
    run_in(folder, "cp", "--archive", str(made), str(folder))
    return folder / "clone"


def run(folder, *command):
    variables = {"PATH": environment()["PATH"], "HOME": "/"}
    return subprocess.run(
        [*AS_NOBODY, *command], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )


def make(folder, target):
    return run(folder, "make", "--silent", target)


def run_module(folder, words):
    return run(folder, sys.executable, "-m", *words.split())


def give_away(folder):
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


@pytest.mark.parametrize("target", ["repro", "metrics", "check-cache", "lock-check", "gate"])
def test_somebody_else_s_clone_is_refused(made, target):
    done = make(made, target)
    first, *rest = done.stderr.splitlines()
    assert done.returncode and first.startswith(f"error: {made}/. may not be written to by user {NOBODY}")
    assert all(line.startswith("make:") for line in rest)


def test_what_a_run_as_root_has_left_is_named(clone):
    give_away(clone)
    (clone / ".dvc/tmp").mkdir()
    assert make(clone, "repro").stderr.startswith(f"error: {clone}/.dvc/tmp may not be written to")


def test_a_user_without_a_name_runs_the_pipeline(clone):
    give_away(clone)
    done = make(clone, "repro")
    assert done.returncode == 0, done.stderr
    assert (clone / "models/linreg.npz").exists()


def test_without_make_a_user_without_a_name_runs_it_too(clone):
    give_away(clone)
    done = run_module(clone, "tools.pipeline.repro")
    assert done.returncode == 0, done.stderr
    run_in(clone, "chmod", "-R", "a-w", ".")
    done = run_module(clone, "ladder.predict celsius 20")
    assert done.returncode == 0 and "°F = 1.8" in done.stderr


@pytest.mark.parametrize(
    ("module", "file"),
    [
        ("tools.pipeline.repro", ".dvc/tmp"),
        ("tools.pipeline.check_cache", ".dvc/tmp"),
        ("tools.project.readme", "README.md"),
    ],
)
def test_without_make_somebody_else_s_clone_is_refused_in_one_line(made, module, file):
    line = refusal(run_module(made, module))
    assert line.startswith(f"error: {made}/{file}: Permission denied; ")


def test_a_revision_of_somebody_else_s_clone_is_refused_in_one_line(made):
    line = refusal(run_module(made, "ladder.predict celsius 20 --rev HEAD"))
    assert line.startswith("error: 'HEAD' is no revision of this repository that can be read (")


@pytest.mark.parametrize("ready", [True, False])
def test_set_up_in_somebody_else_s_folder_is_refused(folder, ready):
    make_place(folder)
    if ready:
        with_ready_environment(folder)
    line = refusal(setup(folder, as_user=AS_NOBODY))
    assert ".venv" in line and "Permission denied" in line
