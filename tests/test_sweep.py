"""`make sweep` on DVC's own queue: what has run stays, what is missing runs, and no worker is left behind."""

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from stages.core.errors import InputError
from tests.remotes import clone_with_remote, set_remote
from tools import sweep_grid
from tools.clones import environment, run_in
from tools.sweep_grid import Point, check_metric, points, read_share, result_table

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="workers are ended by POSIX signals")


@pytest.fixture
def clone(line_clone, tmp_path):
    shutil.copytree(line_clone, tmp_path / "clone", symlinks=True)
    yield tmp_path / "clone"
    for process in processes_below(tmp_path / "clone"):
        process.kill()


def processes_below(folder):
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_until(what, process=None):
    deadline = time.monotonic() + 300
    while not what():
        assert time.monotonic() < deadline and (process is None or process.poll() is None)
        time.sleep(0.05)


def command(grid, *more):
    return [sys.executable, "-m", "tools.sweep", "train-linreg", "--grid", grid, "--by", "val_loss", *more]


def start(folder, grid):
    return subprocess.Popen(
        command(grid),
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def running(folder, word):
    return [process for process in processes_below(folder) if word in " ".join(process.cmdline())]


def commits(folder):
    """The commit of each experiment by its name."""
    lines = run_in(folder, "git", "for-each-ref", "--format=%(refname) %(objectname)", "refs/exps").stdout
    return dict(re.findall(r"/(train-linreg-\w+) (\w+)$", lines, re.MULTILINE))


@pytest.mark.campaign
def test_a_killed_worker_loses_no_finished_run_and_a_second_sweep_does_what_is_missing(clone):
    grid = "linreg.epochs=10,50"  # 50 are committed
    first = start(clone, grid)
    wait_until(lambda: commits(clone), first)
    wait_until(lambda: first.stdout.readline().endswith("  linreg.epochs=10  done\n"), first)
    wait_until(lambda: running(clone, "exec-run"), first)
    for process in [*running(clone, "queue-worker"), *running(clone, "exec-run")]:
        process.kill()
    _, err = first.communicate(timeout=300)
    assert first.returncode == 1
    assert err.endswith("error: DVC's queue stopped before 1 points had run; `make sweep` goes on\n"), err
    before = commits(clone)
    assert len(before) == 1

    second = run_in(clone, *command(grid))
    assert "1 of 2 points have run before\n" in second.stdout
    after = commits(clone)
    assert len(after) == 2 and before.items() < after.items()
    *_, head, best, worst = second.stdout.splitlines()
    assert head.split() == ["linreg.epochs", "val_loss", "experiment"]
    assert best.split()[0] == "50" and worst.split()[0] == "10"  # more steps come closer
    assert float(best.split()[1]) < float(worst.split()[1])

    third = run_in(clone, *command(grid))
    assert third.stdout == "2 of 2 points have run before\n\n" + "\n".join([head, best, worst]) + "\n"
    assert commits(clone) == after
    assert list((clone / ".dvc/tmp/exps").glob("tmp*")) == []
    assert run_in(clone, "git", "status", "--porcelain").stdout == ""
    wait_until(lambda: not processes_below(clone))


@pytest.mark.campaign
def test_a_failed_run_says_why_and_ctrl_c_ends_the_others_and_the_worker(clone):
    sweep = start(clone, "linreg.epochs=-3,1000000")
    wait_until(lambda: "linreg.epochs=-3  failed: error: params.yaml: " in sweep.stdout.readline(), sweep)
    wait_until(lambda: running(clone, "stages.train_linreg"), sweep)
    sweep.send_signal(signal.SIGINT)
    out, err = sweep.communicate(timeout=60)
    assert sweep.returncode == 128 + signal.SIGINT, (out, err)
    assert err.splitlines()[-1] == "stopped by SIGINT; `make sweep` with the same grid goes on from here"
    assert processes_below(clone) == []
    assert commits(clone) == {}
    assert list((clone / ".dvc/tmp/exps").glob("tmp*")) == []
    assert run_in(clone, "git", "status", "--porcelain").stdout == ""


@pytest.mark.campaign
def test_two_machines_run_their_shares_and_each_gets_what_the_other_has_measured(clone, tmp_path):
    storage, grid = tmp_path / "storage", "linreg.epochs=5,10,20"
    set_remote(clone, storage, verify="true")
    run_in(clone, "git", "clone", "--quiet", "--bare", ".", str(tmp_path / "origin.git"))
    run_in(clone, "git", "remote", "set-url", "origin", str(tmp_path / "origin.git"))
    run_in(clone, "dvc", "push", "--quiet")
    other = clone_with_remote(tmp_path / "origin.git", tmp_path / "other", storage, verify="true")
    ready = run_in(other, sys.executable, "-m", "tools.repro", "--pull")
    assert "Running stage" not in ready.stdout

    first = run_in(clone, *command(grid, "--share", "1/2"))
    second = run_in(other, *command(grid, "--share", "2/2"))
    assert re.findall(r"linreg.epochs=(\d+)  done", first.stdout) == ["5", "20"]
    assert re.findall(r"linreg.epochs=(\d+)  done", second.stdout) == ["10"]
    for machine in (clone, other):
        run_in(machine, "dvc", "exp", "push", "origin", "--rev", "HEAD")
    for machine in (clone, other):
        run_in(machine, "dvc", "exp", "pull", "origin", "--rev", "HEAD")
    tables = [run_in(machine, *command(grid)).stdout for machine in (clone, other)]
    assert tables[0] == tables[1] and "3 of 3 points have run before\n" in tables[0]
    assert [line.split()[0] for line in tables[0].splitlines()[3:]] == ["20", "10", "5"]
    name = next(iter(commits(clone)))
    run_in(other, "dvc", "exp", "apply", name)
    assert (other / "models/linreg.npz").stat().st_size > 0


@pytest.mark.parametrize("share", ["", "1", "0/2", "3/2", "1/0", "-1/2", "a/b", "1/2/3", "1 / 2"])
def test_a_share_that_is_none_is_one_line(share):
    with pytest.raises(InputError, match=r"machine K of N is written K/N, such as 2/3$"):
        read_share(share)


def test_the_shares_of_all_machines_are_all_points_once():
    dealt = [list(range(10))[read_share(f"{number}/3")] for number in (1, 2, 3)]
    assert sorted(number for numbers in dealt for number in numbers) == list(range(10))
    assert dealt[1] == [1, 4, 7]


@pytest.fixture
def here(line_clone, monkeypatch):
    monkeypatch.chdir(line_clone)


@pytest.mark.usefixtures("here")
def test_every_point_of_the_grid_is_one_experiment_whatever_the_order_of_the_keys():
    grid = points("train-linreg", "linreg.epochs=10,20 linreg.learning_rate=0.05,1e-1")
    assert [str(point) for point in grid] == [
        f"linreg.epochs={epochs} linreg.learning_rate={rate}"
        for epochs in ("10", "20")
        for rate in ("0.05", "0.1")
    ]
    turned = points("train-linreg", "linreg.learning_rate=0.05,0.1 linreg.epochs=20,10")
    assert {point.name for point in turned} == {point.name for point in grid} and len(grid) == 4
    assert all(re.fullmatch(r"train-linreg-[0-9a-f]{8}", point.name) for point in grid)
    other = points("generate-celsius-data", "linreg.epochs=10,20 linreg.learning_rate=0.05,0.1")
    assert not {point.name for point in other} & {point.name for point in grid}
    (listed, long) = points("train-mnist", "mnist.layers=[8],[16,16]")
    assert (str(listed), str(long)) == ("mnist.layers=[8]", "mnist.layers=[16,16]")
    assert points("train-linreg", "linreg.epochs=10") == points("train-linreg", "linreg.epochs=10,10")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("grid", "wrong"),
    [
        ("", "needed are different keys with values"),
        ("linreg.epochs=1 linreg.epochs=2", "needed are different keys with values"),
        ("linreg.epoch=10,20", "linreg.epoch: params.yaml has no such key"),
        ("linreg.epochs.more=1", "linreg.epochs.more: params.yaml has no such key"),
        ("+linreg.more=1", "keys can be changed, not added or removed"),
        ("~linreg.epochs", "keys can be changed, not added or removed"),
        ("linreg.epochs", "GRID: "),
        ("linreg.epochs=[1", "GRID: "),
        ("linreg.epochs=glob(*)", "GRID: "),
    ],
)
def test_a_grid_that_cannot_be_run_is_one_line(grid, wrong):
    with pytest.raises(InputError) as refused:
        points("train-linreg", grid)
    assert wrong in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("stage", "by", "wrong"),
    [
        ("train-linreg", "test_loss", "decided on validation alone; allowed are val_loss, val_r2"),
        ("train-linreg", "val_accuracy", "allowed are val_loss, val_r2"),
        ("train-linreg", "", "allowed are val_loss, val_r2"),
        ("generate-celsius-data", "pairs", "allowed are none of this stage"),
        ("train-nothing", "val_loss", "STAGE=train-nothing: allowed are generate-celsius-data, train-linreg"),
    ],
)
def test_only_validation_decides(stage, by, wrong):
    with pytest.raises(InputError) as refused:
        check_metric(stage, by)
    assert wrong in str(refused.value)


@pytest.mark.usefixtures("here")
def test_validation_metrics_are_allowed():
    check_metric("train-linreg", "val_r2")
    assert all(sweep_grid.VALIDATION.fullmatch(name) for name in ("val_loss", "by_driver_val_accuracy"))
    assert not any(sweep_grid.VALIDATION.fullmatch(name) for name in ("val_accuracy_low", "interval_loss"))


def test_the_table_is_sorted_shows_intervals_and_no_test_metric():
    def scored(value):
        return {"val_accuracy": value, "val_accuracy_low": value - 0.02, "val_accuracy_high": value + 0.02}

    results = [
        (Point("train-mnist-1", ("mnist.epochs=3",)), scored(0.9) | {"test_accuracy": 0.99}),
        (Point("train-mnist-2", ("mnist.epochs=10",)), scored(0.96) | {"test_accuracy": 0.5}),
        (Point("train-mnist-3", ("mnist.epochs=30",)), scored(0.95) | {"test_accuracy": 0.7}),
    ]
    assert result_table(results, "val_accuracy").splitlines() == [
        "mnist.epochs  val_accuracy          experiment",
        "10            96.0% [94.0%, 98.0%]  train-mnist-2",
        "30            95.0% [93.0%, 97.0%]  train-mnist-3",
        "3             90.0% [88.0%, 92.0%]  train-mnist-1",
        "1 of the others lie within the interval of the best",
    ]
    assert result_table([], "val_accuracy") == "no point has run\n"


def test_changes_that_are_not_committed_are_one_line(line_clone, tmp_path):
    shutil.copytree(line_clone, tmp_path / "clone", symlinks=True)
    (tmp_path / "clone" / "params.yaml").write_text((line_clone / "params.yaml").read_text() + "# more\n")
    done = run_in(tmp_path / "clone", *command("linreg.epochs=10"), check=False)
    assert done.returncode == 1
    assert (
        done.stderr == "error: params.yaml: changed since the last commit; commit it, or put it back, first\n"
    )
