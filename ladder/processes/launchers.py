"""Which of several processes this one is: what a cluster's launcher has set in the environment."""

import os
from collections.abc import Mapping
from typing import NamedTuple

from ladder.files.errors import InputError

# By hand or a Kubernetes job, Open MPI, MPICH, Slurm, a Kubernetes indexed job: the first that is set counts.
INDEX = ("PROCESS_INDEX", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID", "JOB_COMPLETION_INDEX")
COUNT = ("PROCESS_COUNT", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS")
COORDINATOR, SECONDS = "COORDINATOR_ADDRESS", "JOIN_SECONDS"
JOIN_SECONDS = 120


class Place(NamedTuple):
    """Number of this process and of all, where process 0 listens, and how long all may take to come."""

    index: int
    count: int
    host: str
    port: int
    seconds: int


def read_place(environment: Mapping[str, str] = os.environ) -> Place | None:
    """This process's place among several, or None where no launcher has given it one.

    Raises
    ------
    InputError
        A variable is missing or out of range.
    """
    count_name = next((name for name in COUNT if name in environment), None)
    if count_name is None:
        if "PROCESS_INDEX" in environment:
            raise InputError("PROCESS_INDEX is set and PROCESS_COUNT, the number of processes, is not")
        return None
    count = _number(environment, count_name, 1, 65536)
    if count == 1:
        return None
    index_name = next((name for name in INDEX if name in environment), None)
    if index_name is None:
        raise InputError(f"{count_name} is {count}; PROCESS_INDEX, 0 to {count - 1}, is not set")
    index = _number(environment, index_name, 0, count - 1)
    address = environment.get(COORDINATOR, "")
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise InputError(
            f"{COORDINATOR}: {address!r:.80}: must be HOST:PORT of process 0, such as node1:7171, for "
            f"{count} processes"
        )
    seconds = _number(environment, SECONDS, 1, 86400) if SECONDS in environment else JOIN_SECONDS
    return Place(index, count, host.strip("[]"), int(port), seconds)


def _number(environment: Mapping[str, str], name: str, low: int, high: int) -> int:
    text = environment[name].strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
        raise InputError(f"{name}: {text!r:.80}: must be a whole number, {low} to {high}")
    return int(text)
