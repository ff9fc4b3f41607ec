"""Several processes joined by JAX, on one host or many: they exchange bytes, and notice when one is lost."""

import ctypes
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
from jax._src.lib import _jax
from jax.experimental import multihost_utils

from ladder.files.errors import InputError
from ladder.processes.launchers import Place
from ladder.processes.processes import Processes

HEARTBEAT_SECONDS = 10  # a process that was not heard of for so long is lost
SECONDS_BETWEEN_LOOKS = 2
SECONDS_TO_NOTICE = 60  # of a failed exchange, until the process that is lost is known


class JoinedProcesses(Processes):
    """This process and others, each of which runs the same stage.

    Parameters
    ----------
    place : of this process.
    """

    def __init__(self, place: Place) -> None:
        self.index, self.count, self.devices = place.index, place.count, jax.device_count()

    def exchange(self, message: bytes) -> list[bytes]:
        lengths = self._gathered(np.array([len(message)], np.int32))[:, 0]
        # To the next power of two, so that few sizes are compiled.
        padded = np.zeros(1 << int(max(1, lengths.max()) - 1).bit_length(), np.uint8)
        padded[: len(message)] = np.frombuffer(message, np.uint8)
        found = self._gathered(padded)
        return [row[:length].tobytes() for row, length in zip(found, lengths, strict=True)]

    @staticmethod
    def _gathered(array: np.ndarray) -> np.ndarray:
        return np.asarray(multihost_utils.process_allgather(array))


@contextmanager
def joined(place: Place) -> Iterator[Processes]:
    """In this block the processes work together; they enter and leave it together.

    If one of them is lost meanwhile, the others end, with a line that names it. What C++ code writes to
    standard error is not shown in the block.

    Raises
    ------
    InputError
        Another process 0 has this address, or it is none of this machine's; the devices differ in number.
    """
    with _listening_place(place):
        stderr = _keep_native_output_back()
        if place.index:
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 process 0 speaks for all
        watch = _Watch(place, stderr)
        watch.expect_all_within(place.seconds)
        jax.config.update("jax_enable_recoverability", True)  # lost processes are told of, not a crash
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        _meet_at(_own_address_towards(place))
        jax.distributed.initialize(
            f"[{place.host}]:{place.port}" if ":" in place.host else f"{place.host}:{place.port}",
            place.count,
            place.index,
            cluster_detection_method="deactivate",
            initialization_timeout=2 * place.seconds,  # the watch ends it before, with a line
            heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
        )
        processes = JoinedProcesses(place)
        devices = [int(message) for message in processes.exchange(str(jax.local_device_count()).encode())]
        watch.start()
        try:
            if len(set(devices)) > 1:
                raise InputError(f"the processes have {devices} devices; each must have the same number")
            yield processes
            processes.exchange(b"done")
        except InputError:
            watch.stop()  # each process that has found it says so, and the others that this one is lost
            raise
        except (jax.errors.JaxRuntimeError, ValueError) as error:  # the second where no step is under way
            if "Gloo" in str(error) or "NCCL" in str(error):
                time.sleep(SECONDS_TO_NOTICE)  # the watch says who is lost, and ends this process
            raise
        watch.stop()
        if place.index:
            os._exit(0)  # process 0 need not wait for it, nor it for process 0


class _Watch:
    """Ends this process with one line when the others do not come, or one of them is lost."""

    def __init__(self, place: Place, stderr: int) -> None:
        self._place, self._stderr = place, stderr
        self._over = threading.Event()
        # The coordination service is process 0's. Where it is lost, JAX's C++ code aborts the others.
        self._on_abort = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda _: self._end_without({0}))
        ctypes.CDLL(None).signal(signal.SIGABRT, self._on_abort)

    def expect_all_within(self, seconds: int) -> None:
        place = self._place
        what = (
            f"of {place.count} processes not all have come to {place.host}:{place.port} in {seconds} s; is "
            "that COORDINATOR_ADDRESS right, and has each another PROCESS_INDEX?"
        )
        self._patience = threading.Timer(seconds, self._end, [what])
        self._patience.daemon = True
        self._patience.start()

    def start(self) -> None:
        self._patience.cancel()
        threading.Thread(target=self._look, daemon=True).start()

    def stop(self) -> None:
        self._over.set()

    def _look(self) -> None:
        everyone = jax.devices()
        while not self._over.wait(SECONDS_BETWEEN_LOOKS):
            try:
                with multihost_utils.live_devices(everyone) as alive:
                    lost = {d.process_index for d in everyone} - {d.process_index for d in alive}
            except multihost_utils.ProcessFailureError as error:
                lost = {device.process_index for device in error.failed_devices}
            except jax.errors.JaxRuntimeError:
                lost = {0}
            if lost and not self._over.is_set():
                if self._place.index == 0:
                    time.sleep(SECONDS_BETWEEN_LOOKS)  # the others must have heard it too
                self._end_without(lost)

    def _end_without(self, lost: set[int]) -> None:
        numbers = " and ".join(map(str, sorted(lost)))
        self._end(f"lost process {numbers}; started again, all go on from the last epoch of a training")

    def _end(self, what: str) -> None:
        if not self._over.is_set():
            os.write(self._stderr, f"error: process {self._place.index}: {what}\n".encode())
        os._exit(1)


@contextmanager
def _listening_place(place: Place) -> Iterator[None]:
    """Process 0 alone has the coordinator's address: two would share its port without a word."""
    if place.index:
        yield
        return
    held, address = _datagram_socket(place)  # JAX listens on TCP
    with held:
        try:
            held.bind(address)
        except OSError as error:
            raise InputError(
                f"COORDINATOR_ADDRESS: {place.host}:{place.port}: process 0 cannot listen there "
                f"({error.strerror}): is there another process 0, or is it another machine's address?"
            ) from None
        yield


def _own_address_towards(place: Place) -> str:
    """This machine's address on the network that the coordinator is in; nothing is sent."""
    towards, address = _datagram_socket(place)
    with towards:
        try:
            towards.connect(address)
        except OSError as error:
            raise InputError(f"COORDINATOR_ADDRESS: {place.host}: {error.strerror}") from None
        return towards.getsockname()[0]


def _datagram_socket(place: Place) -> tuple[socket.socket, Any]:
    try:
        family, _, _, _, address = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_DGRAM)[0]
    except OSError as error:
        raise InputError(f"COORDINATOR_ADDRESS: {place.host}: {error.strerror}") from None
    return socket.socket(family, socket.SOCK_DGRAM), address


def _meet_at(address: str) -> None:
    """On CPUs the others find this process at `address`; by itself JAX takes what the host's name stands for.

    On many machines that is 127.0.1.1, which no other reaches.
    """
    make = _jax.make_gloo_tcp_collectives
    _jax.make_gloo_tcp_collectives = lambda distributed_client: make(distributed_client, hostname=address)


def _keep_native_output_back() -> int:
    """From now on Python writes where it did, and C++ code nowhere; returns standard error's new number."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    stdout, stderr = os.dup(1), os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    sys.stdout = os.fdopen(stdout, "w", encoding="utf-8")
    sys.stderr = os.fdopen(stderr, "w", encoding="utf-8", buffering=1)
    return stderr
