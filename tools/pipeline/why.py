"""`make why`: which stages are not current, and what has changed. Nothing runs.

    python -m tools.pipeline.why [STAGE]

Without a stage it is asked of all, otherwise of this one and those that it needs. What has run is that of
dvc.lock; the commits named are those since dvc.lock was last committed.
"""

import argparse
import logging
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo
from ruamel.yaml import YAML

from ladder.files.errors import InputError, run_command
from tools.pipeline.git import ask

PARAMS, LOCK = "params.yaml", Path("dvc.lock")
HELD = "output missing, but DVC's cache holds it"
Settings = Mapping[str, Any]


def read_yaml(path: str | Path) -> Any:
    return YAML(typ="safe").load(Path(path)) or {}


def flattened(settings: Settings, prefix: str = "") -> dict[str, Any]:
    """Nested groups as one mapping from "a.b.c" to values."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= flattened(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def changed_params(keys: list[str], locked: Settings) -> Iterator[str]:
    """A line for each setting below `keys` that is another than that of the last run."""
    old, new = flattened(locked), flattened(read_yaml(PARAMS))
    for key in sorted(old | new):
        before, after = (of.get(key, "not there") for of in (old, new))
        if before != after and any(f"{key}.".startswith(f"{asked}.") for asked in keys):
            yield f"{PARAMS}: {key}: {before} → {after}"


def code_changes(path: str) -> Iterator[str]:
    """What git knows of the changes of a file or folder since dvc.lock was last committed."""
    edited = ask(Path(), "status", "--porcelain", "--", path).stdout.splitlines()
    if edited:
        yield f"{path}: uncommitted edit of {', '.join(line[3:] for line in edited)}"
    since = ask(Path(), "log", "-1", "--format=%h", "--", str(LOCK)).stdout.strip()
    commits = ask(Path(), "log", "--format=%h %s", f"{since}..HEAD", "--", path).stdout.splitlines()
    yield from (f"{path}: commit {commit}" for commit in commits)
    if not edited and not commits:  # dvc.lock was committed stale
        last = ask(Path(), "log", "-1", "--format=, last by commit %h %s", "--", path).stdout.strip()
        yield f"{path}: changed{last}"


def output_change(path: str, how: str, cached: bool) -> str:
    """What DVC's word for an output means."""
    if how == "deleted" and cached:
        return f"{path}: {HELD}"
    change = "changed by another than the stage" if how == "modified" else "not in the cache of DVC"
    return f"{path}: output {change if Path(path).exists() else 'missing'}"


def reasons(status: list, locked: Settings | None, cached: set[str]) -> Iterator[tuple[str, str]]:
    """What DVC's status of a stage says: the file that it is about, and a line; `cached` are its outputs."""
    if locked is None:
        yield "", "it has never run"
        return
    for entry in status:
        if entry == "changed command":
            yield "", f"its command was {locked['cmd']!r}"
            continue
        for path, how in entry.get("changed deps", {}).items():
            if path == PARAMS:
                lines = changed_params(list(how), locked["params"][PARAMS])
            else:
                lines = code_changes(path) if Path(path).exists() else [f"{path}: missing"]
            yield from ((path, line) for line in lines)
        for path, how in entry.get("changed outs", {}).items():
            yield "", output_change(path, how, path in cached)


def stale_stages(repo: Repo, asked: str | None) -> dict[str, list[str]]:
    """The reasons of each stage that is not current, in the order in which they would run."""
    status = repo.status(targets=asked, with_deps=bool(asked))
    locked = read_yaml(LOCK)["stages"] if LOCK.exists() else {}
    needs = {stage: list(repo.index.graph.successors(stage)) for stage in repo.index.stages}
    stale: dict[str, list[str]] = {}
    running, remade = set[str](), set[Path]()  # a stage that is stale but not running comes from DVC's cache
    for stage in TopologicalSorter(needs).static_order():
        name = stage.addressing
        because = [one.addressing for one in needs[stage] if one.addressing in running]
        if stage.frozen or not (name in status or because):
            continue
        found = reasons(status.get(name, []), locked.get(name), {str(o) for o in stage.outs if o.use_cache})
        # What an earlier stage is about to write anew says nothing.
        lines = [line for path, line in found if not remade & {Path(path), *Path(path).parents}]
        lines += [f"because {one} runs" for one in because]
        if lines:
            stale[name] = lines
            running |= set() if all(line.endswith(HELD) for line in lines) else {name}
            remade |= {Path(str(out)) for out in stage.outs}
    return {name: lines for name, lines in stale.items() if not asked or name in status or name == asked}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.pipeline.why", description=__doc__.splitlines()[0])
    parser.add_argument("stage", metavar="STAGE", nargs="?")
    asked = parser.parse_args(arguments).stage
    logging.getLogger("dvc").setLevel(logging.ERROR)  # that a stage is frozen is no news
    try:
        repo = Repo()
        names = [stage.addressing for stage in repo.index.stages]
        if asked and asked not in names:
            raise InputError(f"STAGE={asked}: no such stage; those are {', '.join(names)}")
        stale = stale_stages(repo, asked)
    except DvcException as error:
        raise InputError(str(error)) from None
    said = "\n".join("\n  ".join([name, *lines]) for name, lines in stale.items())
    print(said or f"{asked or 'every stage'} is current")


if __name__ == "__main__":
    run_command(main)
