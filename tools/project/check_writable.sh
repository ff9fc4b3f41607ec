#!/bin/sh
# Refuse in one line where DVC could not write its notes: in somebody else's clone, or after a run as root.
for folder in . .dvc .dvc/tmp .dvc/tmp/site .dvc/cache; do
    [ ! -e "$folder" ] || [ -w "$folder" ] || {
        echo "error: $PWD/$folder may not be written to by user $(id -u), and DVC has to;" \
            "a git clone of your own may be" >&2
        exit 1
    }
done
