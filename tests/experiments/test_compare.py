"""`make compare` in a real git repository, on predictions whose differences are known."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from ladder.files.errors import InputError
from ladder.files.params import read_settings
from tests.imports import ROOT
from tools.experiments.compare import TOLERANCES, WORSE, Tolerances, compare_figure, holm, main

ITEMS, DRIVERS = 400, 20


def write_predictions(correct, model="train_mnist", drivers=None, items=None):
    """Predictions of classes 0 and 1 with a low loss where `correct`, a high one elsewhere."""
    actual = np.arange(len(correct)) % 2
    table = pd.DataFrame({"item": range(len(correct)) if items is None else items})
    if drivers is not None:
        table["driver"] = drivers
    table["actual"], table["predicted"] = actual, np.where(correct, actual, 1 - actual)
    table["confidence"], table["loss"] = 0.8, np.where(correct, 0.2, 1.6)
    path = Path("plots", model, "predictions.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False)


def git(*arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


def commit():
    git("add", "-A")
    git("commit", "-qm", "state")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository whose last commit holds a model that is right on 320 of 400 items."""
    monkeypatch.chdir(tmp_path)
    TOLERANCES.parent.mkdir(parents=True)
    TOLERANCES.write_bytes((ROOT / TOLERANCES).read_bytes())
    git("init", "-q")
    before = np.random.default_rng(0).permutation(ITEMS) < 320
    write_predictions(before)
    commit()
    return before


def changed(before, lost, won, seed=1):
    """The same answers with so many lost and so many won."""
    after, rng = before.copy(), np.random.default_rng(seed)
    after[rng.choice(np.flatnonzero(before), lost, replace=False)] = False
    after[rng.choice(np.flatnonzero(~before), won, replace=False)] = True
    return after


def run(*options):
    """The exit code and the rows of the JSON file."""
    try:
        main(["HEAD", "--json", "out/rows.json", *options])
        code = 0
    except SystemExit as end:
        code = end.code
    return code, json.loads(Path("out/rows.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("lost", "won", "code", "verdict"),
    [
        (0, 0, 0, "same"),
        (10, 10, 0, "within the noise"),
        (8, 5, 0, "within the noise"),
        (5, 8, 0, "within the noise"),
        (40, 2, WORSE, "worse"),
        (2, 40, 0, "better"),
    ],
)
def test_noise_passes_and_a_real_loss_does_not(repository, lost, won, code, verdict):
    write_predictions(changed(repository, lost, won))
    exit_code, rows = run()
    assert exit_code == code
    assert [(row["model"], row["figure"], row["verdict"]) for row in rows] == [
        ("train_mnist", "accuracy", verdict),
        ("train_mnist", "loss", verdict),
    ]
    accuracy = rows[0]
    assert accuracy["before"] == 0.8 and accuracy["items"] == ITEMS
    if verdict == "same":
        return
    assert accuracy["difference"] == pytest.approx((won - lost) / ITEMS)
    assert accuracy["low"] <= accuracy["difference"] <= accuracy["high"]
    assert (accuracy["low"] > 0 or accuracy["high"] < 0) == (verdict in ("worse", "better"))


def test_a_significant_loss_within_the_tolerance_passes(repository):
    text = TOLERANCES.read_text("utf-8")
    TOLERANCES.write_text(text.replace("accuracy: 0.005", "accuracy: 0.1").replace("loss: 0.02", "loss: 1.0"))
    write_predictions(changed(repository, 32, 0))
    code, rows = run()
    assert code == 0 and {row["verdict"] for row in rows} == {"worse, tolerated"}


def test_the_same_loss_is_noise_if_it_is_all_of_one_driver(repository):
    drivers = [f"p{number % DRIVERS}" for number in range(ITEMS)]
    write_predictions(repository, "finetune_vgg", drivers)
    commit()
    of_one = np.array([driver == "p3" for driver in drivers])
    write_predictions(repository & ~of_one, "finetune_vgg", drivers)
    code, rows = run()
    row = next(row for row in rows if row["model"] == "finetune_vgg")
    assert code == 0 and row["verdict"] == "within the noise" and row["groups"] == DRIVERS


def test_models_that_did_not_change_make_no_difference_harder_to_prove(repository):
    for number in range(20):
        write_predictions(repository, f"other_{number}")
    commit()
    write_predictions(changed(repository, 16, 3))
    code, rows = run()
    assert code == WORSE and {row["verdict"] for row in rows} == {"same", "worse"}


def test_other_test_items_are_said_to_be_no_comparison(repository):
    write_predictions(repository, "train_mlp/numpy")
    write_predictions(np.ones(ITEMS, bool), items=range(1, ITEMS + 1))
    with pytest.raises(InputError, match="nothing to compare with HEAD"):
        main(["HEAD"])
    write_predictions(repository)
    code, rows = run()
    assert code == 0
    assert [row["verdict"] for row in rows if row["model"] == "train_mlp/numpy"] == ["new"]


def test_the_order_of_items_makes_no_difference(repository):
    table = pd.read_csv("plots/train_mnist/predictions.csv")
    table.sample(frac=1, random_state=0).to_csv("plots/train_mnist/predictions.csv", index=False)
    assert {row["verdict"] for row in run()[1]} == {"same"}


def test_the_table_is_markdown_and_is_printed_too(repository, capsys):
    write_predictions(changed(repository, 40, 2))
    run("--markdown", "out/table.md")
    printed, written = capsys.readouterr().out, Path("out/table.md").read_text("utf-8")
    assert printed == written
    rows = [line for line in written.splitlines() if line.startswith("|")]
    assert len(rows) == 4 and {line.count("|") for line in rows} == {8}
    assert rows[2].startswith("| train_mnist | accuracy | 0.8000 | 0.7050 | -0.0950 [") and "worse" in rows[2]


@pytest.mark.parametrize("revision", ["nowhere", "--output=x", "", "HEAD:plots"])
@pytest.mark.usefixtures("repository")
def test_an_unknown_revision_is_one_line(revision):
    with pytest.raises((InputError, SystemExit)) as refused:
        main([revision])
    assert (
        refused.type is SystemExit or str(refused.value) == f"{revision!r} is no revision of this repository"
    )


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("significance: 2.0\naccuracy: 0.0\nloss: 0.0\n", "significance: 2.0: "),
        ("significance: 0.05\naccuracy: 0.0\n", "loss: missing"),
        ("significance: 0.05\naccuracy: 0.0\nloss: 0.0\nother_machines: {}\nlos: 1\n", "los: unknown key"),
    ],
)
def test_bad_tolerances_are_one_line(tmp_path, text, wrong):
    (tmp_path / "t.yaml").write_text(text)
    with pytest.raises(InputError, match=f"t.yaml: {wrong}"):
        read_settings(tmp_path / "t.yaml", Tolerances)


@pytest.mark.parametrize(("lost", "won"), [(3, 1), (12, 5), (9, 0), (30, 28)])
def test_independent_items_give_the_chance_of_mcnemars_exact_test(lost, won):
    before = np.arange(ITEMS) < 320
    after = changed(before, lost, won)
    compared = compare_figure(before.astype(float), after.astype(float), np.arange(ITEMS))
    assert compared["p"] == pytest.approx(binomtest(won, lost + won).pvalue, abs=0.015)


@pytest.mark.campaign
def test_a_false_alarm_is_as_rare_as_promised():
    rng, alarms = np.random.default_rng(3), 0
    for _ in range(200):
        before, after = rng.normal(0, 1, (2, 100))
        alarms += compare_figure(before, after, np.arange(100))["p"] < 0.05
    assert 2 <= alarms <= 20


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0] and holm([]) == []
