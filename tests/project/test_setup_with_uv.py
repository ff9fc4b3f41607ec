"""tools/project/setup.sh: which uv installs, from which index, and what happens where it fails."""

import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.project.setup_script import (
    TRACED,
    counts_as_installed,
    make_place,
    make_wheel,
    needs_uv,
    offline,
    refusal,
    script,
    setup,
    with_ready_environment,
    write_lock,
)

NONE = {"PIP_INDEX_URL": ""}  # pip takes an empty variable for none

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a script for sh")


@pytest.fixture
def place(tmp_path):
    return make_place(tmp_path)


@needs_uv
@pytest.mark.parametrize("setting", ["1", ""])
def test_where_imports_write_no_bytecode_uv_does(place, setting):
    packages = with_ready_environment(place)
    script(place / "bin/uv", TRACED)
    write_lock(place, "tiny", make_wheel(place))
    done = setup(place, PYTHONDONTWRITEBYTECODE=setting, **offline(place))
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
    assert bool(list(packages.glob("__pycache__/tiny.*.pyc"))) == bool(setting)


def test_a_uv_that_is_not_the_locked_one_is_not_used(place):
    with_ready_environment(place)
    write_lock(place, "tiny", make_wheel(place))
    make_wheel(place, "uv", {"uv-1.0.data/scripts/uv": "#!/bin/sh\n"})
    line = refusal(setup(place, **offline(place)))
    assert "requirements/installer.lock" in line and "hash" in line.lower()
    assert not (place / ".venv/bin/uv").exists() and not counts_as_installed(place)


def test_where_uv_fails_pip_installs(place):
    packages = with_ready_environment(place)
    write_lock(place, "tiny", make_wheel(place))
    script(place / "bin/uv", 'case "$*" in *--help) echo UV_DEFAULT_INDEX;; *) echo broken; exit 2;; esac')
    done = setup(place, **offline(place))
    assert (done.returncode, done.stderr) == (0, "") and ".venv/uv.log" in done.stdout.splitlines()[1]
    assert (place / ".venv/uv.log").read_text() == "broken\n"
    assert (packages / "tiny.py").is_file() and counts_as_installed(place)


@pytest.fixture
def index(place):
    """An index on this machine, at /full with what is in wheels, at /empty with nothing; who has asked it."""
    (place / "index/full").mkdir(parents=True)
    (place / "index/full/tiny").symlink_to(place / "wheels")
    asked = set()

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.add((self.path.split("/")[1], self.headers["User-Agent"].split("/")[0]))

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=place / "index")) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@needs_uv
@pytest.mark.parametrize(
    ("config", "variables", "asked"),
    [
        ("", {"PIP_INDEX_URL": "{url}/full"}, {"full"}),
        ("[global]\nindex-url = {url}/full", NONE, {"full"}),
        ("[global]\nindex-url = {url}/empty\n[install]\nindex-url = {url}/full", NONE, {"full"}),
        ("[global]\nextra-index-url = {url}/full", {"PIP_INDEX_URL": "{url}/empty"}, {"full", "empty"}),
        ("[global]\nindex-url = {url}/empty", {"UV_DEFAULT_INDEX": "{url}/full"}, {"full"}),
    ],
    ids=["variable", "file", "section", "extra", "own"],
)
def test_uv_asks_the_index_that_pip_is_told_to_ask_and_uv_s_own_first(place, index, config, variables, asked):
    url, askers = index
    packages = with_ready_environment(place)
    write_lock(place, "tiny", make_wheel(place))
    script(place / "bin/uv", TRACED)
    (place / "pip.conf").write_text(config.format(url=url))
    values = {name: value.format(url=url) for name, value in variables.items()}
    done = setup(place, PIP_CONFIG_FILE=str(place / "pip.conf"), **values)
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    assert (packages / "tiny.py").is_file()
    assert askers == {(folder, "uv") for folder in asked}
