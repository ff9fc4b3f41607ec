"""Kills of the real pipeline: nothing is lost, and the harness would see it if something were."""

import shutil
import sys

import pytest

from tests.pipeline.chaos import report, table
from tests.pipeline.kills import Campaign
from tools.pipeline.clones import clone_origin, differences, make_origin, run_in

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the runner needs POSIX processes")


@pytest.mark.campaign
def test_kills_lose_nothing(short_origin, short_clone, tmp_path):
    campaign = Campaign(short_origin, short_clone, tmp_path, seed=5)
    campaign.run(3, 40)
    assert campaign.differences == []
    assert len(campaign.kills) >= 3 and campaign.compared >= 1
    assert {stage for stage, _ in campaign.kills} >= set(campaign.stages)
    figures = report(campaign, 5, 60.0)
    assert sum(n for kinds in figures["kills_by_stage"].values() for n in kinds.values()) == figures["kills"]
    compared = f"{figures['runs_compared']} finished runs compared with the undisturbed one: 0 differences"
    assert compared in table(figures)


@pytest.mark.campaign
def test_a_stage_that_remembers_its_killed_run_is_found(tmp_path):
    origin, reference = tmp_path / "origin", tmp_path / "reference"
    make_origin(origin, ["generate-celsius-data", "train-linreg"])
    stage = origin / "stages/train_linreg.py"
    # Not in models/, where the name of a file that is still empty would call the kill.
    stage.write_text('open("runs.txt", "a").write("run\\n")\n' + stage.read_text("utf-8"), "utf-8")
    identity = ["-c", "user.name=tests", "-c", "user.email=tests@localhost"]
    run_in(origin, "git", *identity, "commit", "--quiet", "--all", "--message", "a stage that remembers")
    clone_origin(origin, reference)
    run_in(reference, sys.executable, "-m", "tools.pipeline.repro")

    campaign = Campaign(origin, reference, tmp_path, seed=0)
    campaign.kill_once("none")
    assert (campaign.compared, campaign.differences) == (1, [])
    campaign.kill_once("models", event=1)
    assert campaign.kills == [("train-linreg", "models")]
    campaign.finish()
    assert campaign.mended["locks"] == 1
    assert campaign.differences == ["after 1 kills: runs.txt: other bytes"]


def test_each_kind_of_difference_is_a_line(short_clone, tmp_path):
    folder = tmp_path / "clone"
    shutil.copytree(short_clone, folder)
    assert differences(short_clone, folder) == []
    (folder / "data/celsius.csv").unlink()
    (folder / ".checkpoints/train-mnist").mkdir(parents=True)
    (folder / ".checkpoints/train-mnist/state.npz").touch()
    (folder / "models/.mnist.1.tmp.keras").touch()
    model = (folder / "models/linreg.npz").read_bytes()
    (folder / "models/linreg.npz").write_bytes(model[:-1] + bytes([model[-1] ^ 1]))
    assert differences(short_clone, folder) == [
        "data/celsius.csv: missing",
        ".checkpoints/train-mnist/state.npz: should not be there",
        "models/.mnist.1.tmp.keras: should not be there",
        "models/linreg.npz: other bytes",
    ]
