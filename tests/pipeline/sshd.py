"""An OpenSSH server for a test: its own keys and settings in a folder, on a free port of the loopback."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# sshd is not on the path of plain users, and wants to be called by its full path.
PROGRAM = shutil.which("sshd", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/usr/local/sbin"]))
CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
Subsystem sftp internal-sftp
"""


@dataclass(frozen=True)
class Server:
    """Where a server listens, and the private key that it lets in."""

    port: int
    key: Path

    def url(self, folder: Path) -> str:
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{folder}"


def make_key(path: Path) -> Path:
    """A private key without a passphrase; the public one lies beside it, with the suffix .pub."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until_it_answers(process: subprocess.Popen, port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"sshd does not answer: {log.read_text('utf-8')}") from None
            time.sleep(0.05)


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Run a server that knows one user: the one who runs the test, by the key in `folder`."""
    folder.mkdir()
    port, log = free_port(), folder / "log"
    make_key(folder / "host_key")
    key = make_key(folder / "user_key")
    (folder / "config").write_text(CONFIG.format(port=port, folder=folder), "utf-8")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(
            exist_ok=True
        )  # where it locks itself in before a login; else it does not start
    with log.open("wb") as file:
        process = subprocess.Popen([PROGRAM, "-D", "-e", "-f", folder / "config"], stderr=file)
    try:
        wait_until_it_answers(process, port, log)
        yield Server(port, key)
    finally:
        process.terminate()
        process.wait()
