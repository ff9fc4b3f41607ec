#!/bin/sh
# Make .venv and install requirements/pipeline.lock into it, or the lock given as argument, unless that has been done for
# this very lock. uv installs: the one on PATH, or that of requirements/installer.lock. Where uv cannot, pip does.
# PYTHON chooses the interpreter; otherwise the first of python3, python3.13, python3.12, python3.11 that fits.
set -u

# What these say is of another Python than that of .venv, and would be taken for a part of it.
unset PYTHONPATH PYTHONHOME PYTHONPLATLIBDIR

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

# An older uv does not know this variable and would ask another index than pip.
is_usable() {
    "$1" pip install --help 2>/dev/null | grep -q UV_DEFAULT_INDEX
}

# run LOG COMMAND...: what the command prints is in $printed, and in LOG unless the disk is full.
run() {
    log=$1
    shift
    printed=$("$@" 2>&1)
    set -- $?
    { echo "$printed" >"$log"; } 2>/dev/null
    return "$1"
}

# with_pip LOCK OPTION...
with_pip() {
    installed=$1
    shift
    run .venv/pip.log .venv/bin/python tools/project/installer.py .venv/bin/python -m pip install --quiet \
        --disable-pip-version-check --require-hashes --no-deps -r "$installed" "$@"
}

# Compiling everything takes longer than what the imports compile once; unless they are told not to write it.
with_uv() {
    installed=$lock
    run .venv/uv.log .venv/bin/python tools/project/installer.py "$uv" pip install --quiet --python .venv/bin/python \
        ${PYTHONDONTWRITEBYTECODE:+--compile-bytecode} --require-hashes --no-deps -r "$lock"
}

# fail_on PATTERN: end here if the command that failed has printed it.
fail_on() {
    reason=$(echo "$printed" | grep -iE "$1" | tail -n 1 | sed -E 's/^ *(cause|error|ERROR): *//')
    [ -z "$reason" ] || fail "could not install $installed: $reason"
}

# is_installed LOG: a file of settings may have led uv to install elsewhere.
is_installed() {
    run "$1" .venv/bin/python -I tools/project/is_installed.py "$lock"
}

hopeless='hash mismatch|do not match the hashes|no space left|read-only file system'
offline='NewConnectionError|NameResolution|Temporary failure|timed out|ProxyError|unreachable|ConnectionRefused|SSLError'

fail_offline() {
    echo "$printed" | grep -qiE "$1" && fail "no connection to the package index; see $log"
}

install_packages() {
    for uv in uv .venv/bin/uv ''; do is_usable "$uv" && break; done
    if [ -z "$uv" ]; then
        if with_pip requirements/installer.lock --only-binary :all:; then
            uv=.venv/bin/uv
        else
            fail_on "$hopeless"
            fail_offline "$offline"
        fi
    fi
    if [ -n "$uv" ]; then
        with_uv && is_installed .venv/uv.log && return
        fail_on "$hopeless"
    fi
    echo "uv cannot be used here (see $log): pip installs instead, which takes some minutes ..."
    if with_pip "$lock"; then
        is_installed .venv/pip.log && return
        fail "pip has installed $lock, but $(echo "$printed" | head -n 1); see $log"
    fi
    fail_on "$hopeless"
    fail_offline "$offline|from versions: none"
    fail_on error
    fail "could not install $installed; see $log"
}

# Whether .venv has a Python that fits and its pip. uv makes environments without pip, which then gets in.
is_environment() {
    .venv/bin/python -c "$fits" 2>/dev/null || return
    .venv/bin/python -c 'import pip' 2>/dev/null && return
    grep -q '^uv = ' .venv/pyvenv.cfg && .venv/bin/python -m ensurepip >/dev/null 2>&1
}

# Make .venv unless it is there; one that is broken or cut short is made anew. Anything else of that name stays.
make_environment() {
    is_environment && return
    if [ -e .venv ]; then
        [ -e .venv/pyvenv.cfg ] || [ -z "$(ls -A .venv)" ] ||
            fail ".venv is no environment of Python; move it away, for make setup to make one"
        echo "making .venv anew: it had no Python 3.11, 3.12 or 3.13 with pip"
    fi
    folder=.venv
    if [ -L .venv ]; then # venv takes no link
        folder=$(readlink .venv)
        printed=$(mkdir -p "$folder" 2>&1) || fail "$printed"
    fi
    run .venv/venv.log "$python" -m venv --clear "$folder" ||
        fail "$python could not make .venv here: $(echo "$printed" | tail -n 1)"
}

# tensorflow and tensorflow-cpu fill the same folder.
has_both_tensorflows() {
    ls -d .venv/lib/python*/site-packages/tensorflow-[0-9]*.dist-info >/dev/null 2>&1 &&
        ls -d .venv/lib/python*/site-packages/tensorflow_cpu-[0-9]*.dist-info >/dev/null 2>&1
}

# The TensorFlow for GPUs, once asked for, stays that of this .venv.
lock=requirements/pipeline.lock
[ -e .venv/installed-gpu.lock ] && lock=requirements/gpu.lock
lock=${1:-$lock}
stamp=.venv/installed-${lock#requirements/}
cmp -s "$lock" "$stamp" && [ -x .venv/bin/python ] && exit 0

python=$(find_python)
[ -n "$python" ] || fail "Python 3.11, 3.12 or 3.13 is needed, found $("${PYTHON:-python3}" --version 2>&1 | head -n 1); set PYTHON to one that fits"
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "$python has no venv module; install it (on Debian and Ubuntu: apt install python3-venv)"

make_environment
printed=$(cp /dev/null "$stamp" 2>&1) || fail "$printed" # as long as it is empty, nothing counts as installed
echo "installing the packages of $lock into .venv (once, half a minute or so) ..."
install_packages
if has_both_tensorflows; then # the one that the lock had before is still there
    PIP_CONFIG_FILE=/dev/null .venv/bin/python -m pip --isolated uninstall --quiet --yes tensorflow tensorflow-cpu
    install_packages
fi
cp "$lock" "$stamp"
