"""What the tests of remotes share: clones that have one, damage to what it holds."""

import os
from pathlib import Path

from ruamel.yaml import YAML

from tools.pipeline.clones import clone_origin, run_in


def set_remote(folder: Path, url: str, **settings: object) -> None:
    """Give a clone a default remote of its own, beside what is committed."""
    lines = ["[core]", "    remote = storage", "['remote \"storage\"']", f"    url = {url}"]
    lines += [f"    {key} = {value}" for key, value in settings.items()]
    (folder / ".dvc/config.local").write_text("\n".join(lines) + "\n", "utf-8")


def clone_with_remote(first: Path, folder: Path, url: str, **settings: object) -> Path:
    """A second clone, with dvc.lock and an empty cache."""
    clone_origin(first, folder)
    set_remote(folder, url, **settings)
    return folder


def objects_of(folder: Path) -> dict[str, str]:
    """Where in a cache or a remote the content of each output lies, as dvc.lock names it."""
    stages = YAML(typ="safe").load(folder / "dvc.lock")["stages"]
    digests = {out["path"]: out["md5"] for stage in stages.values() for out in stage["outs"]}
    return {path: f"files/md5/{digest[:2]}/{digest[2:]}" for path, digest in digests.items()}


def damage(path: Path) -> None:
    """Change one byte of a file, as a disk would: mode and time stay."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def check_pull_gives_all(second: Path) -> None:
    """`dvc pull` brings everything; the pipeline has nothing left to run."""
    run_in(second, "dvc", "pull")
    again = run_in(second, "dvc", "repro")
    assert "Data and pipelines are up to date." in again.stdout and "Running stage" not in again.stdout
