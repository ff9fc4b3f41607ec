"""What a first run took is read off what `make repro` prints."""

import pytest

from benchmarks.pipeline import first_run
from ladder.files.errors import InputError

MACHINE = {"cpu": "CPU", "cores": 2, "flags": ["avx2"], "system": "Linux"}


def write_makefile(folder, *lines):
    (folder / "Makefile").write_text("repro:\n" + "".join(f"\t@{line}\n" for line in lines))


def test_each_part_has_its_seconds_in_order(tmp_path):
    write_makefile(
        tmp_path,
        "sleep 0.2",
        "echo \"Running stage 'train-linreg':\"",
        'echo "> python -m stages.train_linreg"',
        "sleep 0.6",
        "echo \"Running stage 'report':\"",
        "echo 'Use \\`dvc push\\` to send your updates to remote storage.' | tr -d '\\\\'",
        'test -z "$$(ls $$HOME)"',
    )
    home = tmp_path / "home"
    home.mkdir()
    seconds = first_run.run_and_time(tmp_path, home)
    assert list(seconds) == ["set-up", "train-linreg", "report", "table of metrics"]
    assert seconds["train-linreg"] > seconds["set-up"] >= 0.2


def test_a_failed_run_is_said(tmp_path):
    write_makefile(tmp_path, "exit 3")
    with pytest.raises(InputError, match="make repro: exit code 2"):
        first_run.run_and_time(tmp_path, tmp_path)


def test_the_table_has_a_column_per_run():
    runs = [
        {"machine": MACHINE, "float32": False, "seconds": {"set-up": 1.0}, "cpu_seconds": 2},
        {"machine": MACHINE, "float32": True, "seconds": {"set-up": 1.5, "report": 2.0}, "cpu_seconds": 3},
    ]
    lines = first_run.table(runs).splitlines()
    assert lines[0] == "| seconds | 2 cores of CPU (avx2) | 2 cores of CPU (avx2), float32 |"
    assert lines[2:5] == ["| set-up | 1.0 | 1.5 |", "| report | 0.0 | 2.0 |", "| **all** | **1** | **4** |"]
