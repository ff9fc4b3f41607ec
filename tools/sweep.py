"""`make sweep STAGE=train-mnist GRID='mnist.epochs=3,10' BY=val_accuracy`: a stage at each point of a grid.

    python -m tools.sweep STAGE --grid "KEY=VALUE,VALUE KEY=VALUE" --by METRIC [--jobs N] [--share K/N]

Each point is an experiment of DVC, run by DVC's own queue on the last commit; those that have run on it are
not run again. With --share 2/3, this is the second of three machines, and runs a third of the points.
Printed are the points that have run, best first by a validation metric. Test metrics are neither used nor
shown: the best of many would be chosen by its luck on the test split, whose figure then promises too much.
SIGINT, SIGTERM and SIGHUP end the runs and the queue's workers too. Exit code: 0, 1 if a run failed, or 128
and the number of the signal.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from stages.core.errors import InputError, run_command
from tools import mend
from tools.repro import ROOT
from tools.stopping import exit_with, read_jobs, tick
from tools.sweep_grid import Point, check_metric, points, read_share, result_table
from tools.sweep_queue import Queue

MUTEX = Path(".dvc/tmp/sweep.lock")
WORKER, RUN = "queue-worker", "exec-run"  # commands of DVC
POLL = 0.5  # s
START = 120.0  # s that a worker may take to appear
GRACE = 2.0  # s that a worker has to end by itself


def processes(command: str) -> list[psutil.Process]:
    """The processes of this command of DVC in this repository."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # it has ended, or is somebody else's
            if command in process.cmdline() and Path(process.cwd()).is_relative_to(Path.cwd()):
                found.append(process)
    return found


def kill_runs() -> bool:
    """Kill the experiments that run here, and what they have started; returns whether there were any."""
    runs = processes(RUN)
    for run in runs:
        with contextlib.suppress(psutil.Error):
            for process in [*run.children(recursive=True), run]:
                process.kill()
    return bool(runs)


def end(with_runs: bool) -> None:
    """End the workers. With their runs: at once. Otherwise a worker that is busy ends after its run."""
    left = processes(WORKER)
    for worker in left:
        with contextlib.suppress(psutil.Error):
            worker.terminate()  # it takes no further experiment
    deadline = time.monotonic() + GRACE
    while ((with_runs and kill_runs()) or left) and time.monotonic() < deadline:
        _, left = psutil.wait_procs(left, timeout=0.2)
    if with_runs:
        for worker in left:
            with contextlib.suppress(psutil.Error):
                worker.kill()
        kill_runs()


def run(queue: Queue, wanted: list[Point], jobs: int) -> None:
    """Let DVC's queue run the points that are missing, `jobs` at a time, and wait for them.

    Raises
    ------
    InputError
        The workers are gone before their work is done.
    """
    if not processes(WORKER):
        kill_runs()  # nobody would collect what they measure
        queue.forget_interrupted()
    missing = {point.name: point for point in wanted if not queue.finished(point.name)}
    print(f"{len(wanted) - len(missing)} of {len(wanted)} points have run before", flush=True)
    queued = queue.unfinished()
    for name, point in missing.items():
        tick()
        if name not in queued:
            queue.put(point)
    if missing:
        start = [sys.executable, "-m", "dvc", "queue", "start", "--jobs", str(jobs)]
        # Not in this session: a Ctrl-C is for this program, which ends the workers.
        subprocess.run(start, check=True, start_new_session=True)
    found: list[psutil.Process] = []
    deadline = time.monotonic() + START
    while missing:
        tick()
        time.sleep(POLL)
        if not any(worker.is_running() for worker in found):
            found = processes(WORKER)
        left = queue.unfinished()
        for name in [name for name in missing if name not in left]:
            outcome = "done" if queue.finished(name) else f"failed: {queue.reason(name)}"
            print(f"{name}  {missing.pop(name)}  {outcome}", flush=True)
        if found:
            deadline = time.monotonic()
        elif missing and time.monotonic() > deadline:
            raise InputError(
                f"DVC's queue stopped before {len(missing)} points had run; `make sweep` goes on"
            )


def sweep(stage: str, grid: str, by: str, jobs: int, share: slice) -> bool:
    """Run what is missing of this machine's share and print the table; returns whether all of it has run."""
    check_metric(stage, by)
    wanted = points(stage, grid)
    mine = wanted[share]
    with mend.exclusive(MUTEX, tick, "another `make sweep` runs here: waiting for it to end"):
        queue = Queue(stage)
        complete = False
        try:
            run(queue, mine, jobs)
            complete = True
        finally:
            end(with_runs=not complete)
            if not complete:
                queue.forget_interrupted()
        results = [(point, queue.metrics(point.name)) for point in wanted if queue.finished(point.name)]
    print("\n" + result_table(results, by), end="")
    return {point for point, _ in results} >= set(mine)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.sweep", description=__doc__.splitlines()[0])
    parser.add_argument("stage", metavar="STAGE")
    parser.add_argument("--grid", required=True, help="values of parameters, such as mnist.epochs=3,10")
    parser.add_argument("--by", required=True, metavar="METRIC", help="a validation metric of the stage")
    parser.add_argument("--jobs", default="1", metavar="N", help="points that run side by side")
    parser.add_argument("--share", default="1/1", metavar="K/N", help="run what falls to machine K of N")
    options = parser.parse_args(arguments)
    jobs, share = read_jobs(options.jobs), read_share(options.share)
    os.chdir(ROOT)
    exit_with(
        lambda: int(not sweep(options.stage, options.grid, options.by, jobs, share)),
        "`make sweep` with the same grid goes on from here",
    )


if __name__ == "__main__":
    run_command(main)
