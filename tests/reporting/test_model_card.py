"""The model card says what the metrics say, and what the split means for them."""

import json
import re
from pathlib import Path

import pytest

from ladder.files.errors import InputError
from stages import write_model_card
from tools.pipeline.clones import change_params, copy_repository


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A copy of the repository with the committed metrics."""
    copy_repository(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def change_metrics(stage, **changes):
    path = Path(f"metrics/{stage}.json")
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


def card():
    write_model_card.main()
    return write_model_card.CARD.read_text("utf-8")


@pytest.mark.usefixtures("here")
def test_the_committed_card_is_that_of_the_committed_metrics():
    committed = write_model_card.CARD.read_text("utf-8")
    assert card() == committed


@pytest.mark.usefixtures("here")
def test_figures_follow_the_metrics():
    change_metrics("finetune_vgg", test_accuracy=0.4567, test_accuracy_low=0.3456, test_accuracy_high=0.5678)
    change_metrics("probe_leakage", by_driver_test_share_with_near_duplicate=0.37)
    text = card()
    assert text.count("45.7 % [34.6, 56.8]") == 2 and "| 37% |" in text
    assert not re.search(r"[{}]|nan|None", text)


@pytest.mark.usefixtures("here")
def test_every_class_and_driver_has_a_row_the_worst_first():
    text = card()
    for kind in ("class", "driver"):
        rows = text.split(f"| {kind} | test images | accuracy |\n")[1].split("\n\n")[0].splitlines()[1:]
        expected = Path(f"plots/finetune_vgg/by_{kind}.csv").read_text("utf-8").splitlines()[1:]
        assert len(rows) == len(expected) > 5
        shares = [float(re.search(r"([\d.]+) % \[", row)[1]) for row in rows]
        assert shares == sorted(shares)


@pytest.mark.parametrize(("known", "said"), [(60, "are in training too"), (0, "are nowhere in training")])
@pytest.mark.usefixtures("here")
def test_it_says_whether_the_figure_holds_for_a_new_driver(known, said):
    change_metrics("finetune_vgg", test_drivers_in_training=known)
    notes = [phrase for phrase in ("are in training too", "are nowhere in training") if phrase in card()]
    assert notes == [said]


def test_drawn_images_are_not_passed_off_as_photographs(here):
    assert "No photograph is among them" in card()
    change_params(here, {"drivers": {"root": "data/raw/state-farm"}, "vgg": {"weights": "mine"}})
    text = card()
    assert "The images are those in `data/raw/state-farm`." in text and "No photograph" not in text
    assert "started from the weights in data/raw/mine" in text


@pytest.mark.usefixtures("here")
def test_without_metrics_the_card_that_is_there_stays():
    before = write_model_card.CARD.read_bytes()
    Path("metrics/probe_leakage.json").unlink()
    with pytest.raises(InputError, match=r"^metrics/probe_leakage\.json: .*`dvc repro` makes it$"):
        write_model_card.main()
    assert write_model_card.CARD.read_bytes() == before
