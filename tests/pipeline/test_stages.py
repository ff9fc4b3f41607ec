"""Every stage, run in-process in the order of dvc.yaml on tiny parameters."""

import json
import math
import os
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from ladder.files.params import Group
from stages.write_model_card import CARD
from tests.params import group_key
from tests.pipeline.test_dvc_yaml import MEASURING, STAGES, declared_outputs
from tests.workspace import Workspace, run
from tools.pipeline.clones import TINY, change_params

# Settings under which a stage reads more than under the tiny ones: it is run under both.
OTHER_WAY = {"train-vgg-head": {"vgg": {"features": "live"}}}
# Deps that are not read: the report leads to the card, so that both are of one run; a note stands for a
# source that is no folder.
NOT_READ = ("MODEL_CARD.md", "data/raw/mnist-5k")
DATA_FOLDERS = ("data", "models", "metrics", "plots", "report")


def files(folder):
    """The cards and every file below the folders that stages write to, with its time of change."""
    paths = [*folder.glob("*.md"), *(path for top in DATA_FOLDERS for path in (folder / top).rglob("*"))]
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in paths if path.is_file()}


def keys_read(monkeypatch):
    """A set that fills with "group.key" for each parameter that code reads from now on."""
    read = set()
    original = Group.__getattribute__

    def spy(self, name):
        if name in type(self).model_fields:
            read.add((type(self).__name__, name))
        return original(self, name)

    monkeypatch.setattr(Group, "__getattribute__", spy)
    return read


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("stages"), TINY)
    folder = workspace.folder
    for path in [*(folder / "metrics").glob("*.json"), *(folder / "plots").rglob("*.csv"), folder / CARD]:
        path.unlink(missing_ok=True)
    return workspace


@pytest.fixture(scope="module")
def opened():
    """A set that fills with the files that this process opens."""
    found, noting = set(), [True]

    def note(event, arguments):
        if noting and event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            found.add(Path(os.fsdecode(arguments[0])).absolute())

    sys.addaudithook(note)  # for good
    yield found
    noting.clear()


def lies_in(path, places):
    return any(path == place or path.startswith(f"{place}/") for place in places)


@pytest.mark.parametrize("name", STAGES)
def test_stage_writes_exactly_its_outs_and_reads_exactly_its_deps_and_params(
    name, workspace, opened, monkeypatch
):
    folder = workspace.folder
    monkeypatch.chdir(folder)
    workspace.prepare_inputs(name)
    before = files(folder)
    read = keys_read(monkeypatch)
    opened.clear()
    if name in OTHER_WAY:
        tiny = (folder / "params.yaml").read_bytes()
        change_params(folder, OTHER_WAY[name])
        run(name)
        (folder / "params.yaml").write_bytes(tiny)
    workspace.prepare(name)

    after = files(folder)
    written = {path for path in after if before.get(path) != after[path]}
    declared = declared_outputs(name)
    assert [out for out in declared if not any(lies_in(path, [out]) for path in written)] == []
    assert [path for path in written if not lies_in(path, declared)] == []
    assert before.keys() - after.keys() == set()

    inside = {
        path.relative_to(folder).as_posix()
        for path in opened
        if path.is_relative_to(folder) and path.is_file()
    }
    deps = [path for path in workspace.deps(name) if not path.startswith(("ladder/", "stages/"))]
    known = [*deps, *declared, "params.yaml"]
    assert [path for path in inside if not lies_in(path, known)] == []
    unread = [dep for dep in deps if dep not in NOT_READ and not any(lies_in(path, [dep]) for path in inside)]
    assert unread == []

    groups = {group_key(class_name): set() for class_name, _ in read}
    for class_name, key in read:
        groups[group_key(class_name)].add(key)
    listed = {key.partition(".")[0]: set() for key in STAGES[name].get("params", [])}
    for key in STAGES[name].get("params", []):
        group, _, rest = key.partition(".")
        listed[group].add(rest)
    assert groups.keys() == listed.keys()
    content = YAML(typ="safe").load(folder / "params.yaml")
    groups_in_file = {
        group: set(keys) if isinstance(keys, dict) else {group} for group, keys in content.items()
    }
    groups_in_file["mnist"] |= set(content["mnist"]["deformation"])
    for group, keys in listed.items():
        if keys == {""}:
            keys = groups_in_file[group]
        assert keys == groups[group], f"{group}: listed {keys}, read {groups[group]}"

    if name in MEASURING:
        metrics = json.loads(Path("metrics", name.replace("-", "_") + ".json").read_text())
        assert metrics and all(math.isfinite(value) for value in metrics.values())


@pytest.mark.parametrize("name", ["train-mlp", "train-mnist", "train-vgg-head", "finetune-vgg"])
def test_classifier_metrics_name_the_split_and_hold_the_interval(name, workspace):
    workspace.prepare(name)
    metrics = json.loads((workspace.folder / "metrics" / (name.replace("-", "_") + ".json")).read_text())
    prefixes = {"train-mlp": ("numpy_", "keras_"), "train-vgg-head": ("by_image_", "by_driver_")}
    for who in prefixes.get(name, ("",)):
        for split in ("train", "val", "test"):
            low, middle, high = (metrics[f"{who}{split}_accuracy{end}"] for end in ("_low", "", "_high"))
            assert 0 <= low <= middle <= high <= 1
            assert metrics[f"{who}{split}_loss"] > 0


# Those of the other stages: tests/vgg/test_vgg_stages.py and tests/training/test_checkpoints.py.
@pytest.mark.parametrize("name", ["train-linreg", "train-mlp", "train-mnist", "finetune-vgg"])
def test_same_seed_same_bytes(name, workspace, monkeypatch):
    monkeypatch.chdir(workspace.folder)
    workspace.prepare(name)
    outs = [Path(path) for path in declared_outputs(name)]
    before = [path.read_bytes() for path in outs]
    run(name)
    assert [path.name for path, bytes_ in zip(outs, before, strict=True) if path.read_bytes() != bytes_] == []


def test_no_temporary_file_is_left(workspace):
    workspace.prepare("train-vgg-head")  # it writes files and folders at several depths
    paths = [path for top in DATA_FOLDERS for path in (workspace.folder / top).rglob("*")]
    assert len(paths) > 100
    assert [path for path in paths if ".tmp" in path.name] == []
