#!/bin/sh
# Refuse in one line where DVC cannot work, before set-up takes its minutes: it needs a git repository, and a zip
# download is none.
command -v git >/dev/null || {
    echo "error: git is not installed, or not on PATH; DVC needs it" >&2
    exit 1
}
if LC_ALL=C git rev-parse --git-dir 2>&1 | grep -q 'not a git repository'; then
    echo "error: $PWD is no git repository, which DVC needs; \`git init\` makes it one" >&2
    exit 1
fi
