#!/bin/sh
# Make .venv and install requirements.lock into it, or the lock given as argument, unless that has been done for
# this very lock.
# PYTHON chooses the interpreter; otherwise the first of python3, python3.13, python3.12, python3.11 that fits.
set -u

fail() {
    echo "error: $1" >&2
    exit 1
}

fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

find_python() {
    if [ -n "${PYTHON:-}" ]; then set -- "$PYTHON"; else set -- python3 python3.13 python3.12 python3.11; fi
    for candidate; do
        if "$candidate" -c "$fits" >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
}

lock=${1:-requirements.lock}
stamp=.venv/installed${lock#requirements}
cmp -s "$lock" "$stamp" && [ -x .venv/bin/python ] && exit 0

python=$(find_python)
[ -n "$python" ] || fail "Python 3.11, 3.12 or 3.13 is needed, found $("${PYTHON:-python3}" --version 2>&1 | head -n 1); set PYTHON to one that fits"
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "$python has no venv module; install it (on Debian and Ubuntu: apt install python3-venv)"

if ! [ -x .venv/bin/python ] || ! .venv/bin/python -c "import pip; $fits" 2>/dev/null; then
    rm -rf .venv
    "$python" -m venv .venv || fail "$python could not make .venv here"
fi
echo "installing the packages of $lock into .venv (once, a few minutes) ..."
rm -f "$stamp"
if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
    -r "$lock" >.venv/pip.log 2>&1; then
    reason=$(grep -iE 'error|no space|hash' .venv/pip.log | tail -n 1)
    if grep -qiE 'NewConnectionError|NameResolution|Temporary failure|timed out|ProxyError|unreachable|ConnectionRefused|SSLError|from versions: none' .venv/pip.log; then
        fail "no connection to the package index; see .venv/pip.log"
    fi
    fail "pip could not install $lock: ${reason:-see .venv/pip.log}"
fi
cp "$lock" "$stamp"
