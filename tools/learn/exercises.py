"""`make exercise N=3`: a file of the library with the body of one function removed, for you to write.

    python -m tools.learn.exercises [N]

The file lies in exercises/N/, which git ignores; one that is there already stays as it is. Without N, all
exercises are listed. `make check N=3` judges the answer (tools/learn/check_exercise.py).
"""

import argparse
import ast
import textwrap
from pathlib import Path

from ladder.files.errors import InputError, run_command
from tools.learn.exercise_table import EXERCISES, Exercise

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 100  # of a line of a hint
UNWRITTEN = "    raise NotImplementedError\n"


def find(number: str) -> tuple[Exercise, Path]:
    """The exercise of a number that the user typed, and the file of the answer.

    Raises
    ------
    InputError
        There is no such exercise.
    """
    if not number.isascii() or not number.isdecimal() or not 1 <= int(number) <= len(EXERCISES):
        raise InputError(
            f"N={number}: allowed are 1 to {len(EXERCISES)}; `make exercise` lists the exercises"
        )
    exercise = EXERCISES[int(number) - 1]
    return exercise, Path("exercises", str(int(number)), exercise.source.name)


def without_body(source: str, exercise: Exercise) -> str:
    """The file with the hint, as comments, in place of what follows on the function's docstring."""
    function = next(
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name == exercise.function
    )
    lines, (docstring, *body) = source.splitlines(keepends=True), function.body
    hint = [f"    # {line}\n" for line in textwrap.wrap(f"Hint: {exercise.hint}", WIDTH)]
    return "".join([*lines[: docstring.end_lineno], *hint, UNWRITTEN, *lines[body[-1].end_lineno :]])


def lay_out(number: str) -> str:
    """Write the file to work on; returns what to do next.

    Raises
    ------
    InputError
        There is no such exercise, or its file is there already.
    """
    exercise, file = find(number)
    text = without_body((ROOT / exercise.source).read_text("utf-8"), exercise)
    (ROOT / file).parent.mkdir(parents=True, exist_ok=True)
    try:
        with (ROOT / file).open("x", encoding="utf-8") as answer:
            answer.write(text)
    except FileExistsError:
        raise InputError(f"{file}: there already, and stays as it is; move it away to begin anew") from None
    line = text[: text.index(UNWRITTEN)].count("\n") + 1
    return f"{file}, line {line}: write the body of `{exercise.function}`; then `make check N={number}`"


def listing() -> str:
    """All exercises, one a line."""
    width = max(len(exercise.function) for exercise in EXERCISES)
    lines = [
        f"{number:2}  {exercise.function:{width}}  {exercise.about}"
        for number, exercise in enumerate(EXERCISES, start=1)
    ]
    return "\n".join([*lines, "", "`make exercise N=1` lays out the first one."])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.learn.exercises", description=__doc__.splitlines()[0]
    )
    parser.add_argument("number", metavar="N", nargs="?")
    number = parser.parse_args(arguments).number
    print(lay_out(number) if number else listing())


if __name__ == "__main__":
    run_command(main)
