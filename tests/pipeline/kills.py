"""Kills of a running pipeline at chosen moments, and the comparison of what it makes in the end."""

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
from ruamel.yaml import YAML

from tools.pipeline.clones import clone_origin, differences, environment, tree
from tools.pipeline.repro import LOCK, TEMPORARY, is_whole

POLL = 0.001  # s
KINDS = ("data", "models", "metrics", "plots", "report", ".checkpoints", "dvc.lock")
LOG = Path(".dvc/tmp/chaos.log")
START = "(starting)"  # killed before DVC came to a stage
TRIES = 3  # to hit a stage that no kill has hit yet


def declared_folders(folder: Path) -> tuple[list[str], set[Path]]:
    """The stages that are not frozen, in the order of dvc.yaml, and the folders that they write to."""
    stages = YAML(typ="safe").load(folder / "dvc.yaml")["stages"]
    running = {name: stage for name, stage in stages.items() if not stage.get("frozen")}
    entries = [
        entry if isinstance(entry, str) else next(iter(entry))
        for stage in running.values()
        for kind in ("outs", "metrics", "plots")
        for entry in stage.get(kind, [])
    ]
    return list(running), {Path(entry).parent for entry in entries} - {Path(".")}


class Watch:
    """Tells what has begun to be written in a clone since it was last asked."""

    def __init__(self, clone: Path, folders: set[Path]) -> None:
        self._clone, self._folders = clone, folders
        self._times: dict[Path, int] = {}
        self._names: dict[Path, set[str]] = {}
        self.written()

    def written(self) -> set[str]:
        """Members of `KINDS` in which a new name has appeared; dvc.lock, if it has been changed."""
        kinds = set()
        checkpoints = self._clone / ".checkpoints"
        below = []
        with suppress(FileNotFoundError):  # the stage may end and remove it
            below = [path for path in checkpoints.iterdir() if path.is_dir()]
        for path in [*(self._clone / folder for folder in self._folders), checkpoints, *below]:
            try:
                changed = path.stat().st_mtime_ns
                if self._times.get(path) == changed:
                    continue
                names = set(os.listdir(path))
            except FileNotFoundError:
                continue
            if names - self._names.get(path, set()):
                kinds.add(path.relative_to(self._clone).parts[0])
            self._times[path], self._names[path] = changed, names
        lock = self._clone / LOCK
        changed = lock.stat().st_mtime_ns if lock.exists() else 0
        if self._times.get(lock, changed) != changed:
            kinds.add(LOCK.name)
        self._times[lock] = changed
        return kinds


class Run:
    """One start of the runner in a clone."""

    def __init__(self, clone: Path) -> None:
        self.clone = clone
        (clone / LOG).parent.mkdir(parents=True, exist_ok=True)
        with (clone / LOG).open("wb") as log:
            self.runner = subprocess.Popen(
                [sys.executable, "-m", "tools.pipeline.repro"],
                cwd=clone,
                env=environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._dvc: int | None = None
        self._looked = 0.0

    def log(self) -> str:
        return (self.clone / LOG).read_text("utf-8", errors="replace")

    def ended(self) -> bool:
        """Whether it has ended by itself; looks for the process of DVC meanwhile, to hit it at once."""
        if self._dvc is None and time.monotonic() > self._looked + 0.1:
            self._looked = time.monotonic()
            with contextlib.suppress(psutil.Error):  # one has just ended
                children = psutil.Process(self.runner.pid).children()
                self._dvc = next((child.pid for child in children if "dvc" in child.cmdline()), None)
        return self.runner.poll() is not None

    def kill(self) -> None:
        """SIGKILL to the runner, to DVC and to the stage, until none is left."""
        for group in filter(None, (self._dvc, self.runner.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        self.runner.wait()
        while left := list(processes_in(self.clone)):
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended by itself
                    process.kill()
            psutil.wait_procs(left, timeout=1)


def processes_in(folder: Path) -> Iterator[psutil.Process]:
    """Processes whose current folder is this one."""
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()) == folder and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except psutil.Error:
            continue


def temporaries(folder: Path) -> list[str]:
    return [path.name for path in tree(folder) if any(map(TEMPORARY.fullmatch, path.parts))]


class Campaign:
    """Kills of the pipeline in clones of `origin`, which lie in `folder`; `reference` is one that has run."""

    def __init__(self, origin: Path, reference: Path, folder: Path, seed: int) -> None:
        self.origin, self.reference, self.folder = origin, reference, folder
        self.kills: list[tuple[str, str]] = []  # stage and kind of each
        self.torn = 0  # kills that left a part of a file
        self.mended: Counter[str] = Counter()
        self.compared = 0
        self.differences: list[str] = []
        self.stages, self._folders = declared_folders(origin)
        self._random = random.Random(seed)
        self._clone = self._fresh()

    def _fresh(self) -> Path:
        """A new clone, without cache, in a new place, that no kill has hit yet."""
        self._hit = False
        clone = self.folder.resolve() / f"victim-{self.compared}"
        clone_origin(self.origin, clone)
        return clone

    def run(self, kills: int, seconds: float) -> None:
        """At least `kills` kills, then until each stage was hit, then a last run in peace.

        Parameters
        ----------
        seconds : that an undisturbed run takes.
        """
        longest = max(8.0, seconds / 10)
        while len(self.kills) < kills:
            if self._random.random() < 0.5:
                self.kill_once("random", after=self._random.uniform(0, longest))
            else:
                self.kill_once(self._random.choice(KINDS), event=self._random.randint(1, 3))
        self.finish()
        for stage in [stage for stage in self.stages if stage not in {hit for hit, _ in self.kills}]:
            for _ in range(TRIES):
                if stage not in {hit for hit, _ in self.kills}:
                    self.kill_once("stage", stage=stage, after=self._random.uniform(0, 0.5))
        self.finish()

    def finish(self) -> None:
        """Let the pipeline end where a kill has hit it."""
        if self._hit:
            self.kill_once("none")

    def kill_once(self, kind: str, after: float = 0, event: int = 0, stage: str = "") -> None:
        """Run the pipeline and kill it; if it ends before, compare.

        Parameters
        ----------
        kind : "random", "stage", "none", or one of `KINDS`.
        after : seconds until the kill, from the start or from that of `stage`.
        event : which writing of this kind is hit, counted from 1.
        """
        watch = Watch(self._clone, self._folders)
        run = Run(self._clone)
        start = time.monotonic()
        while not run.ended():
            if kind in KINDS:
                event -= kind in watch.written()
                hit = event == 0
            elif kind == "stage" and f"Running stage '{stage}'" not in run.log():
                start, hit = time.monotonic(), False
            else:
                hit = kind != "none" and time.monotonic() - start >= after
            if hit:
                run.kill()
                self._record(run, kind)
                return
            time.sleep(POLL if kind in KINDS else 0.02)
        self._count_mended(run)
        self._compare(run)

    def _record(self, run: Run, kind: str) -> None:
        self._hit = True
        named = re.findall(r"[Ss]tage:? '([^']+)'", run.log())
        stage = next((name for name in reversed(named) if name in self.stages), START)
        self.kills.append((stage, kind))
        print(f"kill {len(self.kills)}: {stage}, {kind}", flush=True)
        lock = self._clone / LOCK
        self.torn += bool(temporaries(self._clone)) or (lock.exists() and not is_whole(lock.read_bytes()))
        self._count_mended(run)

    def _count_mended(self, run: Run) -> None:
        for line in run.log().splitlines():
            if line.startswith("mended: "):
                for what in ("dvc.lock", "locks", "temporary"):
                    self.mended[what] += what in line

    def _compare(self, run: Run) -> None:
        place = f"after {len(self.kills)} kills"
        if run.runner.returncode:
            last = run.log().strip().splitlines()[-1:]
            self.differences.append(f"{place}: exit code {run.runner.returncode}: {' '.join(last)}")
        self.differences += [f"{place}: {line}" for line in differences(self.reference, self._clone)]
        self.compared += 1
        shutil.rmtree(self._clone)
        self._clone = self._fresh()
        print(f"run compared: {len(self.differences)} differences so far", flush=True)
