"""Before `make repro PULL=1`: refuse to fetch from no remote, or from one that is not checked.

    python -m tools.pipeline.check_remote

DVC takes what a remote sends as it is, unless it is told to compare it with the hashes of dvc.lock.
"""

import os

from dvc.config import Config, ConfigError

from ladder.files.errors import InputError, run_command
from tools.pipeline.repro import ROOT


def option(config: Config, name: str) -> str:
    """What `dvc remote modify` has to be told to find a remote: in which of DVC's files its settings are."""
    level = [level for level in config.files if name in config.load_one(level)["remote"]][-1]
    return "" if level == "repo" else f"--{level} "


def main() -> None:
    os.chdir(ROOT)
    try:
        config = Config.from_cwd()
    except ConfigError as error:
        raise InputError(str(error)) from None
    name = config["core"].get("remote")
    if not name:
        raise InputError("PULL=1: no remote is set up here; `dvc remote add --default NAME URL` does that")
    if name not in config["remote"]:
        raise InputError(f"PULL=1: .dvc/config: core.remote: {name!r}: no such remote")
    if not config["remote"][name].get("verify"):
        raise InputError(
            f"PULL=1: DVC would take damaged objects from remote {name!r}; "
            f"`dvc remote modify {option(config, name)}{name} verify true` makes it check them"
        )


if __name__ == "__main__":
    run_command(main)
