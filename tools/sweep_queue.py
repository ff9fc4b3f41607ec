"""What a sweep asks of DVC's queue of experiments, and the mend of what a killed worker leaves in it."""

import contextlib
import json
import shutil
import subprocess
from itertools import chain
from pathlib import Path

import psutil

from stages.core.errors import InputError
from tools.mend import runs_here
from tools.sweep_grid import Point


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout


class Queue:
    """DVC's queue in this repository, and its experiments with `stage` on the last commit.

    Raises
    ------
    InputError
        A file that git tracks has been changed: a sweep's runs belong to one commit. DVC also puts such
        changes aside while it queues an experiment, and a kill would leave them there.
    """

    def __init__(self, stage: str) -> None:
        from dvc.repo import Repo

        changed = git("status", "--porcelain", "--untracked-files=no").splitlines()
        if changed:
            raise InputError(
                f"{changed[0][3:]}: changed since the last commit; commit it, or put it back, first"
            )
        self._stage = stage
        self._repo = Repo()
        self._queue = self._repo.experiments.celery_queue
        self._commit = git("rev-parse", "HEAD").strip()

    def put(self, point: Point) -> None:
        """Queue the experiment of a point; a failed one of that name is forgotten."""
        failed = {done.entry.name for done in self._queue.iter_failed()}
        if point.name in failed:
            self._queue.remove([point.name])
        self._repo.experiments.run(queue=True, targets=[self._stage], params=point.overrides, name=point.name)

    def unfinished(self) -> set[str]:
        """The names of the experiments on this commit that are queued or run."""
        # In this order: one that is taken from the queue meanwhile is seen twice, not never.
        entries = chain(self._queue.iter_queued(), self._queue.iter_active())
        return {entry.name for entry in entries if entry.baseline_rev == self._commit}

    def _ref(self, name: str) -> str:
        from dvc.repo.experiments.refs import ExpRefInfo

        return str(ExpRefInfo(self._commit, name))

    def finished(self, name: str) -> bool:
        return bool(git("for-each-ref", self._ref(name)))

    def metrics(self, name: str) -> dict[str, float]:
        """The metrics of the stage in a finished experiment."""
        path = f"./metrics/{self._stage.replace('-', '_')}.json"
        return json.loads(git("show", f"{self._ref(name)}:{path}"))

    def reason(self, name: str) -> str:
        """Why an experiment has failed: the stage's own line, or where to look."""
        for done in self._queue.iter_failed():
            process = self._queue.proc.get(done.entry.stash_rev)
            if done.entry.name == name and process and process.stdout:
                lines = Path(process.stdout).read_text("utf-8", errors="replace").splitlines()
                said = [line for line in lines if line.startswith("error: ")]
                if said:
                    return said[-1]
        return f"see `dvc queue logs {name}`"

    def forget_interrupted(self) -> None:
        """Remove what a killed worker has left: experiments that seem to run, and their working folders.

        To be called when no worker runs.
        """
        app = self._queue.celery
        for message, entry in list(self._queue._iter_processed()):
            if app.AsyncResult(message.headers["id"]).ready():
                continue
            with contextlib.suppress(OSError, ValueError):  # killed before it was written, or meanwhile
                info = json.loads(Path(self._queue.get_infofile_path(entry.stash_rev)).read_text("utf-8"))
                shutil.rmtree(info["root_dir"], ignore_errors=True)
            app.purge(message.delivery_tag)
        if not any(runs_here(process, "dvc") for process in psutil.process_iter()):
            Path(self._repo.tmp_dir, "exps", "rwlock").unlink(missing_ok=True)  # its holders are gone
