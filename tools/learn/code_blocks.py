"""The code that pages show: a function or class of a file of this repository, as it is there now."""

import ast

from ladder.files.errors import InputError


def code_of(source: str, name: str) -> str:
    """A function, class or method ("Class.method") of a module, with its decorators.

    Raises
    ------
    InputError
        The module has none of that name.
    """
    found: ast.AST = ast.parse(source)
    for word in name.split("."):
        kinds = ast.FunctionDef | ast.ClassDef
        named = [n for n in ast.iter_child_nodes(found) if isinstance(n, kinds) and n.name == word]
        if not named:
            raise InputError(f"no function or class {name!r} is there to be shown")
        found = named[0]
    first = min([found.lineno, *(decorator.lineno for decorator in found.decorator_list)])
    lines = source.splitlines()[first - 1 : found.end_lineno]
    return "\n".join(line[found.col_offset :] for line in lines) + "\n"
