"""A copy of the repository for tests, and parameters so small that every stage takes seconds."""

import shutil
import subprocess
from pathlib import Path

from ruamel.yaml import YAML

from tests.imports import ROOT

TINY = {
    "celsius": {"count": 20},
    "linreg": {"epochs": 50},
    "mlp": {"moons": 40, "moons_epochs": 2, "epochs": 2},
    "mnist": {
        "layers": [8],
        "epochs": 2,
        "deformation": {
            "rotation": 5.0,
            "scaling": 0.1,
            "shear": 0.1,
            "shift": 1.0,
            "elastic": 0.5,
            "elastic_smoothness": 4.0,
        },
    },
    "drivers": {"count": 5, "frames": 4, "height": 32},
    "pretrain": {"images": [4, 8], "image_size": 32, "batch_size": 4},
    "vgg": {"image_size": 32, "augmented_views": 1},
    "vgg_head": {"units": 8, "epochs": 2},
    "finetune": {"epochs": 1},
}


def change_params(folder: Path, changes: dict[str, dict[str, object]]) -> None:
    """Set the given keys of folder/params.yaml, comments and order kept."""
    yaml = YAML()
    content = yaml.load(folder / "params.yaml")
    for group, values in changes.items():
        content[group].update(values)
    yaml.dump(content, folder / "params.yaml")


def copy_repository(folder: Path) -> None:
    """Every file that git tracks, or would track, as it is in the working tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
