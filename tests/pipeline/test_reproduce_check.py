"""`make reproduce-check`: two fresh clones write the same bytes, and a byte that is not the same is found."""

import os
import sys

import pytest

from ladder.files.errors import InputError
from tools.pipeline import reproduce_check
from tools.pipeline.reproduce_check import main, on_cores


def test_a_difference_is_named_and_is_exit_code_1(tmp_path, monkeypatch, capsys):
    def run_pipeline(origin, folder):
        (folder / "models").mkdir(parents=True)
        (folder / "models" / "same.npz").write_bytes(b"same")
        (folder / "models" / "other.npz").write_bytes(folder.name.encode())
        (folder / "models" / f"{folder.name}.npz").touch()

    monkeypatch.setattr(reproduce_check, "run_pipeline", run_pipeline)
    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == 1
    assert capsys.readouterr().err.splitlines() == [
        f"difference: the committed precision, all cores: models/{line}"
        for line in ("0-a.npz: missing", "0-b.npz: should not be there", "other.npz: other bytes")
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a process on some cores")
def test_the_number_of_cores_is_that_of_the_block_alone():
    before = os.sched_getaffinity(0)
    with on_cores(1):
        assert len(os.sched_getaffinity(0)) == 1
    with on_cores(None):
        assert os.sched_getaffinity(0) == before
    with pytest.raises(InputError, match=r"^4096 cores are to be compared; there are \d+$"), on_cores(4096):
        pass
    assert os.sched_getaffinity(0) == before
