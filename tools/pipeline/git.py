"""What tools ask git, and git's own words where it fails."""

import os
import subprocess
from pathlib import Path

from ladder.files.errors import InputError

# By these git tells a hook which repository it is run for; another folder's git would take that one too.
OF_A_HOOK = {
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
}


def variables() -> dict[str, str]:
    """This process's variables without those that would lead git to another repository than the folder's."""
    return {name: value for name, value in os.environ.items() if name not in OF_A_HOOK}


def ask(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in `folder`, whether it succeeds or not.

    Raises
    ------
    InputError
        git is not installed, or `folder` is in no repository that git would read.
    """
    command = ["git", *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=variables() | {"LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise InputError("git is not installed, or not on PATH") from None
    if "not a git repository" in done.stderr:
        raise InputError(f"{folder.resolve()} is no git repository; `git init` makes it one")
    if "safe.directory" in done.stderr:  # it names the command that helps
        raise InputError(f"git {arguments[0]}: {done.stderr}")
    return done


def git(folder: Path, *arguments: str) -> str:
    """What git prints in `folder`.

    Raises
    ------
    InputError
        git fails; the message is git's.
    """
    done = ask(folder, *arguments)
    if done.returncode:
        raise InputError(f"git {arguments[0]}: {done.stderr}")
    return done.stdout


def check_revision(folder: Path, revision: str) -> None:
    """Raise `InputError` unless git knows this revision."""
    wanted = ["--end-of-options", f"{revision}^{{commit}}"]
    done = ask(folder, "rev-parse", "--verify", "--quiet", *wanted)
    if not done.returncode:
        return
    message = f"{revision!r} is no revision of this repository"
    if done.stderr:
        message = f"git rev-parse: {done.stderr}"
    elif ask(folder, "rev-parse", "--verify", "--quiet", "HEAD").returncode:
        message += ", which has no commit yet; `git add --all && git commit` makes one"
    elif git(folder, "rev-parse", "--is-shallow-repository").strip() == "true":
        message += ", which holds only the latest commits; `git fetch --unshallow` brings the others"
    raise InputError(message)
