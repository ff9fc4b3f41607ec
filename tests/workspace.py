"""A copy of the repository in which stages run in this process, each once, when a test needs its outputs."""

import contextlib
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.test_dvc_yaml import STAGES, declared_outputs, paths_of
from tools.clones import change_params, copy_repository

WRITERS = {path: name for name in STAGES for path in declared_outputs(name)}


def run(name: str) -> None:
    """A stage, in the current folder."""
    importlib.import_module("stages." + name.replace("-", "_")).main()


class Workspace:
    """Such a copy in the empty `folder`; `changes` are made to the committed parameters."""

    def __init__(self, folder: Path, changes: Mapping[str, Mapping[str, Any]]) -> None:
        self.folder, self._ran = folder, set()
        copy_repository(folder)
        change_params(folder, changes)

    def prepare(self, *names: str) -> None:
        """Run these stages, and before each those whose outputs it reads, unless they have run here."""
        for name in names:
            if name not in self._ran:
                self.prepare(
                    *{WRITERS[path]: None for path in paths_of(STAGES[name]["deps"]) if path in WRITERS}
                )
                with contextlib.chdir(self.folder):
                    run(name)
                self._ran.add(name)
