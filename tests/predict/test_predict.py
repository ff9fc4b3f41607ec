"""The command line: answers on stdout in three formats, everything else on stderr, exit codes."""

import csv
import io
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ladder.drivers.images import CLASSES
from ladder.files.errors import run_command
from ladder.predict import __main__ as predict
from tests.imports import ROOT
from tests.tiny_models import SIZE, write_driver_classifier, write_small_models
from tools.pipeline.clones import run_in


@pytest.fixture(scope="module")
def models():
    """A folder with every model; removed at once: they take 59 MB."""
    with tempfile.TemporaryDirectory() as name:
        write_small_models(Path(name))
        write_driver_classifier(Path(name))
        yield Path(name)


@pytest.fixture
def answers(models, monkeypatch, capfd):
    """A function that runs the command there: exit code, stdout and stderr."""
    monkeypatch.chdir(models)

    def run(*arguments):
        capfd.readouterr()
        code = 0
        try:
            run_command(lambda: predict.main([str(argument) for argument in arguments]))
        except SystemExit as stopped:
            code = stopped.code
        return code, *capfd.readouterr()

    return run


@pytest.fixture
def images(tmp_path):
    """Three driver images in two folders, and a file that is no image."""
    rng = np.random.default_rng(0)
    paths = [tmp_path / name for name in ("images/a.png", "images/b/a.png", "images/b/c.jpg")]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).save(path)
    (tmp_path / "images/bad.jpg").write_text("no image")
    return paths


def test_celsius_as_a_table(answers):
    code, out, err = answers("celsius", "20", "-40.5")
    assert code == 0
    assert [line.split() for line in out.splitlines()] == [["°C", "°F"], ["20", "0"], ["-40.5", "-90.75"]]
    assert "models/linreg.npz of the working tree" in err and "°F = 1.5 · °C - 30\n" in err


def test_celsius_as_json_and_csv(answers):
    _, out, _ = answers("celsius", "20", "30", "--format", "json")
    assert [json.loads(line) for line in out.splitlines()] == [
        {"celsius": 20.0, "fahrenheit": 0.0, "weight": 1.5, "bias": -30.0},
        {"celsius": 30.0, "fahrenheit": 15.0, "weight": 1.5, "bias": -30.0},
    ]
    _, out, _ = answers("celsius", "20", "30", "--format", "csv")
    assert out == "celsius,fahrenheit\n20.0,0.0\n30.0,15.0\n"


def test_what_is_no_temperature_is_a_line_each_and_the_others_are_answered(answers):
    code, out, err = answers("celsius", "warm", "20", "nan", "1.5e308", "30", "--format", "csv")
    assert code == 1 and out == "celsius,fahrenheit\n20.0,0.0\n30.0,15.0\n"
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert [line.split("'")[1] for line in lines] == ["warm", "nan", "1.5e308"]


def test_celsius_does_without_tensorflow(models, monkeypatch):
    program = "import sys; from ladder.predict import __main__ as predict; predict.main(['celsius', '20']); "
    program += "print('tensorflow' in sys.modules)"
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert run_in(models, sys.executable, "-c", program).stdout.splitlines()[-1] == "False"


def test_drivers_as_json_lines_an_answer_per_file_in_order(answers, images):
    code, out, err = answers("drivers", images[0].parent, "--format", "json")
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 1 and err.count("error: ") == 1 and f"error: {images[0].parent / 'bad.jpg'}: not a" in err
    assert [Path(answer["file"]) for answer in found] == images
    for answer in found:
        of_class = answer["probabilities"]
        assert list(of_class) == list(CLASSES) and sum(of_class.values()) == pytest.approx(1, abs=1e-4)
        assert answer["class"] == max(of_class, key=of_class.get)
        assert answer["probability"] == of_class[answer["class"]]


def test_drivers_in_the_three_formats_say_the_same(answers, images):
    outputs = {form: answers("drivers", *images, "--format", form) for form in ("json", "csv", "table")}
    assert [code for code, _, _ in outputs.values()] == [0, 0, 0]
    objects = [json.loads(line) for line in outputs["json"][1].splitlines()]
    rows = list(csv.DictReader(io.StringIO(outputs["csv"][1])))
    lines = outputs["table"][1].splitlines()
    assert lines[0].split() == ["class", "name", "probability", "file"]
    for number, (answer, row, line) in enumerate(zip(objects, rows, lines[1:], strict=True)):
        assert row["file"] == answer["file"] == str(images[number]) and line.endswith(row["file"])
        assert row["class"] == answer["class"] == line.split()[0]
        assert f"{answer['probability']:.1%}" in line
        assert {code: float(row[code]) for code in CLASSES} == answer["probabilities"]


def test_each_image_gets_an_overlay_where_its_name_is(answers, images, tmp_path):
    folder = tmp_path / "new/heat"
    code, out, _ = answers("drivers", images[0].parent, "--grad-cam", folder, "--format", "json")
    assert code == 1 and len(out.splitlines()) == 3
    overlays = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in overlays]
    assert names == ["a.png.png", "b/a.png.png", "b/c.jpg.png"]
    for path in overlays:
        with Image.open(path) as picture:
            assert picture.size == (SIZE, SIZE) and picture.format == "PNG"


def test_overlays_stay_in_their_folder_however_an_image_is_named(answers, images, tmp_path):
    folder = tmp_path / "heat"
    code, _, _ = answers("drivers", images[0], tmp_path / "images/../images/b/c.jpg", "--grad-cam", folder)
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    assert code == 0 and names == ["a.png.png", "b/c.jpg.png"]
    assert sorted(path.name for path in images[1].parent.iterdir()) == ["a.png", "c.jpg"]


def test_two_images_never_have_one_overlay(answers, images, tmp_path):
    """`link/..` is the parent of where the link leads: the names say `x/a.png` twice."""
    (tmp_path / "far/deep").mkdir(parents=True)
    (tmp_path / "far/a.png").write_bytes(images[1].read_bytes())
    (tmp_path / "images/link").symlink_to(tmp_path / "far/deep", target_is_directory=True)
    other = tmp_path / "images/link/../a.png"
    code, out, err = answers("drivers", images[0], other, "--grad-cam", tmp_path / "heat")
    assert code == 1 and out == "" and not (tmp_path / "heat").exists()
    assert err.splitlines()[-1].startswith(f"error: {images[0]} and {other}: both heat-maps would be ")
    assert answers("drivers", images[0], images[0], "--grad-cam", tmp_path / "heat")[0] == 0


def test_an_overlay_never_replaces_an_image(answers, images):
    image = images[1].with_name("a.png.png")
    image.write_bytes(images[0].read_bytes())
    folder = image.parent
    code, _, err = answers("drivers", images[1], image, "--grad-cam", folder)
    assert code == 1 and image.read_bytes() == images[0].read_bytes()
    assert f"error: {images[1]}: its heat-map would overwrite the image {image}" in err


@pytest.mark.parametrize("place", ["images", "images/b/heat", "link/heat", "images/../images/heat"])
def test_overlays_never_lie_where_images_are_searched_for(answers, images, tmp_path, place):
    (tmp_path / "link").symlink_to(tmp_path / "images", target_is_directory=True)
    before = sorted(tmp_path.rglob("*"))
    code, out, err = answers("drivers", tmp_path / "images", "--grad-cam", tmp_path / place)
    words = f"{tmp_path / place}: heat-maps in {tmp_path / 'images'} would be taken for images next time; "
    assert (code, out, err) == (1, "", f"error: {words}name a folder outside\n")
    assert sorted(tmp_path.rglob("*")) == before


def test_an_overlay_that_cannot_be_written_ends_with_one_line(answers, images, tmp_path):
    (tmp_path / "file").touch()
    code, _, err = answers("drivers", images[0], "--grad-cam", tmp_path / "file/heat")
    assert code == 1 and err.splitlines()[-1].startswith(f"error: {tmp_path / 'file/heat/a.png.png'}: cannot")


def test_digits_and_drivers_take_folders_alike(answers, images):
    images[0].with_name("notes.txt").write_text("no image")
    found = {}
    for command in ("digit", "drivers"):
        code, out, err = answers(command, images[0].parent, "--format", "json")
        files = [json.loads(line)["file"] for line in out.splitlines()]
        found[command] = code, files, [line for line in err.splitlines() if "commit" not in line]
    assert found["digit"] == found["drivers"]
    assert found["digit"][:2] == (1, [str(path) for path in images])


def test_a_digit_in_the_three_formats(answers, tmp_path):
    one = Image.new("L", (100, 120), 230)
    ImageDraw.Draw(one).line([(50, 20), (45, 100)], 20, 8)
    one.save(tmp_path / "one.png")
    (tmp_path / "bad.png").write_text("no picture")
    files = [tmp_path / "bad.png", tmp_path / "one.png"]
    code, out, err = answers("digit", *files, "--format", "json")
    (answer,) = map(json.loads, out.splitlines())
    assert code == 1 and f"error: {files[0]}: not a readable image" in err
    assert answer["file"] == str(files[1]) and answer["how"].startswith("dark on light, inverted; cropped")
    assert list(answer["networks"]) == ["mlp_numpy", "mlp_keras", "mnist"]
    _, out, err = answers("digit", files[1], "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    for row, (name, of_network) in zip(rows, answer["networks"].items(), strict=True):
        assert row["network"] == name and int(row["digit"]) == of_network["digit"]
        for digit, probability in of_network["probabilities"].items():
            assert float(row[digit]) == pytest.approx(probability, rel=1e-3)
        assert f"models/{name}." in err
    _, out, _ = answers("digit", files[1])
    assert [line.split()[0] for line in out.splitlines()] == ["network", "mlp_numpy", "mlp_keras", "mnist"]
    assert all(line.endswith(answer["how"]) for line in out.splitlines()[1:])


def test_a_name_cannot_command_the_terminal_and_survives_in_json(answers, tmp_path):
    path = tmp_path / "a\x1b[2J\nb\udcff.png"
    Image.new("RGB", (20, 20), (90, 10, 10)).save(path)
    _, out, _ = answers("drivers", path)
    assert len(out.splitlines()) == 2 and out.endswith("a\\x1b[2J\\nb\\udcff.png\n")
    _, out, _ = answers("drivers", path, "--format", "json")
    assert json.loads(out)["file"] == str(path)
    path.write_text("no image")
    code, _, err = answers("drivers", path)
    assert code == 1 and "\x1b" not in err and "a\\x1b[2J" in err.splitlines()[-1]


def test_a_reader_that_goes_away_ends_the_program_quietly(models, monkeypatch):
    program = f"{sys.executable} -m ladder.predict celsius {' '.join(['20'] * 20_000)} 2>errors | head -n 1"
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    done = run_in(models, "bash", "-c", program)
    assert done.stdout.split() == ["°C", "°F"]
    assert "Traceback" not in (models / "errors").read_text()


def test_a_missing_model_is_one_line_that_names_the_mend(answers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for command in (["celsius", "20"], ["digit", "a.png"], ["drivers", "a.png"]):
        code, out, err = answers(*command)
        assert code == 1 and out == ""
        assert err.startswith("error: ") and err.count("\n") == 1 and "`dvc repro`" in err
