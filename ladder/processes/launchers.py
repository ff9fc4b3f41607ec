"""Which of several processes this one is: what a cluster's launcher has set in the environment."""

import os
from collections.abc import Mapping
from typing import NamedTuple

from ladder.files.errors import InputError

# By hand or a Kubernetes job, Open MPI, MPICH, Slurm, a Kubernetes indexed job: the first that is set counts.
INDEX = ("PROCESS_INDEX", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID", "JOB_COMPLETION_INDEX")
COUNT = ("PROCESS_COUNT", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS")


class Rank(NamedTuple):
    """Number of this process and of all, and HOST:PORT where process 0 listens."""

    index: int
    count: int
    coordinator: str


def read_rank(environment: Mapping[str, str] = os.environ) -> Rank | None:
    """This process's rank among several, or None where no launcher has given it one.

    Raises
    ------
    InputError
        A variable is missing or out of range.
    """
    count = _number(environment, COUNT, range(1, 65537)) if _is_set(environment, COUNT) else 1
    if count == 1:
        return None
    index = _number(environment, INDEX, range(count))
    coordinator = environment.get("COORDINATOR_ADDRESS", "")
    host, _, port = coordinator.rpartition(":")
    if not (host and port.isdecimal()):
        raise InputError(
            f"COORDINATOR_ADDRESS: {coordinator!r:.80}: must be HOST:PORT of process 0, such as node1:7171"
        )
    return Rank(index, count, coordinator)


def _is_set(environment: Mapping[str, str], names: tuple[str, ...]) -> bool:
    return any(name in environment for name in names)


def _number(environment: Mapping[str, str], names: tuple[str, ...], allowed: range) -> int:
    name = next((name for name in names if name in environment), names[0])
    text = environment.get(name, "")
    if not (text.isdecimal() and int(text) in allowed):
        raise InputError(f"{name}: {text!r:.80}: must be a whole number, {allowed[0]} to {allowed[-1]}")
    return int(text)
