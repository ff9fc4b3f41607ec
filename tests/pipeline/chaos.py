"""`make chaos N=100`: kill the pipeline at any moment, again and again, and prove that nothing is lost.

    python -m tests.pipeline.chaos --kills N [--seed S] [--json FILE]

In a clone with tiny parameters the runner (tools/pipeline/repro.py) is started and gets SIGKILL with all its
processes: in half of the runs at a random time, in the others when something is being written. A run that
ends before its kill must have made the same bytes as a reference that nobody disturbed; then a fresh clone
takes its place. Exit code 1 if anything differs.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ladder.files.errors import InputError, run_command
from ladder.files.outputs import replacing
from tests.pipeline.kills import START, Campaign
from tools.pipeline.clones import clone_origin, make_origin, run_in


def report(campaign: Campaign, seed: int, seconds: float) -> dict[str, Any]:
    """What happened, as it is written to the file."""
    kinds = sorted({kind for _, kind in campaign.kills})
    return {
        "seed": seed,
        "seconds": round(seconds),
        "kills": len(campaign.kills),
        "kills_in_the_middle_of_a_file": campaign.torn,
        "kills_by_stage": {
            stage: {kind: campaign.kills.count((stage, kind)) for kind in kinds}
            for stage in [START, *campaign.stages]
        },
        "mended": dict(sorted(campaign.mended.items())),
        "runs_compared": campaign.compared,
        "differences": campaign.differences,
    }


def table(found: Mapping[str, Any]) -> str:
    """Kills by stage and kind, and what came of them."""
    stages = found["kills_by_stage"]
    width = max(map(len, stages))
    kinds = next(iter(stages.values()))
    lines = [f"{'kills':{width}}" + "".join(f"{kind:>13}" for kind in [*kinds, "all"])]
    for stage, counts in stages.items():
        figures = [*counts.values(), sum(counts.values())]
        lines.append(f"{stage:{width}}" + "".join(f"{count:13}" for count in figures))
    mended = ", ".join(f"{what} {times}×" for what, times in found["mended"].items() if times)
    lines += [
        f"{found['kills']} kills, {found['kills_in_the_middle_of_a_file']} of them in the middle of a file",
        f"mended: {mended or 'nothing'}",
        f"{found['runs_compared']} finished runs compared with the undisturbed one: "
        f"{len(found['differences'])} differences",
    ]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.pipeline.chaos", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--kills", type=int, default=100, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the moments")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args(arguments)
    if options.kills < 1:
        raise InputError(f"--kills {options.kills}: at least 1")
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        origin, reference = Path(name, "origin"), Path(name, "reference")
        make_origin(origin)
        clone_origin(origin, reference)
        run_in(reference, sys.executable, "-m", "tools.pipeline.repro")
        print(f"the reference took {time.monotonic() - start:.0f} s", flush=True)
        campaign = Campaign(origin, reference, Path(name), options.seed)
        campaign.run(options.kills, time.monotonic() - start)
    found = report(campaign, options.seed, time.monotonic() - start)
    print(table(found), end="")
    if options.json:
        with replacing(options.json) as temporary:
            temporary.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    for line in campaign.differences:
        print(f"difference: {line}", file=sys.stderr)
    if campaign.differences:
        sys.exit(1)


if __name__ == "__main__":
    run_command(main)
