"""Answers of the trained models: python -m ladder.predict celsius 20, digit FILE, drivers FOLDER.

No stage of the pipeline: it reads what the stages wrote. Answers go to stdout, everything else to stderr.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ladder.files.errors import InputError, run_command
from ladder.predict.answers import FORMATS, AnswerWriter, report
from ladder.predict.outputs import Outputs

# Each subcommand imports what it needs: TensorFlow takes seconds, and a line needs none of it.


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
    """Pictures of one digit each, or folders of them, read by the three networks."""
    from ladder.predict.digits import HEADING, NETWORK_FILES, DigitNetworks, classify_files, digit_answer
    from ladder.predict.image_files import answered, find_images

    networks = DigitNetworks(outputs)
    say_origin(outputs, NETWORK_FILES.values())
    writer = AnswerWriter(options.format, HEADING)
    paths = find_images(options.paths, note)
    for found in answered(classify_files(paths, networks), len(paths), note):
        writer.write(digit_answer(*found))


def answer_drivers(options: argparse.Namespace, outputs: Outputs, note: Callable[[InputError], None]) -> None:
    """Images of drivers, or folders of them, by the fine-tuned classifier."""
    from ladder.predict.drivers import HEADING, MODEL_FILE, DriverClassifier, classify_files, driver_answer
    from ladder.predict.image_files import answered, find_images
    from ladder.predict.overlays import check_place, overlay_paths, write_overlay

    if options.grad_cam is not None:
        check_place(options.grad_cam, options.paths)
    classifier = DriverClassifier(outputs)
    say_origin(outputs, [MODEL_FILE])
    writer = AnswerWriter(options.format, HEADING)
    paths = find_images(options.paths, note)
    places = overlay_paths(paths, options.grad_cam) if options.grad_cam is not None else {}
    answers = classify_files(paths, classifier, heat_maps=bool(places))
    for path, image, (probabilities, heat) in answered(answers, len(paths), note):
        writer.write(driver_answer(path, probabilities))
        if heat is not None:
            write_overlay(places[path], image, heat)


def say_origin(outputs: Outputs, names: Iterable[str]) -> None:
    """Tell on stderr which revision made the models that answer."""
    for name in names:
        print(outputs.origin(name), file=sys.stderr)


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
            continue
        command.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="image, or folder of them")
        if name == "drivers":
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
