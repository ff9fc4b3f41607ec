"""tools/setup.sh: makes the environment once, and says in one line why it cannot."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "tools" / "setup.sh"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a script for sh")


@pytest.fixture
def place(tmp_path):
    """A folder with the script and a lock of one package that no index has."""
    (tmp_path / "tools").mkdir()
    shutil.copy(SCRIPT, tmp_path / "tools")
    write_lock(tmp_path, "tiny", "1.0", "0" * 64)
    return tmp_path


def write_lock(place, name, version, digest, lock="requirements.lock"):
    (place / lock).write_text(f"{name}=={version} --hash=sha256:{digest}\n")


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def setup(place, python=sys.executable, lock=None, **changes):
    """Run the script without a network, for `lock` if one is given; returns the finished process."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environment |= {
        "PYTHON": str(python),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        **changes,
    }
    command = ["sh", "tools/setup.sh", *([lock] if lock else [])]
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=120)


def refusal(done):
    """The one line of a run that failed."""
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


def with_ready_environment(place):
    """A .venv that borrows the pip of this interpreter: made in a moment, unlike one with its own."""
    pip = pytest.importorskip("pip")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / ".venv"], check=True)
    packages = next((place / ".venv").glob("lib/python*/site-packages"))
    # Only pip: whatever else lies beside it must not count as installed.
    (packages / "pip").symlink_to(Path(pip.__file__).parent, target_is_directory=True)
    return packages


def make_wheel(folder):
    """A wheel of one empty module; returns its SHA-256."""
    folder.mkdir()
    info = "tiny-1.0.dist-info"
    content = {
        "tiny.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for name, text in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(text)}\n"
    path = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in (content | {f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}).items():
            archive.writestr(name, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


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
    assert not (place / ".venv" / "installed.lock").exists()


def test_without_a_network_nothing_counts_as_installed(place):
    with_ready_environment(place)
    (place / ".venv" / "installed.lock").write_text("of another lock\n")
    done = setup(place, PIP_RETRIES="1")
    assert "no connection to the package index" in refusal(done)
    assert not (place / ".venv" / "installed.lock").exists()


def test_packages_are_installed_once_and_again_for_a_changed_lock(place):
    packages = with_ready_environment(place)
    write_lock(place, "tiny", "1.0", make_wheel(place / "wheels"))
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(place / "wheels")}

    first = setup(place, **offline)
    assert (first.returncode, first.stderr) == (0, "")
    assert "installing" in first.stdout and first.stdout.count("\n") == 1
    assert (packages / "tiny.py").is_file()
    assert (place / ".venv/installed.lock").read_bytes() == (place / "requirements.lock").read_bytes()

    write_lock(place, "tiny", "1.0", "0" * 64)
    shutil.rmtree(packages / "tiny-1.0.dist-info")
    line = refusal(setup(place, **offline))
    assert "requirements.lock" in line and "hash" in line.lower()


def test_another_lock_is_installed_beside_the_first_and_remembered_for_itself(place):
    packages = with_ready_environment(place)
    write_lock(place, "tiny", "1.0", make_wheel(place / "wheels"), "requirements-demo.lock")
    shutil.copy(place / "requirements.lock", place / ".venv/installed.lock")
    done = setup(place, lock="requirements-demo.lock", PIP_NO_INDEX="1", PIP_FIND_LINKS=str(place / "wheels"))
    assert (done.returncode, done.stderr) == (0, "") and "requirements-demo.lock" in done.stdout
    assert (packages / "tiny.py").is_file()
    for kept in ("", "-demo"):
        lock, stamp = place / f"requirements{kept}.lock", place / f".venv/installed{kept}.lock"
        assert lock.read_bytes() == stamp.read_bytes()
    again = setup(place, lock="requirements-demo.lock")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("extra", "expected"), [("demo", {"gradio", "selenium"}), ("distributed", {"jax", "jaxlib"})]
)
def test_the_lock_of_an_extra_adds_packages_and_changes_no_version(extra, expected):
    def versions(lock):
        return set(re.findall(r"^[\w.-]+==[\w.]+", (ROOT / lock).read_text("utf-8"), re.MULTILINE))

    plain, larger = versions("requirements.lock"), versions(f"requirements-{extra}.lock")
    assert plain < larger
    added = {line.split("==")[0] for line in larger - plain}
    assert expected <= added and not added & {line.split("==")[0] for line in plain}


def test_an_up_to_date_environment_is_left_alone(place):
    (place / ".venv/bin").mkdir(parents=True)
    script(place / ".venv/bin/python", 'touch "$0.was-run"; exit 1')
    shutil.copy(place / "requirements.lock", place / ".venv/installed.lock")
    before = sorted((path, path.stat().st_mtime_ns) for path in place.rglob("*"))
    done = setup(place, place / "nowhere")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted((path, path.stat().st_mtime_ns) for path in place.rglob("*")) == before
