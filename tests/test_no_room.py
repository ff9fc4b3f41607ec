"""A full disk, a folder that may not be written to, too little memory: one line, earlier results intact."""

import importlib
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stages.core.errors import run_command
from tests.test_dvc_yaml import declared_outputs
from tools.clones import TINY, change_params, copy_repository

SMALL = TINY | {
    "drivers": {"count": 5, "frames": 2, "height": 32},
    "vgg": TINY["vgg"] | {"weights": "random"},
}
PREPARED = (
    "generate-celsius-data",
    "train-linreg",
    "prepare-digits",
    "train-mnist",
    "generate-driver-images",
    "split-driver-images",
    "prepare-vgg-base",
    "extract-vgg-features",
    "train-vgg-head",
)


def run(name):
    run_command(importlib.import_module("stages." + name.replace("-", "_")).main)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A copy of the repository in which stages of every kind have run once."""
    folder = tmp_path_factory.mktemp("room")
    copy_repository(folder)
    change_params(folder, SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in PREPARED:
            run(name)
    return folder


@pytest.fixture
def on_its_own_disk(workspace, monkeypatch):
    """A function that puts a folder of the workspace on a small disk: a full one, or one for reading only."""
    monkeypatch.chdir(workspace)
    mounted = []

    def mount(folder, read_only):
        kept = Path(f"{folder}.kept")
        shutil.copytree(folder, kept, symlinks=True)
        size = sum(path.stat().st_size for path in kept.rglob("*") if path.is_file()) + 2**23
        if subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False
        ).returncode:
            shutil.rmtree(kept)
            pytest.skip("mounting a small disk needs the rights of root")
        mounted.append((folder, kept))
        shutil.copytree(kept, folder, symlinks=True, dirs_exist_ok=True)
        if read_only:
            subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        else:
            with open(Path(folder, "filler"), "wb", buffering=0) as file, pytest.raises(OSError):
                while True:
                    file.write(bytes(4096))

    yield mount
    for folder, kept in mounted:
        subprocess.run(["umount", "--lazy", folder], check=True)  # memory maps may be open
        shutil.rmtree(kept)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounting needs root on Linux")
@pytest.mark.parametrize("read_only", [False, True], ids=["full", "read-only"])
@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("generate-celsius-data", "data"),
        ("generate-celsius-data", "metrics"),
        ("train-linreg", "models"),
        ("train-linreg", "plots"),
        ("prepare-digits", "data"),
        ("train-mnist", "models"),
        ("train-mnist", "plots"),
        ("generate-driver-images", "data"),
        ("split-driver-images", "data"),
        ("prepare-vgg-base", "models"),
        ("extract-vgg-features", "data"),
        ("train-vgg-head", "models"),
    ],
)
def test_without_room_a_stage_says_so_and_earlier_results_stay(
    on_its_own_disk, capsys, name, folder, read_only
):
    on_its_own_disk(folder, read_only)
    outputs = {path: read(Path(path)) for path in declared_outputs(name) if path.startswith(folder)}
    assert outputs
    with pytest.raises(SystemExit) as stopped:
        run(name)
    errors = capsys.readouterr().err
    assert stopped.value.code == 1
    reason = "Read-only file system" if read_only else "No space left on device"
    assert errors.startswith(f"error: {folder}/") and errors.count("\n") == 1
    assert errors.endswith(f": cannot be written: {reason}\n")
    assert {path: read(Path(path)) for path in outputs} == outputs
    assert [path for path in Path(folder).rglob("*") if ".tmp" in path.name] == []


def read(path):
    """What a file, or each file of a folder, holds."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [(file.name, file.read_bytes()) for file in files if file.is_file()]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds a process's memory so")
@pytest.mark.parametrize(
    ("name", "gigabytes", "changes"),
    [
        ("generate-celsius-data", 0.25, {"celsius": {"count": 10_000_000}}),
        ("train-mnist", 2, {"mnist": {"layers": [16384, 16384]}}),
    ],
)
def test_without_memory_a_stage_says_so(workspace, name, gigabytes, changes):
    kept = (workspace / "params.yaml").read_bytes()
    outputs = {path: read(workspace / path) for path in declared_outputs(name)}
    change_params(workspace, changes)
    bound = int(gigabytes * 2**30)
    try:
        process = subprocess.run(
            [sys.executable, "-m", f"stages.{name.replace('-', '_')}"],
            cwd=workspace,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (bound, bound)),
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        (workspace / "params.yaml").write_bytes(kept)
    assert process.returncode == 1, process.stderr
    assert process.stderr.startswith("error: not enough memory: ") and process.stderr.count("\n") == 1
    assert {path: read(workspace / path) for path in outputs} == outputs
