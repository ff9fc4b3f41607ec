"""The files of data/raw/ that stages read and no stage makes: missed before a run, and taken along."""

import shutil
from pathlib import Path

from dvc.repo import Repo

from ladder.files.errors import InputError

RAW = Path("data/raw")


def check_inputs(repo: Repo) -> None:
    """Refuse to run where an input is missing: DVC would delete the outputs of its stage first.

    Raises
    ------
    InputError
        A file or folder is not there that a stage reads, and no stage and no `dvc add` makes.
    """
    made = [Path(out.fs_path) for out in repo.index.outs]
    for stage in repo.index.stages:
        for dep in stage.deps:
            path = Path(dep.fs_path)
            if not path.exists() and not any(
                path.is_relative_to(out) or out.is_relative_to(path) for out in made
            ):
                raise InputError(
                    f"{dep}: no such file or folder, and {stage.addressing} reads it; "
                    f"`dvc add {dep}` where it is, and `dvc push`, let it come by `dvc pull`"
                )


def copy_inputs(repository: Path, clone: Path) -> None:
    """Copy what `dvc add` has put on record below data/raw/, and git therefore does not clone."""
    for note in (clone / RAW).rglob("*.dvc"):
        path = note.with_suffix("").relative_to(clone)
        if (repository / path).is_dir():
            shutil.copytree(repository / path, clone / path)
        elif (repository / path).exists():
            shutil.copy2(repository / path, clone / path)
