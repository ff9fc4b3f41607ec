"""Nothing that is read is run: no pickles, no code in YAML or models, no shell."""

import ast
import subprocess

import pytest
from ruamel.yaml import YAML

from ladder.drivers.images import CSV_NAME
from tests.imports import ROOT
from tests.pipeline.test_dvc_yaml import STAGES
from tools.pipeline.clones import change_params, copy_repository, environment, run_in

SOURCES = sorted(path for top in ("stages", "tools", "benchmarks") for path in (ROOT / top).rglob("*.py"))
MODULES_THAT_RUN_WHAT_THEY_LOAD = {"pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle", "yaml"}
CALLS_THAT_RUN_TEXT = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "os.popen",
    "subprocess.getoutput",
}


def offences(source):
    """What of a program could run what it reads, as (line, what)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            for name in [node.module or ""] if isinstance(node, ast.ImportFrom) else names:
                if name.split(".")[0] in MODULES_THAT_RUN_WHAT_THEY_LOAD:
                    yield node.lineno, f"import {name}"
            if isinstance(node, ast.ImportFrom):
                for name in names:
                    if f"{node.module}.{name}" in CALLS_THAT_RUN_TEXT:
                        yield node.lineno, f"import {node.module}.{name}"
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            given = {word.arg: ast.unparse(word.value) for word in node.keywords}
            if name in CALLS_THAT_RUN_TEXT:
                yield node.lineno, name
            if given.get("shell", "False") != "False":
                yield node.lineno, "shell"
            if given.get("allow_pickle", "False") != "False":
                yield node.lineno, "allow_pickle"
            if name.endswith("load_model") and given.get("safe_mode") != "True":
                yield node.lineno, "load_model without safe_mode"
            if name.endswith("enable_unsafe_deserialization"):
                yield node.lineno, name
            if name.split(".")[-1] == "YAML" and given.get("typ") not in (None, "'rt'", "'safe'", '"safe"'):
                yield node.lineno, "YAML"


@pytest.mark.parametrize("path", SOURCES, ids=[path.relative_to(ROOT).as_posix() for path in SOURCES])
def test_no_source_can_run_what_it_reads(path):
    assert list(offences(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import joblib.numpy_pickle as j",
        "from marshal import loads",
        "from yaml import load",
        "from os import system",
        "eval(text)",
        "exec(text)",
        "os.system(text)",
        "subprocess.run(text, shell=True)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=trusted)",
        "keras.models.load_model(path)",
        "keras.models.load_model(path, safe_mode=False)",
        "keras.config.enable_unsafe_deserialization()",
        "YAML(typ='unsafe')",
        "YAML(typ=kind)",
    ],
)
def test_each_offence_is_seen(source):
    assert len(list(offences(source))) == 1


def test_no_command_of_the_pipeline_holds_a_parameter():
    # DVC gives `cmd` to a shell; only paths of dependencies may name parameters.
    raw = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
    assert [name for name, stage in raw.items() if "${" in str(stage["cmd"])] == []


TEMPLATED = {
    "prepare-digits": ("digits", "source", "data/raw/"),
    "split-driver-images": ("drivers", "root", ""),
    "prepare-vgg-base": ("vgg", "weights", "data/raw/"),
}
SHELL = "a; touch ran; $(touch ran) `touch ran` | touch ran & touch ran"


def test_these_are_the_stages_with_parameters_in_their_dependencies():
    assert {name for name, stage in STAGES.items() if "${" in str(stage["deps"])} == set(TEMPLATED)


@pytest.mark.parametrize(
    "stage", ["prepare-digits", pytest.param("split-driver-images", marks=pytest.mark.campaign)]
)
def test_a_parameter_that_is_a_command_is_a_name_and_no_command(stage, tmp_path):
    copy_repository(tmp_path)
    run_in(tmp_path, "git", "init", "--quiet")
    group, key, folder = TEMPLATED[stage]
    change_params(tmp_path, {group: {key: SHELL}})
    (tmp_path / folder / SHELL / "imgs/train").mkdir(parents=True)
    (tmp_path / folder / SHELL / CSV_NAME).touch()
    refused = run_in(tmp_path, "dvc", "repro", "--single-item", stage, check=False)
    assert refused.returncode != 0
    assert "error: " in refused.stderr and SHELL in refused.stderr
    assert list(tmp_path.rglob("ran")) == []


def test_make_has_dvc_keep_its_pickled_notes_in_the_clone(light_clone):
    variables = {name: value for name, value in environment().items() if name != "DVC_SITE_CACHE_DIR"}
    rule = "status:\n\t@$(RUN) python -m dvc status\n"
    command = ["make", "--file", "Makefile", "--file", "-", "status"]
    subprocess.run(command, cwd=light_clone, env=variables, input=rule, text=True, check=True)
    assert list((light_clone / ".dvc/tmp/site/repo").rglob("*.db"))
