"""dvc.yaml, the file tree and the code say the same thing."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from ladder.files.params import KNOWN_KEYS
from tests.imports import ROOT, local_imports

PIPELINE = YAML(typ="safe").load(ROOT / "dvc.yaml")
STAGES = PIPELINE["stages"]
PACKAGE = Path("stages/__init__.py")  # runs before every stage
WRITING = ("write-model-card", "explain-models", "report")  # stages that measure nothing
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
    modules = {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__", "predict"}
    assert modules == {name.replace("-", "_") for name in STAGES}


@pytest.mark.parametrize("name", STAGES)
def test_code_deps_are_exactly_the_modules_that_the_stage_imports(name):
    listed = {path for path in paths_of(STAGES[name]["deps"]) if path.endswith(".py")}
    imported = local_imports(Path("stages", name.replace("-", "_") + ".py"))
    assert listed == {path.as_posix() for path in imported}


@pytest.mark.parametrize("name", STAGES)
def test_no_stage_imports_another_stage(name):
    own = Path("stages", name.replace("-", "_") + ".py")
    stages = {path for path in local_imports(own) if path.parent == Path("stages")}
    assert stages == {own, PACKAGE}


def test_imports_run_one_way():
    below = {
        "core": {"core"},
        "models": {"core", "models"},
        "datasets": {"core", "datasets"},
        "inference": {"core", "models", "datasets", "inference"},
        "reporting": {"core", "datasets", "models", "reporting"},
    }
    for layer, allowed in below.items():
        for path in (ROOT / "stages" / layer).glob("*.py"):
            files = local_imports(path.relative_to(ROOT)) - {PACKAGE}
            reached = {imported.parent.name for imported in files}
            assert reached <= allowed, path


def test_only_the_package_that_every_stage_lists_holds_code():
    held = [path.relative_to(ROOT) for path in (ROOT / "stages").rglob("__init__.py") if path.read_text()]
    assert held == [PACKAGE]
    assert all(PACKAGE.as_posix() in stage["deps"] for stage in STAGES.values())


def test_stages_that_need_no_tensorflow_do_not_import_it():
    runtime = Path("ladder/training/runtime.py")
    using = {
        name
        for name in STAGES
        if runtime in local_imports(Path("stages", name.replace("-", "_") + ".py"), inside_functions=False)
    }
    assert using == {
        "train-mlp",
        "train-mnist",
        "pretrain-vgg-base",
        "prepare-vgg-base",
        "extract-vgg-features",
        "train-vgg-head",
        "finetune-vgg",
        "explain-models",
    }


def test_known_keys_are_those_of_params_yaml():
    assert tuple(YAML(typ="safe").load(ROOT / "params.yaml")) == KNOWN_KEYS


def test_every_parameter_group_is_read_by_a_stage():
    read = {key.split(".")[0] for stage in STAGES.values() for key in stage["params"]}
    assert read == set(KNOWN_KEYS)


def declared_outputs(name):
    """The paths of everything that a stage writes."""
    return [path for kind in ("outs", "metrics", "plots") for path in paths_of(STAGES[name].get(kind, []))]


def test_metrics_and_plot_data_live_in_git_and_models_in_the_cache():
    for stage in STAGES.values():
        if stage.get("frozen"):  # made by hand and committed, whatever it is
            continue
        # DVC keeps no run of a stage whose `outs` it may not cache, so what lives in git is a metric or plot.
        outs = [out for out in stage["outs"] if out != {"MODEL_CARD.md": {"cache": False}}]
        assert all(isinstance(entry, str) for entry in outs)
        for entry in [*outs, *stage.get("metrics", []), *stage.get("plots", [])]:
            path = paths_of([entry])[0]
            in_git = not isinstance(entry, str) and entry[path]["cache"] is False
            assert in_git == (
                path.startswith("metrics/") or (path.startswith("plots/") and path.endswith(".csv"))
            )
