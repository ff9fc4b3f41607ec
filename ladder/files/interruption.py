"""A stage stops within a second when it is told to, or when the DVC that started it is gone."""

import contextlib
import os
import signal
import sys
import threading
import time

SECONDS_BETWEEN_LOOKS = 0.5  # at who started this process


def stop_when_told() -> None:
    """From now on SIGINT (Ctrl-C) and SIGTERM end the process at once, with one line.

    Threads wait for them, since Python's own handlers run only when the main thread comes back from C code,
    such as an epoch of training. Outputs are whole or absent at any moment (see `outputs.replacing`), so
    nothing has to be put in order first. To be called before other threads are started, which inherit that
    these signals are kept from them.

    DVC passes SIGTERM and its own death on to nobody: a stage that it has started watches for that, lest an
    orphan writes its outputs over those of the next run.
    """
    parent = os.getppid()
    expected = {signal.SIGTERM}
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # as in a shell's background jobs
        expected.add(signal.SIGINT)
    signal.pthread_sigmask(signal.SIG_BLOCK, expected)
    stderr = os.dup(2)  # 2 itself is turned elsewhere while TensorFlow is imported
    threading.Thread(target=_wait_for_signal, args=(expected, stderr), daemon=True).start()
    if "DVC_STAGE" in os.environ:
        threading.Thread(target=_wait_for_orphanage, args=(parent, stderr), daemon=True).start()


def _wait_for_signal(expected: set[signal.Signals], stderr: int) -> None:
    received = signal.Signals(signal.sigwait(expected))
    _stop(received.name, 128 + received, stderr)


def _wait_for_orphanage(parent: int, stderr: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    _stop("DVC is gone", 1, stderr)


def _stop(reason: str, code: int, stderr: int) -> None:
    stage = next((word for word in sys.orig_argv if word.startswith("stages.")), "stages.?")
    name = stage.removeprefix("stages.").replace("_", "-")
    below_a_bar = "\n" if os.isatty(stderr) else ""
    mend = "; `make repro` goes on from here" if "DVC_STAGE" in os.environ else ""
    with contextlib.suppress(OSError):  # nobody may be there to read it
        os.write(stderr, f"{below_a_bar}{name}: stopped ({reason}){mend}\n".encode())
    os._exit(code)
