"""Names of people and files as others wrote them: which are the same, and which are no picture's."""

import unicodedata

MAC_LEFTOVERS = (".DS_Store", ".Spotlight-V100", ".TemporaryItems", ".Trashes", ".fseventsd", "__MACOSX")


def same_name(text: str) -> str:
    """One text for all spellings of a name: upper and lower case, numbers of spaces, Unicode's forms."""
    folded = unicodedata.normalize("NFKC", text).casefold()  # which can undo the form
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def left_by_a_mac(name: str) -> bool:
    """Whether a file or folder of this name is what macOS leaves beside files on disks and in archives."""
    return name.startswith("._") or name in MAC_LEFTOVERS
