"""The stages of the pipeline, one module each."""

import sys

from ladder.files.interruption import stop_when_told
from ladder.files.surroundings import set_surroundings

set_surroundings()

# While `python -m stages.…` looks for the stage; the stage's imports, which take seconds, come after this.
if sys.argv[:1] == ["-m"]:
    stop_when_told()
