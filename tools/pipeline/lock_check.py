"""`make lock-check`: dvc.lock is of the committed code, data and parameters.

    python -m tools.pipeline.lock_check

Nothing is computed, and no output has to be there: DVC is asked which stages it would run. Its exit code is 0
whatever the answer, so the answer is read. Exit code 0: dvc.lock is current; 2: it is stale.
"""

import re
import subprocess
import sys

from ladder.files.errors import InputError, run_command

CURRENT = "Data and pipelines are up to date."
# The last: a stage that would run, but the data that it reads is not in a fresh clone.
NOT_CURRENT = re.compile(r"Running stage '(.+?)'|Stage '(.+?)' is cached|failed to reproduce '(.+?)'")
STALE = 2  # exit code


def stale_stages(said: str) -> list[str]:
    """The stages that DVC would run or take from its cache of runs, of what `dvc repro --dry` prints."""
    return list(dict.fromkeys(name for found in NOT_CURRENT.findall(said) for name in found if name))


def main() -> None:
    command = [sys.executable, "-m", "dvc", "repro", "--allow-missing", "--dry"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if CURRENT in done.stdout.splitlines():
        print("dvc.lock is current")
        return
    stages = stale_stages(done.stdout + done.stderr)
    if not stages:
        raise InputError(f"dvc repro --dry: {done.stderr.strip()}")
    advice = "type `make repro` and commit what it writes"
    print(f"dvc.lock is stale: {', '.join(stages)} would run; {advice}", file=sys.stderr)
    sys.exit(STALE)


if __name__ == "__main__":
    run_command(main)
