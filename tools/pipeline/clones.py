"""Copies of this repository to run the real pipeline in, with parameters that make a stage take seconds."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from ladder.files.errors import InputError
from tools.pipeline.git import check_revision, git, variables
from tools.pipeline.inputs import copy_inputs

ROOT = Path(__file__).resolve().parents[2]

TINY = {
    "celsius": {"count": 20},
    "linreg": {"epochs": 50},
    "moons": {"points": 40, "epochs": 2},
    "mlp": {"epochs": 2},
    "mnist": {
        "layers": [8],
        "epochs": 3,
        "deformation": {
            "rotation": 5.0,
            "scaling": 0.1,
            "shear": 0.1,
            "shift": 1.0,
            "elastic": 0.5,
            "elastic_smoothness": 4.0,
        },
    },
    "drivers": {"count": 5, "frames": 2, "height": 32},
    "pretrain": {"images": [4, 8], "image_size": 32, "batch_size": 4},
    "vgg": {"image_size": 32, "augmented_views": 1},
    "split": {"folds": 2},
    "vgg_head": {"units": 8, "epochs": 2},
    "finetune": {"layers": 4, "epochs": 2},
}


def change_params(folder: Path, changes: Mapping[str, Mapping[str, Any]]) -> None:
    """Set the given keys of folder/params.yaml, comments and order kept."""
    yaml = YAML()
    content = yaml.load(folder / "params.yaml")
    for group, values in changes.items():
        content[group].update(values)
    yaml.dump(content, folder / "params.yaml")


def copy_repository(folder: Path) -> None:
    """Every file that git tracks, or would track, as it is in the working tree; each may be written to."""
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
            if not (folder / name).is_symlink():
                (folder / name).chmod((folder / name).stat().st_mode | stat.S_IWUSR)


def environment() -> dict[str, str]:
    """This process's variables, with this environment's Python and DVC first on the path."""
    return variables() | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def run_in(folder: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command in a copy and keep what it prints; if it fails and `check`, that is the error."""
    done = subprocess.run(command, cwd=folder, env=environment(), check=False, capture_output=True, text=True)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def make_origin(
    folder: Path,
    stages: Collection[str] = (),
    changes: Mapping[str, Mapping[str, Any]] | None = None,
    scale: Mapping[str, Mapping[str, Any]] = TINY,
) -> None:
    """A git repository with the working tree's files, other parameters and no dvc.lock, as one commit.

    Parameters
    ----------
    stages : where some are named, the pipeline consists of just these.
    changes : to the parameters of `scale`, which are changes to the committed ones.
    """
    copy_repository(folder)
    (folder / "dvc.lock").unlink(missing_ok=True)
    change_params(folder, scale)
    change_params(folder, changes or {})
    if stages:
        pipeline = YAML(typ="safe").load(folder / "dvc.yaml")["stages"]
        kept = {name: stage for name, stage in pipeline.items() if name in stages}
        YAML(typ="safe").dump({"stages": kept}, folder / "dvc.yaml")
    run_in(folder, "git", "init", "--quiet")
    settings = (
        "user.name=tests",
        "user.email=tests@localhost",
        "commit.gpgSign=no",
        "core.hooksPath=/dev/null",
        "core.compression=0",  # the embedded base would take seconds, and hardly become smaller
    )
    options = [word for setting in settings for word in ("-c", setting)]
    run_in(folder, "git", *options, "add", "--all", "--force")  # whatever the user lets git ignore everywhere
    run_in(folder, "git", *options, "commit", "--quiet", "--message", "other parameters")


def clone_origin(origin: Path, folder: Path) -> None:
    """A git clone that can make commits, as DVC does for an experiment.

    Where `origin` is a folder of a larger repository, `folder` is a link to that folder of the clone.

    Raises
    ------
    InputError
        `origin` is in no git repository, or in one without a commit.
    """
    check_revision(origin, "HEAD")
    within = git(origin, "rev-parse", "--show-prefix").strip()
    cloned = folder.with_name(f"{folder.name}-whole") if within else folder
    git(folder.parent, "clone", "--quiet", git(origin, "rev-parse", "--show-toplevel").strip(), str(cloned))
    if within:
        folder.symlink_to(cloned / within)
    for key, value in (("user.name", "tests"), ("user.email", "tests@localhost")):
        run_in(folder, "git", "config", key, value)


def run_repro(folder: Path) -> int:
    """Run the pipeline in a repository; returns the exit code. It ends with this process."""
    runner = subprocess.Popen([sys.executable, "-m", "tools.pipeline.repro"], cwd=folder, env=environment())
    try:
        return runner.wait()
    finally:
        runner.terminate()  # nothing, if it has ended
        runner.wait()


def run_pipeline(origin: Path, folder: Path) -> None:
    """Clone `origin` to `folder` and run its pipeline there, without any cache of earlier runs.

    Raises
    ------
    InputError
        The pipeline fails; it has said why.
    """
    clone_origin(origin, folder)
    copy_inputs(origin, folder)
    if code := run_repro(folder):
        raise InputError(f"the pipeline failed in a clone with exit code {code}")


def tree(folder: Path) -> list[Path]:
    """Every file below, relative; git's, DVC's and Python's own aside."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".git", ".dvc", "__pycache__")]
        found += [Path(parent, name).relative_to(folder) for name in files]
    return sorted(found)


def differences(reference: Path, folder: Path) -> list[str]:
    """A line for each file that is not the same in both: outputs, dvc.lock, and whatever was left behind."""
    expected, found = set(tree(reference)), set(tree(folder))
    return (
        [f"{path}: missing" for path in sorted(expected - found)]
        + [f"{path}: should not be there" for path in sorted(found - expected)]
        + [
            f"{path}: other bytes"
            for path in sorted(expected & found)
            if (reference / path).read_bytes() != (folder / path).read_bytes()
        ]
    )
