"""A stage computes the same whatever a user's shell, notebook or home sets for libraries, git and DVC."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tools.pipeline.clones import change_params, clone_origin, differences, environment, make_origin, run_in

STAGES = ("train_linreg", "draw_neuron", "train_mnist")  # plain NumPy, matplotlib, Keras
STYLE = "savefig.dpi: 37\naxes.facecolor: pink\nfont.family: monospace\nimage.cmap: jet\nlines.linewidth: 9\n"
KERAS = {"floatx": "float64", "epsilon": 0.1, "image_data_format": "channels_first", "backend": "torch"}


def hostile(home):
    """Variables and a home folder with settings that other projects have asked for."""
    (home / ".keras").mkdir(parents=True)
    (home / ".keras/keras.json").write_text(json.dumps(KERAS), "utf-8")
    (home / ".config/matplotlib").mkdir(parents=True)
    (home / ".config/matplotlib/matplotlibrc").write_text(STYLE, "utf-8")
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "TF_XLA_FLAGS": "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit",
        "PYTHONHASHSEED": "7",
        "TZ": "Asia/Kathmandu",
        "LC_ALL": "tr_TR.UTF-8",
    }


def test_stages_write_the_same_bytes_under_settings_of_other_projects(short_clone, tmp_path):
    plain = {
        name: value for name, value in environment().items() if name not in ("MPLBACKEND", "KERAS_BACKEND")
    }
    folders = {"plain": plain, "hostile": plain | hostile(tmp_path / "home")}
    for name, variables in folders.items():
        shutil.copytree(short_clone, tmp_path / name, symlinks=True)
        # The clone's stages have run under plain settings, all but the one that draws.
        for stage in STAGES if name == "hostile" else ["draw_neuron"]:
            command = [sys.executable, "-m", f"stages.{stage}"]
            subprocess.run(command, cwd=tmp_path / name, env=variables, check=True)
    assert (tmp_path / "hostile/plots/draw_neuron/line.png").exists()
    assert differences(tmp_path / "plain", tmp_path / "hostile") == []


def test_links_that_dvc_has_made_are_images_of_the_set(tmp_path):
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    make_origin(origin, ["generate-driver-images", "split-driver-images"])
    clone_origin(origin, clone)
    run_in(clone, "dvc", "config", "--local", "cache.type", "symlink")
    run_in(clone, "dvc", "repro")
    first = next((clone / "data/driver-images/imgs/train/c0").iterdir())
    assert first.is_symlink() and ".dvc/cache" in os.readlink(first)
    change_params(clone, {"split": {"test_share": 0.2}})
    assert "Running stage 'split-driver-images'" in run_in(clone, "dvc", "repro").stdout


def test_a_git_hook_does_not_lead_the_copies_to_the_users_repository(tmp_path, monkeypatch):
    users = tmp_path / "users"
    users.mkdir()
    run_in(users, "git", "init", "--quiet")
    before = {path: path.read_bytes() for path in users.rglob("*") if path.is_file()}
    for name, value in {"GIT_DIR": ".git", "GIT_WORK_TREE": ".", "GIT_INDEX_FILE": ".git/index"}.items():
        monkeypatch.setenv(name, str(users / value))
    make_origin(tmp_path / "origin", ["generate-celsius-data"])
    clone_origin(tmp_path / "origin", tmp_path / "clone")
    run_in(tmp_path / "clone", "dvc", "repro")
    assert {path: path.read_bytes() for path in users.rglob("*") if path.is_file()} == before
    assert run_in(tmp_path / "clone", "git", "log", "--format=%s").stdout == "other parameters\n"


@pytest.mark.campaign
def test_dvc_may_be_told_to_lock_by_hard_links(light_clone, tmp_path):
    clone_origin(light_clone, tmp_path / "clone")
    run_in(tmp_path / "clone", "dvc", "config", "--local", "core.hardlink_lock", "true")
    run_in(tmp_path / "clone", sys.executable, "-m", "tools.pipeline.repro")
    assert run_in(tmp_path / "clone", "dvc", "status").stdout == "Data and pipelines are up to date.\n"


@pytest.mark.campaign
def test_a_lock_that_nobody_here_holds_is_one_line_with_its_mend(light_clone, tmp_path):
    clone = tmp_path / "clone"
    shutil.copytree(light_clone, clone, symlinks=True)
    assert (clone / ".dvc/tmp/lock").exists()  # the former kind of lock leaves its file
    run_in(clone, "dvc", "config", "--local", "core.hardlink_lock", "true")
    done = run_in(clone, sys.executable, "-m", "tools.pipeline.repro", check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: .dvc/tmp/lock: taken, but not by a DVC of this machine")
    for name in ("lock", "rwlock.lock"):
        (clone / ".dvc/tmp" / name).unlink()
    run_in(clone, sys.executable, "-m", "tools.pipeline.repro")
