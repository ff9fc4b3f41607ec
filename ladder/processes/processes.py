"""What the processes that share a stage's work do for each other. Here there is one, which works alone."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

from ladder.files.errors import InputError
from ladder.training.checkpoints import Checkpoint, fingerprint

Item = TypeVar("Item")
Arrays = dict[str, np.ndarray]


class Processes:
    """A process by itself; `joined_processes` has the kind with others.

    Attributes
    ----------
    index, count : number of this process, from 0, and of all. Process 0 writes the outputs.
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
        """Make sure that every process starts from the same.

        Parameters
        ----------
        parts : name → whatever `fingerprint` takes.

        Raises
        ------
        InputError
            The code, the libraries, or a part of some process are not those of process 0.
        """
        if self.count == 1:
            return
        marks = {"code or libraries": fingerprint()}
        marks |= {name: fingerprint(part) for name, part in parts.items()}
        others = [
            message.decode().split("\n") for message in self.exchange("\n".join(marks.values()).encode())
        ]
        for number, theirs in enumerate(others):
            for name, mine, other in zip(marks, others[0], theirs, strict=True):
                if mine != other:
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
                messages = self.exchange(_to_bytes(own))
                yield from map(_from_bytes, messages[: len(items) - start])

    def checkpoint(self, name: str, key: str) -> Checkpoint:
        """The `Checkpoint` of process 0, for all to go on from."""
        return _SharedCheckpoint(name, key, self) if self.count > 1 else Checkpoint(name, key)


ALONE = Processes()


def rows_per_device(batch_size: int, devices: int) -> int:
    """Items of a batch that each device takes; the last ones may get fewer."""
    return -(-batch_size // devices)


class _SharedCheckpoint(Checkpoint):
    def __init__(self, name: str, key: str, processes: Processes) -> None:
        super().__init__(name, key)
        self._processes = processes

    def load(self) -> Arrays | None:
        own = super().load() if self._processes.first else None
        state = _from_bytes(self._processes.exchange(_to_bytes(own or {}))[0])
        return state or None

    def offer(self, state: Callable[[], Mapping[str, np.ndarray]]) -> None:
        if self._processes.first:
            super().offer(state)

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
