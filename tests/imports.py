"""Which modules of this repository a module imports, directly or not, read from the source."""

import ast
from functools import cache
from pathlib import Path

PACKAGES = ("ladder", "stages")
ROOT = Path(__file__).resolve().parent.parent


def module_file(name: str) -> Path | None:
    """The file of a module of the project, or None (a package without code, a class, a library)."""
    path = Path(*name.split(".")).with_suffix(".py")
    return path if path.parts[0] in PACKAGES and (ROOT / path).is_file() else None


def package_files(path: Path) -> list[Path]:
    """The __init__.py of the packages around a module that hold code: Python runs them before the module."""
    around = [folder / "__init__.py" for folder in path.parents if folder != Path()]
    return [file for file in around if (ROOT / file).is_file() and (ROOT / file).read_text("utf-8")]


def local_imports(path: Path, inside_functions: bool = True) -> set[Path]:
    """Files that `path` imports, itself included, those inside of functions too unless told otherwise."""
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        current = waiting.pop()
        if current in found:
            continue
        found.add(current)
        waiting += package_files(current)
        waiting += imports_of(current, inside_functions)
    return found


@cache
def imports_of(path: Path, inside_functions: bool) -> list[Path]:
    """Files of the project that `path` itself imports."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    imported = []
    for node in ast.walk(tree) if inside_functions else ast.iter_child_nodes(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        imported += [file for file in map(module_file, names) if file is not None]
    return imported
