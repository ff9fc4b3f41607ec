"""A folder in which tools/project/setup.sh runs without a network, on wheels that are made here."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.imports import ROOT

UV = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
TRACED = f'echo "$*" >>"$TRACE_OF_UV"; exec "{UV}" "$@"'
OLD = 'case "$*" in *--help) echo "[env: UV_INDEX_URL=]";; *) echo "$*" >>"$TRACE_OF_UV"; exit 1;; esac'

needs_uv = pytest.mark.skipif(UV is None, reason="pip has installed this environment: there is no uv")


def make_place(folder):
    """The folder with the script, no uv that works, and a lock of one package that no index has."""
    for name in ("tools/project", "bin", "wheels", "requirements"):
        (folder / name).mkdir(parents=True)
    for name in ("setup.sh", "installer.py", "is_installed.py"):
        shutil.copy(ROOT / "tools/project" / name, folder / "tools/project")
    script(folder / "bin/uv", OLD)
    write_lock(folder, "tiny", "0" * 64)
    write_lock(folder, "uv", "0" * 64, "requirements/installer.lock")
    return folder


def write_lock(place, name, digest, lock="requirements/pipeline.lock"):
    (place / lock).write_text(f"{name}==1.0 --hash=sha256:{digest}\n")


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def setup(place, python=sys.executable, lock=None, as_user=(), **changes):
    """Run the script without a network, for `lock` if one is given; returns the finished process.

    `as_user` is a command that runs another as somebody else.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    environment |= {
        "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(place),
        "PYTHON": str(python),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "UV_CACHE_DIR": str(place / "cache"),
        "TRACE_OF_UV": str(place / "uv.trace"),
        **changes,
    }
    command = [*as_user, "sh", "tools/project/setup.sh", *([lock] if lock else [])]
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=120)


def offline(place):
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(place / "wheels")}


def uv_has_installed(place):
    trace = place / "uv.trace"
    return trace.exists() and "--require-hashes" in trace.read_text()


def counts_as_installed(place, lock="pipeline"):
    stamp = place / f".venv/installed-{lock}.lock"
    return stamp.exists() and stamp.read_bytes() == (place / f"requirements/{lock}.lock").read_bytes()


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


def make_wheel(place, name="tiny", files=None):
    """A wheel in place/wheels, of one empty module unless `files` are given; returns its SHA-256."""
    info = f"{name.replace('-', '_')}-1.0.dist-info"
    content = (files or {f"{name}.py": ""}) | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text)}\n"
    wheel = place / "wheels" / f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in (content | {f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}).items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = (0o100755 if "/scripts/" in path else 0o100644) << 16
            archive.writestr(entry, text)
    return hashlib.sha256(wheel.read_bytes()).hexdigest()
