"""A copy of the repository in which stages run in this process, each once, when a test needs its outputs."""

import contextlib
import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.pipeline.test_dvc_yaml import STAGES, declared_outputs, paths_of
from tools.pipeline.clones import change_params, copy_repository

WRITERS = {Path(path): name for name in STAGES for path in declared_outputs(name)}


def run(name: str) -> None:
    """A stage, in the current folder."""
    importlib.import_module("stages." + name.replace("-", "_")).main()


class Workspace:
    """Such a copy in the empty `folder`; `changes` are made to the committed parameters."""

    def __init__(self, folder: Path, changes: Mapping[str, Mapping[str, Any]]) -> None:
        self.folder = folder
        self._ran: set[str] = set()
        copy_repository(folder)
        change_params(folder, changes)
        self._params = YAML(typ="safe").load(folder / "params.yaml")

    def prepare(self, name: str) -> None:
        """Run a stage, and before it those whose outputs it reads, unless they have run here."""
        if name not in self._ran:
            self.prepare_inputs(name)
            with contextlib.chdir(self.folder):
                run(name)
            self._ran.add(name)

    def prepare_inputs(self, name: str) -> None:
        """Run the stages whose outputs this one reads, unless they have run here."""
        for path in map(Path, self.deps(name)):
            for output in {path, *path.parents} & WRITERS.keys():
                self.prepare(WRITERS[output])

    def deps(self, name: str) -> list[str]:
        """The paths that dvc.yaml lists as a stage's deps, with these parameters."""
        return [
            re.sub(r"\$\{(\w+)\.(\w+)\}", lambda key: self._params[key[1]][key[2]], path)
            for path in paths_of(STAGES[name]["deps"])
        ]
