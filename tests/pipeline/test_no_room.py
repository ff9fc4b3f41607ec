"""A full disk, a folder that may not be written to, too little memory: one line, earlier results intact."""

import os
import resource
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from ladder.files.errors import run_command
from tests.pipeline.test_dvc_yaml import declared_outputs
from tests.workspace import Workspace, run
from tools.pipeline.clones import TINY, change_params

campaign = partial(pytest.param, marks=pytest.mark.campaign)
SMALL = TINY | {"vgg": TINY["vgg"] | {"weights": "random"}}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return Workspace(tmp_path_factory.mktemp("room"), SMALL)


@pytest.fixture
def workspace(prepared, name):
    """A copy of the repository in which the stage `name` and those before it have run."""
    prepared.prepare(name)
    return prepared.folder


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
@pytest.mark.parametrize(
    ("name", "folder", "read_only"),
    [
        ("generate-celsius-data", "data", False),
        ("generate-celsius-data", "metrics", True),
        campaign("train-linreg", "models", False),
        campaign("train-linreg", "plots", False),
        campaign("train-mnist", "models", False),
        campaign("generate-driver-images", "data", False),
        campaign("generate-driver-images", "data", True),
        campaign("split-driver-images", "data", False),
        campaign("extract-vgg-features", "data", False),
        campaign("extract-vgg-features", "data", True),
    ],
)
def test_without_room_a_stage_says_so_and_earlier_results_stay(
    on_its_own_disk, capsys, name, folder, read_only
):
    on_its_own_disk(folder, read_only)
    outputs = {path: read(Path(path)) for path in declared_outputs(name) if path.startswith(folder)}
    assert outputs
    with pytest.raises(SystemExit) as stopped:
        run_command(lambda: run(name))
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
        campaign("train-mnist", 2, {"mnist": {"layers": [16384, 16384]}}),
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
