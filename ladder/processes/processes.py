"""What the processes that share a stage's work do for each other: data parallelism, with Keras on JAX.

They are on one host or many. Each runs the same stage on the same inputs; process 0 writes the outputs.
"""

import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import numpy as np

from ladder.files.errors import InputError
from ladder.processes.launchers import Rank, read_rank
from ladder.training.checkpoints import Checkpoint, fingerprint

JOIN_SECONDS = 120  # until all have come, or all are ended
HEARTBEAT_SECONDS = 10  # a process that was not heard of for so long is lost
Item = TypeVar("Item")
Arrays = dict[str, np.ndarray]


class Processes:
    """A process by itself.

    Attributes
    ----------
    index, count : number of this process, from 0, and of all.
    devices : number of devices of all processes that a training step is spread over.
    """

    index, count, devices = 0, 1, 1

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and shows progress."""
        return self.index == 0

    def exchange(self, message: bytes) -> list[bytes]:
        """The messages of all processes, by their number; each must call this equally often."""
        return [message]

    def agree(self, parts: Mapping[str, object]) -> None:
        """Make sure that every process starts from the same; `parts`: name → whatever `fingerprint` takes.

        Raises
        ------
        InputError
            The code, the libraries, or a part of some process are not those of process 0.
        """
        if self.count == 1:
            return
        marks = {"code or libraries": fingerprint()}
        marks |= {name: fingerprint(part) for name, part in parts.items()}
        of_all = [
            message.decode().split("\n") for message in self.exchange("\n".join(marks.values()).encode())
        ]
        for number, theirs in enumerate(of_all):
            for name, mark, other in zip(marks, of_all[0], theirs, strict=True):
                if mark != other:
                    raise InputError(f"process {number}: its {name} differ from those of process 0")

    def part(self, batch_size: int) -> slice:
        """Which items of each batch this process computes; those of all processes are the whole batch."""
        here = rows_per_device(batch_size, self.devices) * (self.devices // self.count)
        return slice(self.index * here, (self.index + 1) * here)

    def in_turn(self, items: Sequence[Item], compute: Callable[[Item], Arrays]) -> Iterator[Arrays]:
        """What `compute` returns for each item, in their order, in every process: each computes its share."""
        for start in range(0, len(items), self.count):
            mine = start + self.index
            own = compute(items[mine]) if mine < len(items) else {}
            if self.count == 1:
                yield own
            else:
                yield from map(_from_bytes, self.exchange(_to_bytes(own))[: len(items) - start])

    def checkpoint(self, name: str, key: str) -> Checkpoint:
        """The `Checkpoint` of process 0, for all to go on from."""
        return _SharedCheckpoint(name, key, self) if self.count > 1 else Checkpoint(name, key)


ALONE = Processes()


def rows_per_device(batch_size: int, devices: int) -> int:
    """Items of a batch that each device takes; the last ones may get fewer."""
    return -(-batch_size // devices)


class JoinedProcesses(Processes):
    """This process and others, joined by JAX."""

    def __init__(self, rank: Rank) -> None:
        import jax  # an extra

        self.index, self.count, self.devices = rank.index, rank.count, jax.device_count()
        if self.devices % self.count:
            raise InputError(f"{self.devices} devices of {self.count} processes: each needs the same number")

    def exchange(self, message: bytes) -> list[bytes]:
        from jax.experimental.multihost_utils import process_allgather

        lengths = np.asarray(process_allgather(np.array([len(message)], np.int32)))[:, 0]
        # To the next power of two, so that few sizes are compiled.
        padded = np.zeros(1 << int(max(1, lengths.max()) - 1).bit_length(), np.uint8)
        padded[: len(message)] = np.frombuffer(message, np.uint8)
        found = np.asarray(process_allgather(padded))
        return [row[:length].tobytes() for row, length in zip(found, lengths, strict=True)]


@contextmanager
def join_processes(distribution: str) -> Iterator[Processes]:
    """The processes that work on this stage, for as long as the block lasts.

    `distribution` is `runtime.distribution`. If a process is lost meanwhile, JAX ends the others.

    Raises
    ------
    InputError
        Keras has another backend than `distribution` needs, the launcher's variables are not right, or it has
        started several processes and `distribution` is none.
    """
    from ladder.training.runtime import require_backend

    rank = read_rank()
    if distribution == "none":
        require_backend("tensorflow", "runtime.distribution: none")
        if rank and rank.index:
            raise InputError(
                f"params.yaml: runtime.distribution: none: for one process, and this is number {rank.index} "
                f"of {rank.count}; data_parallel is for several"
            )
        yield ALONE
        return
    require_backend("jax", "runtime.distribution: data_parallel")
    import jax

    if rank is None:
        alone = Processes()
        alone.devices = jax.device_count()
        yield alone
        return
    if rank.index:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 process 0 speaks for all
    jax.distributed.initialize(
        rank.coordinator,
        rank.count,
        rank.index,
        cluster_detection_method="deactivate",
        initialization_timeout=JOIN_SECONDS,
        heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
        shutdown_timeout_seconds=HEARTBEAT_SECONDS,
    )
    processes = JoinedProcesses(rank)
    yield processes
    processes.exchange(b"done")  # nobody leaves before process 0 has written


class _SharedCheckpoint(Checkpoint):
    def __init__(self, name: str, key: str, processes: Processes) -> None:
        super().__init__(name, key)
        self._processes = processes

    def load(self) -> Arrays | None:
        own = super().load() if self._processes.first else None
        return _from_bytes(self._processes.exchange(_to_bytes(own or {}))[0]) or None

    def save_if_due(self, state: Callable[[], Mapping[str, np.ndarray]]) -> None:
        if self._processes.first:
            super().save_if_due(state)

    def discard(self) -> None:
        if self._processes.first:
            super().discard()


def _to_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def _from_bytes(message: bytes) -> Arrays:
    with np.load(io.BytesIO(message), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
