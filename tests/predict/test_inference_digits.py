"""Pictures of digits: read alike whatever their size, mode and ground, and answered by three networks."""

from itertools import product

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from ladder.digits.images import Images, as_network_input
from ladder.digits.sources import read_source
from ladder.files.errors import InputError
from ladder.files.outputs import write_arrays
from ladder.predict.digits import DigitNetworks, classify_files, digit_answer, load_picture, read_digit
from ladder.predict.image_files import Refused
from ladder.predict.outputs import Outputs
from ladder.scratch import network
from ladder.scratch.trainer import ScratchTrainer
from tests.imports import ROOT
from tests.tiny_models import write_small_models

HOW = "cropped to the ink; centred in 28×28"


def draw_seven(width, height, ink=0, ground=255, mode="L", thickness=0.08):
    """A drawn 7 in the left upper part of a picture."""
    picture = Image.new(mode, (width, height), ground)
    corners = [(0.15, 0.15), (0.55, 0.15), (0.3, 0.75)]
    points = [(x * width, y * height) for x, y in corners]
    ImageDraw.Draw(picture).line(points, ink, max(1, round(thickness * min(width, height))))
    return picture


def likeness(picture):
    """Correlation of what is read with the reading of the plain drawing, moved by a pixel where that helps.

    The centre of mass is rounded to a pixel, and where it is half way between two, either is right.
    """
    plain, read = (read_digit(p).image.astype(float) for p in (draw_seven(300, 300), picture))
    moved = [np.roll(read, by, (0, 1)) for by in product((-1, 0, 1), repeat=2)]
    return max(np.corrcoef(plain.ravel(), image.ravel())[0, 1] for image in moved)


def is_centred(image):
    return ndimage.center_of_mass(image) == pytest.approx((14, 14), abs=0.51)


def test_an_image_is_28_by_28_with_20_rows_of_ink_and_its_centre_of_mass_at_14():
    image, how = read_digit(draw_seven(300, 200))
    assert image.shape == (28, 28) and image.dtype == np.uint8 and image.max() == 255
    rows = np.flatnonzero(image.max(axis=1))
    assert rows[-1] - rows[0] == 19
    assert is_centred(image)
    assert how == f"dark on light, inverted; {HOW}"


@pytest.mark.parametrize(("ink", "ground"), [(0, 255), (255, 0), (60, 190), (180, 20), (100, 115)])
def test_polarity_and_contrast_do_not_matter(ink, ground):
    picture = draw_seven(300, 300, ink, ground)
    assert likeness(picture) > 0.99
    polarity = "dark on light, inverted" if ink < ground else "light on dark"
    assert read_digit(picture).how == f"{polarity}; {HOW}"


@pytest.mark.parametrize("size", [(9, 9), (28, 28), (200, 300), (640, 480), (2000, 1500)])
def test_any_size(size):
    side = min(size)
    seven = Image.new("L", size, 255)
    seven.paste(draw_seven(side, side), (size[0] - side, 0))
    assert likeness(seven) > (0.7 if side == 9 else 0.9)
    assert is_centred(read_digit(seven).image)


def transparent(ink):
    return draw_seven(300, 300, (*ink, 255), (0, 0, 0, 0), "RGBA")


def sixteen_bits(ink, ground):
    values = np.asarray(draw_seven(300, 300)).astype(np.uint16)
    return Image.fromarray(np.where(values > 0, ground, ink).astype(np.uint16))


@pytest.mark.parametrize(
    "picture",
    [
        transparent((0, 0, 0)),
        transparent((255, 255, 255)),
        transparent((200, 40, 40)),
        draw_seven(300, 300, (0, 0, 0, 255), (255, 255, 255, 255), "RGBA"),
        draw_seven(300, 300, (20, 40, 160), (250, 240, 220), "RGB"),
        draw_seven(300, 300, (0, 0, 0), (255, 255, 255), "RGB").quantize(2),
        draw_seven(300, 300, 0, 1, "1"),
        sixteen_bits(0, 65535),
        sixteen_bits(40_000, 1_000),
        sixteen_bits(300, 900),
    ],
    ids=["black ink", "white ink", "red ink", "RGBA", "RGB", "palette", "1 bit", "16", "16 dark", "16 faint"],
)
def test_any_mode_as_it_comes_from_a_file(picture, tmp_path):
    picture.save(tmp_path / "seven.png")
    assert likeness(load_picture(tmp_path / "seven.png")) > 0.98


def test_a_transparent_grey_in_16_bits_does_not_cut_the_others_off(tmp_path):
    sixteen_bits(40_000, 1_000).save(tmp_path / "seven.png", transparency=5)
    assert likeness(load_picture(tmp_path / "seven.png")) > 0.98


def test_grain_specks_and_shade_are_no_ink():
    rng = np.random.default_rng(0)
    clean = np.asarray(draw_seven(400, 400)).astype(float)
    y, x = np.indices(clean.shape)
    photograph = (0.4 + 0.6 * clean / 255) * (120 + 0.1 * x + 0.15 * y) + rng.normal(0, 4, clean.shape)
    photograph[380:384, 380:384] = 0
    assert likeness(Image.fromarray(photograph.clip(0, 255).astype(np.uint8))) > 0.95


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("L", (50, 40), 7),
        Image.new("RGBA", (50, 40), (9, 9, 9, 0)),
        Image.new("L", (1, 1)),
        Image.linear_gradient("L"),
        Image.fromarray(np.tile(np.pad(np.full((3, 3), 255, np.uint8), 10), (12, 12))),
    ],
    ids=["one colour", "transparent", "one pixel", "a slope", "dots"],
)
@pytest.mark.filterwarnings("error")
def test_a_picture_without_ink_is_refused(picture):
    with pytest.raises(InputError, match="no digit in it"):
        read_digit(picture)


def test_a_picture_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    draw_seven(300, 300).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.jpg", exif=exif)
    assert likeness(load_picture(tmp_path / "a.jpg")) > 0.98


def note_on_a_desk():
    picture = Image.new("L", (800, 600), 60)
    picture.paste(draw_seven(500, 400, 40, 220).rotate(7, fillcolor=220), (150, 100))
    return picture.rotate(7, fillcolor=60)


def shadow_s_edge():
    shadow = Image.new("L", (800, 600), 255)
    ImageDraw.Draw(shadow).polygon([(300, 0), (800, 0), (800, 600), (500, 600)], 0)
    return Image.composite(draw_seven(800, 600, 40, 220), Image.new("L", (800, 600), 60), shadow)


def squared_paper():
    picture = draw_seven(800, 600, 40, 225)
    draw = ImageDraw.Draw(picture)
    for at in range(10, 800, 50):
        draw.line([(at, 0), (at, 600)], 120, 2)
        draw.line([(0, at), (800, at)], 120, 2)
    return picture


@pytest.mark.parametrize(
    ("draw", "why"),
    [
        (note_on_a_desk, "is a blob, not strokes"),
        (shadow_s_edge, "reaches the edge of the picture"),
        (squared_paper, "reaches the edge of the picture"),
    ],
)
def test_what_may_be_no_digit_is_called_doubtful(draw, why):
    assert read_digit(draw()).how.endswith(f"; doubtful: the ink {why}")


def test_few_images_of_mnist_are_called_doubtful():
    images = read_source("mnist-5k", ROOT / "nowhere")[0].images[::10]
    assert sum("doubtful" in read_digit(Image.fromarray(image)).how for image in images) <= 20  # of 500


def test_an_image_of_mnist_is_read_as_itself():
    images = read_source("mnist-5k", ROOT / "nowhere")[0].images[::25]
    read = np.stack([read_digit(Image.fromarray(image)).image for image in images])
    assert np.abs(read.astype(int) - images).mean() < 3  # grey levels; all moved by a pixel: 17


def test_reading_costs_little_accuracy():
    everything, _ = read_source("mnist-5k", ROOT / "nowhere")
    shuffled = Images(*(array[np.random.default_rng(0).permutation(5000)] for array in everything))
    shown, train = (Images(*(array[part] for array in shuffled)) for part in (slice(300), slice(300, 3000)))
    start = network.init((784, 64, 10), np.random.default_rng(0))
    trainer = ScratchTrainer(start, train.pixels(), train.labels, 0.3, 0.9, 32, np.random.default_rng, "")
    for epoch in range(10):
        trainer.run_epoch(epoch)

    def accuracy(images):
        probabilities, _ = trainer.validate(as_network_input(images))
        return (probabilities.argmax(axis=1) == shown.labels).mean()

    def photograph(image):
        drawn = Image.fromarray(image).resize((120, 120), Image.Resampling.BICUBIC)
        paper = Image.new("L", (250, 220), 190)
        paper.paste(Image.eval(drawn, lambda level: 190 - level // 2), (100, 30))
        return read_digit(paper).image

    assert accuracy(shown.images) > 0.9
    read = np.stack([photograph(image) for image in shown.images])
    assert accuracy(read) > accuracy(shown.images) - 0.03


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    write_small_models(folder)
    draw_seven(300, 300).save(folder / "seven.png")
    Image.new("L", (30, 30)).save(folder / "empty.png")
    (folder / "bad.png").write_text("no picture")
    return folder


@pytest.fixture
def networks(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return DigitNetworks(Outputs())


def test_probabilities_are_scaled_with_each_network_s_temperature(networks):
    images = np.random.default_rng(1).integers(0, 256, (5, 28, 28), np.uint8)
    found = networks.predict(images)
    assert list(found) == ["mlp_numpy", "mlp_keras", "mnist"]
    plain = network.predict(networks._numpy, as_network_input(images)).astype(float) ** (1 / 2.0)
    np.testing.assert_allclose(found["mlp_numpy"], plain / plain.sum(axis=1, keepdims=True), rtol=1e-5)
    for name, temperature in (("mlp_keras", 0.5), ("mnist", 1.5)):
        plain = networks._keras[name].predict_on_batch(as_network_input(images)).astype(float)
        plain = plain ** (1 / temperature)
        np.testing.assert_allclose(found[name], plain / plain.sum(axis=1, keepdims=True), rtol=1e-4)


def test_a_batch_is_answered_as_its_images_alone(networks):
    images = np.random.default_rng(1).integers(0, 256, (5, 28, 28), np.uint8)
    together = networks.predict(images)
    for name, answers in together.items():
        alone = np.concatenate([networks.predict(image[None])[name] for image in images])
        np.testing.assert_allclose(answers, alone, rtol=1e-4, atol=1e-7)


def test_files_are_answered_in_order_and_bad_ones_say_why(networks, folder):
    names = ["bad.png", "seven.png", "empty.png", "nowhere.png", "seven.png"]
    found = list(classify_files([folder / name for name in names], networks))
    assert [answer.path.name for answer in found] == names
    errors = [str(answer.error) for answer in found if isinstance(answer, Refused)]
    assert [error.split(": ")[0] for error in errors] == [
        str(folder / name) for name in ("bad.png", "empty.png", "nowhere.png")
    ]
    assert "one colour" in errors[1]
    expected = networks.predict(read_digit(load_picture(folder / "seven.png")).image[None])
    for name, probabilities in found[4].answer.items():
        np.testing.assert_allclose(probabilities, expected[name][0], rtol=1e-4)
    answer = digit_answer(*found[1])
    assert answer.record["networks"]["mnist"]["digit"] == expected["mnist"].argmax()


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"weights_1": np.zeros((784, 10))}, "holds no network"),
        ({"weights_1": np.zeros((784, 9)), "biases_1": np.zeros(9)}, "layer 1: float64"),
        (
            {"weights_1": np.zeros((784, 9), np.float32), "biases_1": np.zeros(9, np.float32)},
            "holds no network",
        ),
        ({"weights_1": np.zeros(784), "biases_1": np.zeros(10)}, "layer 1: float64"),
        ({"weights_1": np.zeros((784, 10)), "biases_1": np.zeros(10)}, "layer 1: float64"),
        (
            {"weights_1": np.full((784, 10), np.nan, np.float32), "biases_1": np.zeros(10, np.float32)},
            "layer 1",
        ),
    ],
)
def test_a_file_that_holds_no_network_is_refused(tmp_path, monkeypatch, arrays, words):
    write_small_models(tmp_path)
    write_arrays(tmp_path / "models/mlp_numpy.npz", arrays)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"models/mlp_numpy.npz: {words}"):
        DigitNetworks(Outputs())


def test_metrics_without_a_temperature_are_refused(tmp_path, monkeypatch):
    write_small_models(tmp_path)
    (tmp_path / "metrics/train_mnist.json").write_text('{"temperature": -1}')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"metrics/train_mnist\.json: temperature: -1"):
        DigitNetworks(Outputs())
