"""Answers of the trained models: python -m ladder.predict celsius 20, digit FILE, drivers FOLDER.

No stage of the pipeline: it reads what the stages wrote. Answers go to stdout, everything else to stderr.
"""

import argparse
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from ladder.files.errors import InputError, run_command
from ladder.predict.answers import FORMATS, AnswerWriter, report
from ladder.predict.outputs import Outputs

# Each subcommand imports what it needs: TensorFlow takes seconds, and a line needs none of it.

T = TypeVar("T")


def answer_celsius(options: argparse.Namespace, outputs: Outputs, note: Callable[[InputError], None]) -> None:
    """Temperatures in °C to °F, by the learned line."""
    from ladder.predict.celsius import HEADING, LINE_FILE, celsius_answer, formula, load_line

    line = load_line(outputs)
    say_origin(outputs, [LINE_FILE])
    print(formula(*line), file=sys.stderr)
    writer = AnswerWriter(options.format, HEADING)
    for value in options.values:
        try:
            answer = celsius_answer(value, *line)
        except InputError as error:
            note(error)
        else:
            writer.write(answer)


def answer_digit(options: argparse.Namespace, outputs: Outputs, note: Callable[[InputError], None]) -> None:
    """Pictures of one digit each, read by the three networks."""
    from ladder.predict.digits import HEADING, NETWORK_FILES, DigitNetworks, classify_files, digit_answer
    from ladder.predict.image_files import Refused

    networks = DigitNetworks(outputs)
    say_origin(outputs, NETWORK_FILES.values())
    writer = AnswerWriter(options.format, HEADING)
    for found in with_bar(classify_files(options.files, networks), len(options.files)):
        if isinstance(found, Refused):
            note(found.error)
        else:
            writer.write(digit_answer(*found))


def answer_drivers(options: argparse.Namespace, outputs: Outputs, note: Callable[[InputError], None]) -> None:
    """Images of drivers, or folders of them, by the fine-tuned classifier."""
    from ladder.predict.drivers import HEADING, MODEL_FILE, DriverClassifier, classify_files, driver_answer
    from ladder.predict.image_files import Refused, find_images

    classifier = DriverClassifier(outputs)
    say_origin(outputs, [MODEL_FILE])
    writer = AnswerWriter(options.format, HEADING)
    paths = find_images(options.paths, note)
    folders = [path.absolute().parent for path in paths]
    top = os.path.commonpath(folders) if folders else ""
    answers = classify_files(paths, classifier, heat_maps=options.grad_cam is not None)
    for found in with_bar(answers, len(paths)):
        if isinstance(found, Refused):
            note(found.error)
            continue
        writer.write(driver_answer(found.path, found.probabilities))
        if options.grad_cam is not None and found.heat is not None:
            place = found.path.absolute().relative_to(top)
            write_overlay(options.grad_cam / f"{place}.png", found.image, found.heat)


def say_origin(outputs: Outputs, names: Iterable[str]) -> None:
    """Tell on stderr which revision made the models that answer."""
    for name in names:
        print(outputs.origin(name), file=sys.stderr)


def with_bar(answers: Iterable[T], total: int) -> Iterator[T]:
    """The same answers, with a progress bar on stderr where it would not stand between them."""
    from tqdm import tqdm

    shown = sys.stderr.isatty() and not sys.stdout.isatty()
    return iter(tqdm(answers, total=total, unit="file", disable=not shown))


def write_overlay(path: Path, image: np.ndarray, heat: np.ndarray) -> None:
    """Write an image [size, size, 3] uint8 under its heat map [size, size] as PNG.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    from PIL import Image

    from ladder.vgg.grad_cam import overlay

    content = io.BytesIO()
    Image.fromarray(overlay(image, heat)).save(content, "PNG")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.getvalue())
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def build_parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--format", choices=FORMATS, default=FORMATS[0], help="table, an object per line, or CSV"
    )
    shared.add_argument(
        "--rev",
        metavar="REV",
        help="the models of that revision or experiment, such as main; default: those in the working tree",
    )
    parser = argparse.ArgumentParser(prog="python -m ladder.predict", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="celsius | digit | drivers")
    for name, run in (("celsius", answer_celsius), ("digit", answer_digit), ("drivers", answer_drivers)):
        command = commands.add_parser(name, parents=[shared], help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        if name == "celsius":
            command.add_argument("values", nargs="+", metavar="VALUE", help="degrees Celsius")
        elif name == "digit":
            command.add_argument("files", nargs="+", type=Path, metavar="FILE", help="one digit in each")
        else:
            command.add_argument(
                "paths", nargs="+", type=Path, metavar="PATH", help="image, or folder of them"
            )
            command.add_argument(
                "--grad-cam", type=Path, metavar="FOLDER", help="write there where the model saw each class"
            )
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    options = build_parser().parse_args(arguments)
    failed = False

    def note(error: InputError) -> None:
        nonlocal failed
        report(error)
        failed = True

    with Outputs(options.rev) as outputs:
        options.run(options, outputs, note)
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    run_command(main)
