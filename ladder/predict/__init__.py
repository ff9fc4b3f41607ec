"""What the trained models answer about files, and the program `python -m ladder.predict`."""

from ladder.files.surroundings import set_surroundings

set_surroundings()
