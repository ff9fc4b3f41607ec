"""The trained outputs of the pipeline: those in the working tree, or those of any revision, through DVC."""

import hashlib
import json
import subprocess
import tempfile
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ruamel.yaml import YAML, YAMLError

from ladder.files.errors import InputError

LOCK = "dvc.lock"


class Outputs:
    """Outputs and metrics of one revision. The current folder is the top of the repository.

    Parameters
    ----------
    rev : a git revision or the name of a DVC experiment; None: the working tree as it is.
    """

    def __init__(self, rev: str | None = None) -> None:
        self.rev = rev
        self._fetched = tempfile.TemporaryDirectory(prefix="outputs-") if rev is not None else None
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove what was fetched; the paths that `path` returned for a revision are gone then."""
        self._opened.close()
        if self._fetched is not None:
            self._fetched.cleanup()

    def path(self, name: str) -> Path:
        """The local file of an output such as "models/linreg.npz"; that of a revision is fetched first.

        Raises
        ------
        InputError
            The output is missing here, or lies neither in DVC's cache nor in a remote.
        """
        if self._fetched is None:
            if not Path(name).is_file():
                raise InputError(f"{name}: no such file; `dvc repro` makes it, `dvc pull` fetches it")
            return Path(name)
        local = Path(self._fetched.name, name)
        if not local.exists():
            try:
                self._repo.dvcfs.get_file(name, str(local))
            except Exception as error:  # DVC and the libraries of its remotes raise many kinds.
                local.unlink(missing_ok=True)
                raise InputError(self._why_missing(name, error)) from None
        return local

    def metrics(self, stage_module: str) -> dict[str, Any]:
        """What stage `stage_module`, such as "train_mnist", measured; raises InputError as `path` does."""
        path = self.path(f"metrics/{stage_module}.json")
        try:
            metrics = json.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise InputError(f"metrics/{stage_module}.json: not JSON: {error}") from None
        if not isinstance(metrics, dict):
            raise InputError(f"metrics/{stage_module}.json: must hold keys and values")
        return metrics

    def temperature(self, stage_module: str, key: str = "temperature") -> float:
        """The temperature that a stage fitted, to calibrate its model with.

        Raises
        ------
        InputError
            The metrics are missing, or hold no such number above 0.
        """
        value = self.metrics(stage_module).get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise InputError(
                f"metrics/{stage_module}.json: {key}: {value!r}; needed is a number above 0, which "
                "`dvc repro` writes"
            )
        return float(value)

    def origin(self, name: str) -> str:
        """Which revision made an output, in words.

        For the working tree its bytes are compared with what dvc.lock of HEAD records.
        """
        if self.rev is not None:
            return f"{name} of commit {self._commit}"
        commit = _git("rev-parse", "--short", "HEAD")
        if commit is None:
            return f"{name} of the working tree, which has no commit"
        with self.path(name).open("rb") as file:
            same = hashlib.file_digest(file, "md5").hexdigest() == self._recorded("HEAD").get(name)
        if same:
            return f"{name} of commit {commit.strip()}"
        return f"{name} of the working tree, not the one that commit {commit.strip()} recorded"

    @cached_property
    def _repo(self) -> Any:
        """The repository, which may be a folder of a larger one, at the revision.

        Cache and remotes are those that are set up today: what was set up then may be gone.
        """
        from dvc.config import Config  # takes 0.3 s, and the working tree needs none of it
        from dvc.repo import Repo
        from dvc.scm import resolve_rev

        try:
            repo = self._opened.enter_context(Repo(config=Config.from_cwd()))
            self._opened.enter_context(repo.switch(resolve_rev(repo.scm, str(self.rev))))
        except Exception as error:  # DVC and the libraries that read git raise many kinds.
            raise InputError(
                f"{self.rev!r} is no revision of this repository that can be read ({error}); `git log` and "
                "`dvc exp show` list them"
            ) from None
        return repo

    @cached_property
    def _commit(self) -> str:
        return self._repo.get_rev()[:7]

    def _why_missing(self, name: str, error: Exception) -> str:
        if name not in self._recorded(self._repo.get_rev()):
            return f"{name}: commit {self._commit} has none; choose a revision in which `dvc repro` made it"
        return (
            f"{name}: commit {self._commit} records it, but it is neither in DVC's cache nor in a remote "
            f"({error}); `dvc fetch --all-commits` where a remote has it, or `git checkout {self._commit}` "
            "and `dvc repro`"
        )

    def _recorded(self, commit: str) -> dict[str, str]:
        """The MD5 of each output in the dvc.lock of a commit; empty where it has none."""
        try:
            lock = YAML(typ="safe", pure=True).load(_git("show", f"{commit}:./{LOCK}") or "")
        except YAMLError as error:
            raise InputError(f"{LOCK}: not valid YAML: {' '.join(str(error).split())[:200]}") from None
        stages = lock.get("stages", {}).values() if isinstance(lock, dict) else ()
        return {out.get("path"): out.get("md5") for stage in stages for out in stage.get("outs", [])}


def _git(*arguments: str) -> str | None:
    """What a git command prints; None where it fails or there is no git."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.decode() if done.returncode == 0 else None
