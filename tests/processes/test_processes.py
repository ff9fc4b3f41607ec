"""What processes do for each other, and how one learns from its launcher which it is."""

import subprocess
import sys
import threading

import numpy as np
import pytest

from ladder.files.errors import InputError
from ladder.processes.launchers import Rank, read_rank
from ladder.processes.processes import ALONE, Processes

SLURM = {"SLURM_PROCID": "1", "SLURM_NTASKS": "4"}
OPEN_MPI = {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "4"}
MPICH = {"PMI_RANK": "1", "PMI_SIZE": "4"}
BY_HAND = {"PROCESS_INDEX": "1", "PROCESS_COUNT": "4"}
KUBERNETES = {"JOB_COMPLETION_INDEX": "1", "PROCESS_COUNT": "4"}
ADDRESS = {"COORDINATOR_ADDRESS": "node1:7171"}


class Threads(Processes):
    """Processes that are threads, and meet at a barrier to exchange their messages."""

    def __init__(self, index, barrier, messages):
        self.index, self.count, self.devices = index, len(messages), 2 * len(messages)
        self._barrier, self._messages = barrier, messages

    def exchange(self, message):
        self._messages[self.index] = message
        self._barrier.wait(10)
        found = list(self._messages)
        self._barrier.wait(10)
        return found


def in_each(count, work):
    """What `work(processes)` returns or raises in each of `count` processes."""
    barrier, messages, results = threading.Barrier(count), [b""] * count, [None] * count

    def run(index):
        try:
            results[index] = work(Threads(index, barrier, messages))
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("launcher", [SLURM, OPEN_MPI, MPICH, BY_HAND, KUBERNETES])
def test_every_launcher_tells_a_process_its_place(launcher):
    assert read_rank(launcher | ADDRESS) == Rank(1, 4, "node1:7171")
    assert read_rank(SLURM | BY_HAND | {"PROCESS_INDEX": "3"} | ADDRESS).index == 3


def test_without_a_launcher_or_with_one_process_there_is_no_place():
    assert read_rank({}) is None
    assert read_rank({"SLURM_PROCID": "0", "SLURM_NTASKS": "1"}) is None


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"PROCESS_INDEX": "4"}, "PROCESS_INDEX: '4': must be a whole number, 0 to 3"),
        ({"PROCESS_INDEX": "-1"}, "PROCESS_INDEX: '-1': must be a whole number, 0 to 3"),
        ({"PROCESS_INDEX": "²"}, "PROCESS_INDEX: '²': must be a whole number, 0 to 3"),
        ({"PROCESS_COUNT": "0"}, "PROCESS_COUNT: '0': must be a whole number, 1 to 65536"),
        ({"PROCESS_COUNT": "many"}, "PROCESS_COUNT: 'many': must be a whole number, 1 to 65536"),
        ({"PROCESS_INDEX": None}, "PROCESS_INDEX: '': must be a whole number, 0 to 3"),
        ({"COORDINATOR_ADDRESS": None}, "COORDINATOR_ADDRESS: '': must be HOST:PORT of process 0"),
        ({"COORDINATOR_ADDRESS": "node1"}, "COORDINATOR_ADDRESS: 'node1': must be HOST:PORT of process 0"),
    ],
)
def test_a_wrong_variable_is_one_line(changes, line):
    environment = BY_HAND | ADDRESS | changes
    with pytest.raises(InputError) as refused:
        read_rank({name: value for name, value in environment.items() if value is not None})
    assert str(refused.value).startswith(line) and "\n" not in str(refused.value)


@pytest.mark.parametrize("batch_size", [1, 5, 8, 32, 33])
@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_parts_of_a_batch_are_the_batch(batch_size, count):
    parts = in_each(count, lambda processes: np.arange(batch_size)[processes.part(batch_size)].tolist())
    assert [item for part in parts for item in part] == list(range(batch_size))
    assert ALONE.part(batch_size) == slice(0, batch_size)


@pytest.mark.parametrize("items", [0, 1, 4, 6, 7])
def test_each_item_is_computed_once_and_every_process_gets_all_in_order(items):
    computed = []

    def square(item):
        computed.append(item)
        return {"square": np.arange(item) ** 2, "half": np.float16([item / 2])}

    expected = list(ALONE.in_turn(range(items), square))
    assert computed == list(range(items))
    computed.clear()
    for found in in_each(3, lambda processes: list(processes.in_turn(range(items), square))):
        assert len(found) == items
        for a, b in zip(found, expected, strict=True):
            assert a.keys() == b.keys()
            for name in a:
                np.testing.assert_array_equal(a[name], b[name], strict=True)
    assert sorted(computed) == list(range(items))


def test_what_differs_is_named_in_every_process(tmp_path):
    for index in range(3):
        (tmp_path / f"{index}.csv").write_text("other" if index == 2 else "same")

    def agree(processes):
        processes.agree({"parameters": 0.1, "images": tmp_path / f"{processes.index}.csv"})

    assert {str(error) for error in in_each(3, agree)} == {
        "process 2: its images differ from those of process 0"
    }
    assert in_each(2, agree) == [None, None]
    ALONE.agree({"images": tmp_path / "absent.csv"})


def test_all_go_on_from_the_checkpoint_of_process_0(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def go_on(processes):
        checkpoint = processes.checkpoint("shared", "ab")
        before = checkpoint.load()
        checkpoint.save_if_due(lambda: {"weights": np.arange(3) + processes.index})
        after = checkpoint.load()
        processes.exchange(b"")  # nobody removes it before all have read it
        checkpoint.discard()
        return before, after["weights"].tolist()

    assert in_each(3, go_on) == [(None, [0, 1, 2])] * 3
    assert list(tmp_path.iterdir()) == []


def test_jax_is_not_imported_for_a_process_alone():
    code = "import sys, ladder.processes.processes; print('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
