"""tools/project/setup.sh: makes the environment once, with uv or pip, and says in one line why it cannot."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.project.setup_script import (
    TRACED,
    counts_as_installed,
    make_place,
    make_wheel,
    needs_uv,
    offline,
    refusal,
    script,
    setup,
    uv_has_installed,
    with_ready_environment,
    write_lock,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a script for sh")


@pytest.fixture
def place(tmp_path):
    return make_place(tmp_path)


OWN, BROUGHT = (pytest.param(name, marks=needs_uv) for name in ("own", "brought"))


@pytest.fixture
def installer(request, place):
    """Prepares the folder so that the user's uv installs ("own"), or one that pip brings, or "pip" itself."""
    if request.param == "own":
        script(place / "bin/uv", TRACED)
    elif request.param == "brought":
        digest = make_wheel(place, "uv", {"uv-1.0.data/scripts/uv": f"#!/bin/sh\n{TRACED}\n"})
        write_lock(place, "uv", digest, "requirements/installer.lock")
    return request.param


def test_an_unsuited_python_is_refused_with_the_versions_that_fit(place):
    answers = 'if [ "$1" = --version ]; then echo "Python 3.8.1"; else exit 1; fi'
    line = refusal(setup(place, script(place / "old", answers)))
    assert "3.11" in line and "3.13" in line and "found Python 3.8.1" in line and "PYTHON" in line
    assert not (place / ".venv").exists()


def test_a_python_that_is_not_there_is_refused(place):
    assert "3.11" in refusal(setup(place, place / "nowhere"))


def test_a_python_without_venv_is_refused_with_the_package_to_install(place):
    answers = f'case "$*" in *ensurepip*) exit 1;; *) exec "{sys.executable}" "$@";; esac'
    line = refusal(setup(place, script(place / "bare", answers)))
    assert "venv module" in line and "python3-venv" in line
    assert not (place / ".venv").exists()


def test_an_environment_cut_short_is_made_anew_and_a_missing_network_named(place):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / ".venv"], check=True)
    (place / ".venv" / "rest-of-the-first-try").touch()
    assert "no connection to the package index" in refusal(setup(place))
    assert not (place / ".venv" / "rest-of-the-first-try").exists()
    assert not counts_as_installed(place)


def test_without_a_network_nothing_counts_as_installed(place):
    with_ready_environment(place)
    (place / ".venv" / "installed.lock").write_text("of another lock\n")
    done = setup(place, PIP_RETRIES="1")
    assert "no connection to the package index" in refusal(done)
    assert not counts_as_installed(place)


@pytest.mark.parametrize("installer", [OWN, BROUGHT, "pip"], indirect=True)
def test_packages_are_installed_once_and_again_for_a_changed_lock(place, installer):
    packages = with_ready_environment(place)
    write_lock(place, "tiny", make_wheel(place))

    first = setup(place, **offline(place))
    assert (first.returncode, first.stderr) == (0, "")
    assert "installing" in first.stdout and ("pip installs instead" in first.stdout) == (installer == "pip")
    assert first.stdout.count("\n") == (2 if installer == "pip" else 1)
    assert (packages / "tiny.py").is_file() and counts_as_installed(place)
    assert uv_has_installed(place) == (installer != "pip")
    assert (place / ".venv/bin/uv").exists() == (installer == "brought")

    write_lock(place, "tiny", "0" * 64)
    shutil.rmtree(packages / "tiny-1.0.dist-info")
    line = refusal(setup(place, **offline(place)))
    assert "requirements/pipeline.lock" in line and "hash" in line.lower()
    assert (place / ".venv/pip.log").exists() == (installer != "own")  # pip is not asked for what uv refused
    assert not counts_as_installed(place)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounting needs root on Linux")
@pytest.mark.parametrize("installer", [OWN, "pip"], indirect=True)
def test_a_full_disk_is_named(place, installer):
    (place / ".venv").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place / ".venv"]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs the rights of root")
    try:
        with_ready_environment(place)
        write_lock(place, "tiny", make_wheel(place, files={"tiny.py": "#" * 2**21}))
        done = setup(place, **offline(place))
        assert "no space left" in refusal(done).lower()
        assert ("pip installs instead" in done.stdout) == (installer == "pip")
        assert not counts_as_installed(place)
    finally:
        subprocess.run(["umount", place / ".venv"], check=True)


def test_another_lock_is_installed_beside_the_first_and_remembered_for_itself(place):
    packages = with_ready_environment(place)
    write_lock(place, "tiny", make_wheel(place), "requirements/demo.lock")
    shutil.copy(place / "requirements/pipeline.lock", place / ".venv/installed-pipeline.lock")
    done = setup(place, lock="requirements/demo.lock", **offline(place))
    assert (done.returncode, done.stderr) == (0, "") and "requirements/demo.lock" in done.stdout
    assert (packages / "tiny.py").is_file()
    assert counts_as_installed(place) and counts_as_installed(place, "demo")
    again = setup(place, lock="requirements/demo.lock")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


@needs_uv
def test_an_environment_for_a_gpu_stays_one_and_holds_one_tensorflow(place):
    script(place / "bin/uv", TRACED)
    packages = with_ready_environment(place)
    for name in ("tensorflow", "tensorflow-cpu"):
        digest = make_wheel(place, name, {"tensorflow/__init__.py": f"# {name}\n"})
        write_lock(place, name, digest, f"requirements/{'pipeline' if name.endswith('cpu') else 'gpu'}.lock")
    for lock, name in ((None, "tensorflow-cpu"), ("requirements/gpu.lock", "tensorflow")):
        done = setup(place, lock=lock, **offline(place))
        assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
        assert (packages / "tensorflow/__init__.py").read_text() == f"# {name}\n"
        assert [path.name for path in packages.glob("tensorflow*.dist-info")] == [
            f"{name.replace('-', '_')}-1.0.dist-info"
        ]
    (place / "requirements/pipeline.lock").write_text("changed\n")
    again = setup(place)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_an_up_to_date_environment_is_left_alone(place):
    (place / ".venv/bin").mkdir(parents=True)
    script(place / ".venv/bin/python", 'touch "$0.was-run"; exit 1')
    shutil.copy(place / "requirements/pipeline.lock", place / ".venv/installed-pipeline.lock")
    before = sorted((path, path.stat().st_mtime_ns) for path in place.rglob("*"))
    done = setup(place, place / "nowhere")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted((path, path.stat().st_mtime_ns) for path in place.rglob("*")) == before
