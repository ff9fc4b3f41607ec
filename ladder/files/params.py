"""params.yaml, read through typed and validated groups.

Each stage declares the groups it reads as subclasses of `Group`, beside the code that uses them, and
calls `read_params`. `dvc exp run -S` writes whatever it is told, so this is the gate.
"""

import warnings
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.error import ReusedAnchorWarning
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import Node

from ladder.files.errors import InputError

PARAMS_FILE = Path("params.yaml")

Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
LearningRate = Annotated[float, Field(gt=0, le=10)]
Momentum = Annotated[float, Field(ge=0, lt=1)]
LayerSizes = Annotated[list[Annotated[int, Field(ge=1, le=16384)]], Field(min_length=1, max_length=20)]


class Group(BaseModel):
    """One group of params.yaml: every key required, no key unknown, no value converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


G = TypeVar("G", bound=Group)


def read_seed() -> int:
    """The one seed that every random number of the pipeline is derived from."""

    class Seed(Group):
        seed: Annotated[int, Field(ge=0, lt=2**32)]

    content = {key: value for key, value in _read_file(PARAMS_FILE).items() if key == "seed"}
    return _validate(Seed, content, PARAMS_FILE).seed


def read_params(key: str, group: type[G]) -> G:
    """The group `key` of params.yaml.

    Raises
    ------
    InputError
        The file is missing or not YAML, a key is unknown or missing, a value has the wrong type or is
        out of range.
    """
    content = _read_file(PARAMS_FILE)
    if key not in content:
        raise InputError(f"{PARAMS_FILE}: {key}: missing")
    return _validate(group, content[key], PARAMS_FILE, prefix=f"{key}.")


def read_settings(path: Path, group: type[G]) -> G:
    """A YAML file that is one group; raises like `read_params`."""
    return _validate(group, _read_file(path), path)


class _WithoutAliases(Composer):
    """Refuses `*name`: a few lines of aliases to aliases stand for more values than memory holds."""

    def compose_node(self, parent: Node | None, index: int | None) -> Node | None:
        if self.parser.check_event(AliasEvent):
            event = self.parser.peek_event()
            problem = f"alias *{event.anchor}: not allowed; write the value itself"
            raise ComposerError(None, None, problem, event.start_mark)
        return super().compose_node(parent, index)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        # The same YAML 1.2 reader as DVC's, so that 1e-5 is a number for both; refuses duplicate keys.
        yaml = YAML(typ="safe", pure=True)
        yaml.Composer = _WithoutAliases
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)  # an anchor does nothing here
            content = yaml.load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run from the top of the repository") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except Exception as error:  # ruamel.yaml raises many kinds, KeyError for `!!bool maybe` among them.
        first_lines = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not valid YAML: {first_lines}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: must hold keys and values")
    return content


def _validate(group: type[G], content: Any, path: Path, prefix: str = "") -> G:
    try:
        return group.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = (prefix + ".".join(str(part) for part in first["loc"])).rstrip(".")
        if first["type"] == "extra_forbidden":
            message = f"unknown key; allowed are {', '.join(group.model_fields)}"
        elif first["type"] == "missing":
            message = "missing"
        elif first["type"] == "value_error":  # from a check of several keys together
            message = str(first["ctx"]["error"])
        else:
            message = f"{first['input']!r:.80}: {first['msg'][0].lower()}{first['msg'][1:]}"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise InputError(f"{path}: {key}: {message}{more}") from None
