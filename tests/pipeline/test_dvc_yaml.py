"""dvc.yaml, the file tree and the code say the same thing."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.imports import PACKAGES, ROOT, local_imports

PIPELINE = YAML(typ="safe").load(ROOT / "dvc.yaml")
STAGES = PIPELINE["stages"]
PACKAGE = Path("stages/__init__.py")  # runs before every stage
WRITING = (
    "draw-neuron",
    "draw-digits",
    "draw-drivers",
    "write-model-card",
    "report",
)  # stages that measure nothing
MEASURING = [name for name in STAGES if name not in WRITING]


def paths_of(entries):
    """The paths of deps, outs or metrics, whether plain or with options."""
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


@pytest.mark.parametrize("name", STAGES)
def test_stage_module_and_metrics_carry_the_stage_name(name):
    module = name.replace("-", "_")
    assert STAGES[name]["cmd"] == f"python -m stages.{module}"
    assert (ROOT / "stages" / f"{module}.py").is_file()
    assert paths_of(STAGES[name].get("metrics", [])) == [f"metrics/{module}.json"] * (name in MEASURING)
    assert STAGES[name]["desc"].endswith(".")


def test_every_stage_module_is_a_stage():
    modules = {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__"}
    assert modules == {name.replace("-", "_") for name in STAGES}


def stage_file(name):
    return Path("stages", name.replace("-", "_") + ".py")


def room(path):
    """The room that a file of the library lies in: a folder below ladder/, or a file there."""
    return "/".join(path.parts[:2])


def rooms_of(name):
    """The rooms that a stage imports, directly or not."""
    imported = local_imports(stage_file(name)) | local_imports(PACKAGE)
    return {room(path) for path in imported if path.parts[0] == "ladder"}


@pytest.mark.parametrize("name", STAGES)
def test_the_rooms_that_a_stage_lists_are_those_that_it_imports(name):
    listed = {path for path in paths_of(STAGES[name]["deps"]) if path.startswith(("ladder/", "stages/"))}
    assert listed == rooms_of(name) | {PACKAGE.as_posix(), stage_file(name).as_posix()}


@pytest.mark.parametrize("name", STAGES)
def test_no_stage_imports_another_stage(name):
    stages = {path for path in local_imports(stage_file(name)) if path.parts[0] == "stages"}
    assert stages == {stage_file(name), PACKAGE}


def test_imports_run_one_way():
    """From the stages to the subjects, to training and evaluation, to files; never back."""
    base, middle = {"files"}, {"files", "evaluation", "training", "processes"}
    below = {
        "files": base,
        "evaluation": {"files", "evaluation"},
        "training": middle,
        "processes": middle,
        "figures": {"files", "figures"},
        "scratch": middle | {"scratch"},
        "digits": middle | {"digits"},
        "drawings": base | {"drivers", "drawings"},
        "drivers": middle | {"drivers"},
        "vgg": middle | {"drivers", "drawings", "vgg"},
        "reporting": base | {"drivers", "reporting"},
    }
    for name, allowed in below.items():
        for path in (ROOT / "ladder" / name).glob("*.py"):
            files = {file for file in local_imports(path.relative_to(ROOT)) if file.parts[0] == "ladder"}
            reached = {file.parts[1] for file in files} - {"rungs.py"}
            assert reached <= allowed, path


def test_only_the_package_that_every_stage_lists_holds_code():
    for package in PACKAGES:
        held = {
            path.relative_to(ROOT)
            for path in (ROOT / package).rglob("__init__.py")
            if path.read_text("utf-8")
        }
        assert held <= {PACKAGE}
    assert all(PACKAGE.as_posix() in stage["deps"] for stage in STAGES.values())


def test_stages_that_need_no_tensorflow_do_not_import_it():
    runtime = Path("ladder/training/runtime.py")
    using = {name for name in STAGES if runtime in local_imports(stage_file(name), inside_functions=False)}
    assert using == {
        "train-mlp",
        "train-mnist",
        "pretrain-vgg-base",
        "prepare-vgg-base",
        "extract-vgg-features",
        "train-vgg-head",
        "finetune-vgg",
        "draw-digits",
        "draw-drivers",
    }


def test_every_parameter_group_is_read_by_a_stage():
    read = {key.split(".")[0] for stage in STAGES.values() for key in stage.get("params", [])}
    assert read == set(YAML(typ="safe").load(ROOT / "params.yaml"))


def declared_outputs(name):
    """The paths of everything that a stage writes."""
    return [path for kind in ("outs", "metrics", "plots") for path in paths_of(STAGES[name].get(kind, []))]


def test_metrics_and_plot_data_live_in_git_and_models_in_the_cache():
    for stage in STAGES.values():
        if stage.get("frozen"):  # made by hand and committed, whatever it is
            continue
        # DVC keeps no run of a stage whose `outs` it may not cache, so what lives in git is a metric or plot.
        outs = [out for out in stage.get("outs", []) if out != {"MODEL_CARD.md": {"cache": False}}]
        assert all(isinstance(entry, str) for entry in outs)
        for entry in [*outs, *stage.get("metrics", []), *stage.get("plots", [])]:
            path = paths_of([entry])[0]
            in_git = not isinstance(entry, str) and entry[path]["cache"] is False
            assert in_git == (
                path.startswith("metrics/") or (path.startswith("plots/") and path.endswith(".csv"))
            )


def test_dvc_lock_lists_no_former_stage():
    """DVC itself keeps what it has listed once."""
    assert set(YAML(typ="safe").load(ROOT / "dvc.lock")["stages"]) <= set(STAGES)
