"""Run stages as the pipeline does, with other parameters, in a folder of their own."""

import contextlib
import importlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from unittest import mock

from ruamel.yaml import YAML

from ladder.files.errors import InputError
from ladder.files.progress import Progress
from ladder.vgg.vgg16 import EMBEDDED_FILE

ROOT = Path(__file__).resolve().parents[2]
PARAMS = ROOT / "params.yaml"


@contextlib.contextmanager
def folder_with_base() -> Iterator[Path]:
    """A temporary folder to run stages in, where the embedded base's weights lie."""
    with tempfile.TemporaryDirectory() as name:
        weights = Path(name) / EMBEDDED_FILE
        weights.parent.mkdir(parents=True)
        weights.symlink_to(ROOT / EMBEDDED_FILE)
        yield Path(name)


def write_params(folder: Path, changes: Mapping[str, Any]) -> None:
    """Write the committed params.yaml with `changes` to `folder`."""
    params = YAML(typ="safe").load(PARAMS)
    for group, values in changes.items():
        params[group] = params[group] | values if isinstance(values, Mapping) else values
    YAML(typ="safe").dump(params, folder / "params.yaml")


def start_stage(folder: Path, stage: str) -> subprocess.Popen[bytes]:
    """Start a stage, by module name, in `folder`, with the params.yaml that lies there."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-m", f"stages.{stage}"], cwd=folder, env=environment)


def check_exit(process: subprocess.Popen[bytes], stage: str) -> None:
    """Wait for a stage.

    Raises
    ------
    InputError
        It fails; it has said why.
    """
    if process.wait():
        raise InputError(f"stage {stage} failed with exit code {process.returncode}")


def run_stages(folder: Path, changes: Mapping[str, Any], stages: Sequence[str]) -> None:
    """Run stages, by module name, in `folder` with the committed params.yaml and `changes` to it.

    Raises
    ------
    InputError
        A stage fails; it has said why.
    """
    write_params(folder, changes)
    for stage in stages:
        check_exit(start_stage(folder, stage), stage)


def time_stage(folder: Path, stage: str) -> list[dict[int, float]]:
    """Run a stage in this process, in `folder`, and tell how fast its progress went.

    Returns
    -------
    For each time that the stage counts steps: number of steps done → seconds since it began to count them.
    What it does before, such as reading its model, and after, such as drawing figures, is left out.
    """
    seconds: list[dict[int, float]] = []
    module = importlib.import_module(f"stages.{stage}")

    class TimedProgress(Progress):
        def __enter__(self) -> Self:
            self._start = time.perf_counter()
            seconds.append({})
            return super().__enter__()

        def advance(self, steps: int = 1, **figures: float) -> None:
            super().advance(steps, **figures)
            seconds[-1][self.done] = time.perf_counter() - self._start

    with contextlib.chdir(folder), mock.patch.object(module, "Progress", TimedProgress):
        module.main()
    return seconds
