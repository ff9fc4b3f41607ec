"""`make demo`: a page on this machine to try the trained models of this folder on.

python -m tools.demo [--port N]
"""

import argparse
import importlib.util
import os
import signal
import socket
import tempfile

from ladder.files.errors import InputError, run_command
from ladder.files.surroundings import set_surroundings

HOST = "127.0.0.1"  # nobody else reaches it
PORT = 7860


def free_port(text: str) -> int:
    """The port that is asked for.

    Raises
    ------
    InputError
        It is no port, or cannot be listened at.
    """
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise InputError(f"PORT={text}: no port; allowed are 1 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # not in the way: a page that just ended
        try:
            probe.bind((HOST, int(text)))
        except OSError as error:
            reason = error.strerror.lower()
            raise InputError(f"port {text}: {reason}; `make demo PORT=7861` takes another") from None
    return int(text)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description=__doc__.splitlines()[0])
    parser.add_argument("--port", default=str(PORT), metavar="N", help=f"default: {PORT}")
    options = parser.parse_args(arguments)
    port = free_port(options.port)
    if importlib.util.find_spec("gradio") is None:
        raise InputError("Gradio is not installed; `make demo` installs it")
    # So that the folder below goes then too; a script's background job would ignore SIGINT.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="demo-") as uploads:
        set_surroundings()
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            del os.environ[name]  # the page speaks to itself alone
        # Gradio reads them when it is imported.
        os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": uploads}
        print("loading Gradio and the models ...", flush=True)
        from tools.demo.page import serve

        serve(HOST, port)


if __name__ == "__main__":
    run_command(main)
