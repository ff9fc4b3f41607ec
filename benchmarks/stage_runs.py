"""Run stages as the pipeline does, with other parameters, in a folder of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stages.core.errors import InputError

ROOT = Path(__file__).resolve().parent.parent


def run_stages(folder: Path, changes: Mapping[str, Any], stages: Sequence[str]) -> None:
    """Run stages, by module name, in `folder` with the committed params.yaml and `changes` to it.

    Raises
    ------
    InputError
        A stage fails; it has said why.
    """
    params = YAML(typ="safe").load(ROOT / "params.yaml")
    for group, values in changes.items():
        params[group] = params[group] | values if isinstance(values, Mapping) else values
    YAML(typ="safe").dump(params, folder / "params.yaml")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for stage in stages:
        done = subprocess.run(
            [sys.executable, "-m", f"stages.{stage}"], cwd=folder, env=environment, check=False
        )
        if done.returncode:
            raise InputError(f"stage {stage} failed with exit code {done.returncode}")


def read_metrics(folder: Path, stage: str) -> dict[str, float]:
    """The metrics that a stage, by module name, wrote in `folder`."""
    return json.loads((folder / f"metrics/{stage}.json").read_text("utf-8"))
