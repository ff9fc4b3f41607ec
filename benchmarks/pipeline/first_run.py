"""What a newcomer waits for: `make repro` in a fresh clone with an empty home, second by second.

    python -m benchmarks.pipeline.first_run [--float32]

Clones the last commit into a temporary folder, types `make repro` there with HOME empty, and keeps in
benchmarks/pipeline/first_run.json how long set-up and each stage took, imports and DVC's work included.
--float32: as on a processor without bfloat16; with ONEDNN_MAX_CPU_ISA=AVX2 and
XLA_FLAGS=--xla_cpu_max_isa=AVX2 in the environment: as on one with AVX2 alone.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine
from ladder.files.errors import InputError, run_command
from ladder.files.outputs import replacing
from ladder.reporting.metric_tables import markdown
from ladder.reporting.result_tables import describe_processor
from tools.pipeline.clones import ROOT, change_params

RESULTS = Path(__file__).with_suffix(".json")
SET_UP, METRICS = "set-up", "table of metrics"


def run_and_time(folder: Path, home: Path) -> dict[str, float]:
    """Seconds of each part of `make repro` in `folder`, in order.

    Raises
    ------
    InputError
        It fails; it has said why.
    """
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("VIRTUAL_ENV", "PYTHON"))
    }
    process = subprocess.Popen(
        ["make", "repro"],
        cwd=folder,
        env=kept | {"HOME": str(home), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    part, since, seconds = SET_UP, time.perf_counter(), {}
    for line in process.stdout or ():
        print(line, end="", flush=True)
        started = re.match(r"Running stage '(.+)'", line)
        next_part = started[1] if started else METRICS if line.startswith("Use `dvc push`") else None
        if next_part:
            now = time.perf_counter()
            seconds[part], part, since = now - since, next_part, now
    seconds[part] = time.perf_counter() - since
    if process.wait():
        raise InputError(f"make repro: exit code {process.returncode}")
    return seconds


def measure(float32: bool) -> dict[str, Any]:
    """A run in a fresh clone: the machine, seconds by part, CPU seconds of all."""
    with tempfile.TemporaryDirectory() as name:
        folder, home = Path(name, "clone"), Path(name, "home")
        home.mkdir()
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
        if float32:
            change_params(folder, {"runtime": {"precision": "float32"}})
        seconds = run_and_time(folder, home)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "machine": describe_machine(),
        "float32": float32,
        "seconds": {part: round(spent, 1) for part, spent in seconds.items()},
        "cpu_seconds": round(used.ru_utime + used.ru_stime),
    }


def table(runs: Sequence[dict[str, Any]]) -> str:
    """A Markdown table: a column per run, a row per part."""
    heads = [describe_processor(run["machine"]) + (", float32" if run["float32"] else "") for run in runs]
    parts = list(dict.fromkeys(part for run in runs for part in run["seconds"]))
    rows = [["seconds", *heads]]
    rows += [[part, *(f"{run['seconds'].get(part, 0):.1f}" for run in runs)] for part in parts]
    rows.append(["**all**", *(f"**{sum(run['seconds'].values()):.0f}**" for run in runs)])
    rows.append(["CPU seconds of both cores", *(f"{run['cpu_seconds']}" for run in runs)])
    return markdown(rows) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipeline.first_run")
    parser.add_argument("--float32", action="store_true", help="as without bfloat16")
    run = measure(parser.parse_args().float32)
    runs = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else []
    same = ("machine", "float32")
    runs = [other for other in runs if any(other[key] != run[key] for key in same)] + [run]
    with replacing(RESULTS) as temporary:
        temporary.write_text(json.dumps(runs, indent=1) + "\n", "utf-8")
    print(table(runs), end="")


if __name__ == "__main__":
    run_command(main)
