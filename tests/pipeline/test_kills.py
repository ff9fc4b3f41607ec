"""Kills of the whole of `make repro`, DVC included: nothing is lost. Of a stage: test_every_failure.py."""

import random
import shutil
import sys
import time

import pytest

from tests.pipeline.kills import Run
from tools.pipeline.clones import clone_origin, differences

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the runner needs POSIX processes")
KILLS = 6


@pytest.mark.campaign
def test_kills_of_a_whole_run_lose_nothing(short_origin, short_clone, tmp_path):
    clone = tmp_path / "clone"
    clone_origin(short_origin, clone)
    lock, chance, logs, killed = clone / "dvc.lock", random.Random(5), "", 0
    while killed < KILLS:
        seen = lock.stat().st_mtime_ns if lock.exists() else 0
        run, end, while_dvc_writes = Run(clone), time.monotonic() + chance.uniform(2, 8), killed % 2
        while not run.ended() and time.monotonic() < end:
            if while_dvc_writes and lock.exists() and lock.stat().st_mtime_ns != seen:
                break
            time.sleep(0.001)
        if run.ended():
            break
        run.kill()
        killed += 1
        logs += run.log()
    last = Run(clone)
    while not last.ended():
        time.sleep(0.1)
    assert killed >= KILLS // 2
    assert last.runner.returncode == 0, last.log()
    assert "mended: " in logs + last.log()
    assert differences(short_clone, clone) == []


def test_each_kind_of_difference_is_a_line(short_clone, tmp_path):
    folder = tmp_path / "clone"
    shutil.copytree(short_clone, folder)
    assert differences(short_clone, folder) == []
    (folder / "data/celsius.csv").unlink()
    (folder / ".checkpoints/train-mnist").mkdir(parents=True)
    (folder / ".checkpoints/train-mnist/state.npz").touch()
    (folder / "models/.mnist.1.tmp.keras").touch()
    model = (folder / "models/linreg.npz").read_bytes()
    (folder / "models/linreg.npz").write_bytes(model[:-1] + bytes([model[-1] ^ 1]))
    assert differences(short_clone, folder) == [
        "data/celsius.csv: missing",
        ".checkpoints/train-mnist/state.npz: should not be there",
        "models/.mnist.1.tmp.keras: should not be there",
        "models/linreg.npz: other bytes",
    ]
