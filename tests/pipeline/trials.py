"""A stage that fails at a chosen call, and what is promised of it then.

An output is the old one or the new, never a part; an error is one line that names a file of the stage, and
leaves nothing behind; the next run writes what an undisturbed one does.
"""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

from tests.pipeline.faults import KINDS, READ, Outcome, Stage
from tests.pipeline.test_dvc_yaml import declared_outputs
from tools.pipeline.clones import tree
from tools.pipeline.repro import TEMPORARY

Content = dict[str, bytes]  # of a file, by the name ""; of a folder, by its files' names; empty: not there
Outputs = dict[str, Content]  # of a stage, by their paths
OLD = b"old\n"
CHECKPOINTS = ".checkpoints"


class Point(NamedTuple):
    """Where a stage fails."""

    first: bool  # whether it is a run without earlier outputs
    kind: str  # of `KINDS`
    call: int  # counted from 1

    def replay(self, stage: str) -> str:
        """What to add to the command to see it again."""
        return f"--stage {stage} --kind {self.kind} --call {self.call}{' --first' * self.first}"


def read(path: Path) -> Content:
    """What a file or a folder holds."""
    if path.is_dir():
        return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    return {"": path.read_bytes()} if path.exists() else {}


def write(path: Path, content: Content) -> None:
    """Make it hold this and nothing else."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    for name, data in content.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)


def is_temporary(path: str) -> bool:
    return any(map(TEMPORARY.fullmatch, Path(path).parts))


class Trial:
    """One stage in a workspace in which those before it have run, and the points at which it may fail."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self._stage, self._folder = stage, folder
        self._paths = declared_outputs(stage.name)
        self._others, self._kept = self._beside(), self._outputs()
        self._absent: Outputs = {path: {} for path in self._paths}
        calls = self._undisturbed(self._absent)
        self._new = self._outputs()
        # Folders that take their name when they are whole; in others each file does.
        self._at_once = {path for path in self._paths if f"rename {path}" in calls}
        self._old: Outputs = {
            path: {name: OLD for name in (["old", "deep/old"] if self._is_folder_at_once(path) else content)}
            for path, content in self._new.items()
        }
        again, reading = (self._undisturbed(self._old, kind) for kind in ("ENOSPC", READ))
        self.points = [
            Point(first, kind, call)
            for kind in KINDS
            for first, of_kind in ([(False, reading)] if kind == READ else [(True, calls), (False, again)])
            for call in range(1, len(of_kind) + 1)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._set(self._kept)

    def failures(self, point: Point) -> list[str]:
        """What is not as promised if the stage fails there, and then runs again."""
        earlier = self._absent if point.first else self._old
        self._set(earlier)
        done = self._stage.run(point.call, point.kind)
        if len(done.calls) < point.call:
            return [f"{point.replay(self._stage.name)}: there are only {len(done.calls)} calls"]
        found = [*self._how_it_ended(done, point), *self._what_is_there(done, point, earlier)]
        if done.code:
            again = self._stage.run()
            if again.code:
                found.append(f"the next run: exit code {again.code}: {again.err.strip()[-300:]}")
            found += [f"after the next run: {line}" for line in self._unlike_the_undisturbed()]
        return [f"{point.replay(self._stage.name)} ({done.calls[point.call - 1]}): {line}" for line in found]

    def _how_it_ended(self, done: Outcome, point: Point) -> Iterator[str]:
        if point.kind == "SIGKILL":
            if done.code != -signal.SIGKILL:
                yield f"exit code {done.code}, not killed"
        elif done.code == 0:
            # It does without a checkpoint or what it reads, has the folder, or opens the file in another way.
            call, place = done.calls[point.call - 1].rsplit(" ", 1)
            harmless = point.kind == READ or call in ("mkdir", "open") or place.startswith(CHECKPOINTS)
            if done.err or not harmless:
                yield f"goes on: {done.err.strip()}"
        elif done.code != 1 or not done.err.startswith("error: ") or done.err.count("\n") != 1:
            yield f"exit code {done.code}: {done.err.strip()[-500:]}"
        elif not self._is_known(Path(done.err.removeprefix("error: ").partition(": ")[0]), point):
            yield f"names no file of the stage: {done.err.strip()}"

    def _what_is_there(self, done: Outcome, point: Point, earlier: Outputs) -> Iterator[str]:
        if done.code == 0:
            yield from self._unlike_the_undisturbed()
            return
        killed = point.kind == "SIGKILL"
        for path, content in self._outputs().items():
            new, old = self._new[path], earlier[path]
            if self._is_folder_at_once(path):
                # It is replaced in two steps, and a kill may come between them.
                whole = content in (new, old) or (not content and killed)
            else:
                names = {*content, *old} - (set(filter(is_temporary, content)) if killed else set())
                whole = all(content.get(name) in (new.get(name), old.get(name)) for name in names)
            if not whole:
                yield f"{path}: neither old nor new" if content else f"{path}: lost"
        if not killed:
            cannot_remove = done.calls[point.call - 1].startswith("unlink")
            for path in self._changed_beside():
                temporary = is_temporary(path)
                if not (cannot_remove if temporary else path.startswith(CHECKPOINTS)):
                    yield f"{path}: left, changed or lost"

    def _unlike_the_undisturbed(self) -> list[str]:
        now = self._outputs()
        return [f"{path}: other content" for path in now if now[path] != self._new[path]] + [
            f"{path}: left, changed or lost" for path in self._changed_beside()
        ]

    def _is_folder_at_once(self, path: str) -> bool:
        return path in self._at_once and "" not in self._new[path]

    def _is_known(self, named: Path, point: Point) -> bool:
        """Whether this is an output or lies in one, a temporary file, a checkpoint, or what was read."""
        written = any(named.is_relative_to(path) for path in (*self._paths, CHECKPOINTS))
        read = point.kind == READ and (self._folder / named).is_file()
        return written or is_temporary(str(named)) or read

    def _undisturbed(self, earlier: Outputs, kind: str = "ENOSPC") -> list[str]:
        """The calls that may fail so of a run that nothing disturbs."""
        self._set(earlier)
        done = self._stage.run(0, kind)
        assert done.code == 0, done.err
        return done.calls

    def _set(self, outputs: Outputs) -> None:
        for path, content in outputs.items():
            write(self._folder / path, content)
        for path in self._changed_beside():
            (self._folder / path).unlink(missing_ok=True)

    def _outputs(self) -> Outputs:
        return {path: read(self._folder / path) for path in self._paths}

    def _beside(self) -> dict[str, int]:
        """Every other file, with its time of change."""
        files = [path for path in tree(self._folder) if not any(map(path.is_relative_to, self._paths))]
        return {str(path): (self._folder / path).stat().st_mtime_ns for path in files}

    def _changed_beside(self) -> list[str]:
        return sorted({path for path, _ in self._others.items() ^ self._beside().items()})
