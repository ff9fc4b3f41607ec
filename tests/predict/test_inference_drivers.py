"""Driver images: decoded as the pipeline does, answered in batches, as a stream."""

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ladder.digits.networks import build_dense
from ladder.drivers.images import CLASSES, load_image
from ladder.files.errors import InputError
from ladder.predict import drivers
from ladder.predict.drivers import DriverClassifier, classify_files, driver_answer
from ladder.predict.image_files import Refused, find_images, read_in_batches
from ladder.predict.outputs import Outputs
from ladder.training.keras_archive import load_keras, save_keras
from ladder.vgg import winograd
from tests.tiny_models import SIZE, TEMPERATURES, write_driver_classifier, write_small_models


@pytest.fixture(scope="module")
def folder():
    """Removed at once: the model takes 59 MB."""
    with tempfile.TemporaryDirectory() as name:
        write_small_models(Path(name))
        write_driver_classifier(Path(name))
        yield Path(name)


@pytest.fixture(scope="module")
def classifier(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return DriverClassifier(Outputs())


def write_images(folder, count, suffix=".jpg"):
    """Pictures of noise, in several sizes."""
    rng = np.random.default_rng(3)
    paths = [folder / f"{number:03}{suffix}" for number in range(count)]
    for number, path in enumerate(paths):
        noise = rng.integers(0, 256, (4, 6, 3), np.uint8)
        size = (40 + number % 3, 30 + number % 5)
        Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(path)
    return paths


def test_probabilities_are_those_of_the_model_scaled_with_its_temperature(classifier, folder, tmp_path):
    paths = write_images(tmp_path, 4)
    images = np.stack([load_image(path, SIZE) for path in paths])
    model = load_keras(folder / "models/final_model.keras")
    plain = model.predict_on_batch(images.astype(np.float32)).astype(float)
    plain = plain ** (1 / TEMPERATURES["finetune_vgg"]["temperature"])
    expected = plain / plain.sum(axis=1, keepdims=True)
    assert classifier.image_size == SIZE
    np.testing.assert_allclose(classifier.predict(images), expected, rtol=1e-4)
    assert len(set(expected.argmax(axis=1))) > 1 or expected.std(axis=0).max() > 1e-3
    found = list(classify_files(paths, classifier))
    np.testing.assert_allclose([file.answer.probabilities for file in found], expected, rtol=1e-4)
    assert all((file.content == image).all() for file, image in zip(found, images, strict=True))


def test_a_batch_is_answered_as_its_images_alone(classifier, tmp_path, monkeypatch):
    monkeypatch.setattr(drivers, "BATCH_SIZE", 3)
    paths = write_images(tmp_path, 7)
    together = list(classify_files(paths, classifier))
    assert [answer.path for answer in together] == paths
    for path, file in zip(paths, together, strict=True):
        (alone,) = classify_files([path], classifier)
        np.testing.assert_allclose(
            file.answer.probabilities, alone.answer.probabilities, rtol=1e-4, atol=1e-7
        )


@pytest.mark.campaign
def test_what_is_compiled_for_many_files_answers_as_before(classifier, tmp_path, monkeypatch):
    paths = write_images(tmp_path, 7)
    before = [file.answer.probabilities for file in classify_files(paths, classifier)]
    monkeypatch.setattr(drivers, "BATCH_SIZE", 3)
    monkeypatch.setattr(winograd, "WORTH_COMPILING", 6 * SIZE**2)
    monkeypatch.setattr(classifier, "_answered", 0)
    after = [file.answer.probabilities for file in classify_files(paths, classifier)]
    assert classifier._faster.jit_compile
    np.testing.assert_allclose(after, before, rtol=1e-3, atol=1e-6)


def test_bad_files_have_an_error_each_and_the_others_their_answers(classifier, tmp_path, monkeypatch):
    monkeypatch.setattr(drivers, "BATCH_SIZE", 2)
    good = write_images(tmp_path, 3)
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "cut.jpg").write_bytes(good[0].read_bytes()[:300])
    Image.new("RGB", (8, 8)).save(tmp_path / "a.tiff")
    bad = [tmp_path / name for name in ("text.jpg", "cut.jpg", "a.tiff", "nowhere.jpg")]
    paths = [bad[0], bad[1], good[0], bad[2], good[1], good[2], bad[3]]
    found = list(classify_files(paths, classifier))
    assert [answer.path for answer in found] == paths
    for answer in found:
        assert isinstance(answer, Refused) == (answer.path in bad)
        if isinstance(answer, Refused):
            assert str(answer.error).startswith(f"{answer.path}: ")
    expected = [file.answer.probabilities for file in classify_files(good, classifier)]
    answered = [file.answer.probabilities for file in found if not isinstance(file, Refused)]
    np.testing.assert_allclose(answered, expected, rtol=1e-4)


def test_a_decompression_bomb_is_refused_unread(classifier, tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("1", (8_000, 8_000)).save(path)
    (answer,) = classify_files([path], classifier)
    assert "allowed are 50,000,000" in str(answer.error)


def test_the_first_answer_comes_before_the_last_file_is_taken(classifier, tmp_path, monkeypatch):
    monkeypatch.setattr(drivers, "BATCH_SIZE", 2)
    taken = []

    def paths():
        for path in write_images(tmp_path, 12):
            taken.append(path)
            yield path

    answers = classify_files(paths(), classifier)
    for number in range(12):
        next(answers)
        assert len(taken) <= 2 * (number // 2 + 2)  # this batch, and the one that is being read
    assert len(taken) == 12 and next(answers, None) is None


def test_no_more_than_two_batches_are_read_ahead_and_held(tmp_path):
    alive = []

    class Content:
        def __init__(self, path):
            alive.append(path)

        def __del__(self):
            alive.pop()

    most, total = 0, 0
    for batch in read_in_batches((Path(str(number)) for number in range(1000)), Content, 5):
        total += len(batch)
        most = max(most, len(alive))
        del batch
    assert total == 1000 and 0 < most <= 15 and alive == []


def test_a_bug_in_reading_is_not_taken_for_a_bad_file():
    with pytest.raises(ZeroDivisionError):
        list(read_in_batches([Path("a")], lambda path: 1 / 0, 5))


def test_folders_are_searched_at_any_depth_and_sorted(tmp_path):
    for name in ("b/2.png", "b/10.JPG", "a/deep/er/1.webp", "a/notes.txt", "a/x.tiff", "c.gif"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder.png").mkdir()
    errors = []
    found = find_images([tmp_path / "a/notes.txt", tmp_path, tmp_path / "empty"], errors.append)
    names = [path.relative_to(tmp_path).as_posix() for path in found]
    assert names == ["a/notes.txt", "a/deep/er/1.webp", "b/10.JPG", "b/2.png", "c.gif"]
    assert [str(error).split(": ")[0] for error in errors] == [str(tmp_path / "empty")]


def test_what_a_folder_holds_without_an_answer_is_counted_and_named(tmp_path, capsys):
    for name in ("a.jfif", "b.heic", "sub/notes.txt", "sub/c.JPE"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "elsewhere").symlink_to(tmp_path / "sub", target_is_directory=True)
    os.mkfifo(tmp_path / "pipe.png")
    found = find_images([tmp_path], pytest.fail)
    assert [path.name for path in found] == ["a.jfif", "gone.png", "c.JPE"]
    named = "b.heic, elsewhere, pipe.png, sub/notes.txt"
    assert capsys.readouterr().err == f"{tmp_path}: 4 left out, no image by name: {named}\n"
    for number in range(1000):
        (tmp_path / f"a{number:03}.txt").touch()
    find_images([tmp_path], pytest.fail)
    err = capsys.readouterr().err
    assert "1,004 left out" in err and err.endswith("a008.txt, a009.txt and 994 more\n")


def test_what_a_mac_leaves_beside_images_is_no_part_of_a_folder(tmp_path, capsys):
    for name in ("x.jpg", "._x.jpg", ".DS_Store", "__MACOSX/y.jpg", "__MACOSX/._x.jpg", ".Trashes/z.jpg"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert find_images([tmp_path], pytest.fail) == [tmp_path / "x.jpg"]
    assert capsys.readouterr().err == ""


def test_a_name_that_no_disk_can_hold_is_a_missing_file(classifier):
    paths = find_images([Path("a" * 5000)], pytest.fail)
    (answer,) = classify_files(paths, classifier)
    assert "File name too long" in str(answer.error)


def test_heat_maps_are_those_of_the_most_probable_classes(classifier, tmp_path, monkeypatch):
    monkeypatch.setattr(drivers, "BATCH_SIZE", 2)
    paths = write_images(tmp_path, 3)
    found = list(classify_files(paths, classifier, heat_maps=True))
    for _, image, (probabilities, heat) in found:
        (expected,) = classifier.heat_maps(image[None], np.array([probabilities.argmax()]))
        assert heat.shape == (SIZE, SIZE)
        np.testing.assert_allclose(heat, expected, atol=1e-3)
    assert all(file.answer.heat is None for file in classify_files(paths, classifier))


def test_an_answer_names_the_most_probable_class():
    probabilities = np.full(10, 0.03)
    probabilities[6] = 0.73
    answer = driver_answer(Path("a.jpg"), probabilities)
    assert answer.record["class"] == "c6" and answer.record["name"] == "drinking"
    assert answer.record["probability"] == answer.record["probabilities"]["c6"] == 0.73
    assert list(answer.record["probabilities"]) == list(CLASSES)
    assert answer.lines == ["c6     drinking                73.0%  a.jpg"]


def test_another_kind_of_model_is_refused(tmp_path, monkeypatch):
    write_small_models(tmp_path)
    save_keras(build_dense([4], "relu"), tmp_path / "models/final_model.keras")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="needed is one from square"):
        DriverClassifier(Outputs())
