"""The parameter groups that the stages declare."""

import importlib

from ladder.files.params import Group
from ladder.scratch.trainer import SgdTraining
from tests.pipeline.test_dvc_yaml import STAGES


def group_key(class_name):
    """ "VggHead" → "vgg_head"; the nested `Deformation` belongs to `mnist`."""
    if class_name == "Deformation":
        return "mnist"
    return "".join("_" + c.lower() if c.isupper() else c for c in class_name).lstrip("_")


def declared_groups():
    """Group of params.yaml → the class that reads it, of all stages."""
    for name in STAGES:
        importlib.import_module("stages." + name.replace("-", "_"))
    listed = {key.split(".")[0] for stage in STAGES.values() for key in stage.get("params", [])}
    classes = [declared for base in (Group, SgdTraining) for declared in base.__subclasses__()]
    found = {group_key(declared.__name__): declared for declared in classes}
    return {
        key: declared
        for key, declared in found.items()
        if key in listed and declared.__name__ != "Deformation"
    }
