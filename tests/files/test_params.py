"""params.yaml: what ships is accepted, and whatever does not fit is refused in one line that names it."""

import copy
import errno
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from ladder.files.errors import InputError, run_stage
from ladder.files.params import read_params, read_seed
from stages.generate_celsius_data import Celsius
from stages.train_mlp import Mlp
from tests.params import declared_groups

SHIPPED = (Path(__file__).resolve().parents[2] / "params.yaml").read_text("utf-8")
GROUPS = declared_groups()
CELSIUS = "celsius:\n  count: 160\n  low: -40.0\n  high: 120.0\n  noise: 1.0\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_changed(key, value):
    """Write the shipped params.yaml with the value at a dotted key changed, or taken out where it is None."""
    yaml = YAML(typ="safe", pure=True)
    content = copy.deepcopy(yaml.load(SHIPPED))
    *groups, last = key.split(".")
    place = content
    for group in groups:
        place = place[group]
    if value is None:
        del place[last]
    else:
        place[last] = value
    with open("params.yaml", "w", encoding="utf-8") as file:
        yaml.dump(content, file)


def refusal(read, capsys):
    """The one line that a stage prints when `read` refuses params.yaml."""
    with pytest.raises(SystemExit) as stopped:
        run_stage(read)
    shown = capsys.readouterr()
    assert stopped.value.code == 1
    assert shown.out == ""
    assert shown.err.startswith("error: params.yaml: ")
    assert shown.err.count("\n") == 1 and shown.err.endswith("\n")
    return shown.err.removeprefix("error: params.yaml: ").rstrip("\n")


def test_every_group_of_the_shipped_file_has_a_model_and_the_seed_is_beside_them():
    assert {"seed", *GROUPS} == set(YAML(typ="safe", pure=True).load(SHIPPED))


@pytest.mark.parametrize("key", GROUPS)
def test_shipped_groups_are_valid_and_read_unchanged(key):
    Path("params.yaml").write_text(SHIPPED, "utf-8")
    assert read_params(key, GROUPS[key]).model_dump() == YAML(typ="safe", pure=True).load(SHIPPED)[key]


def test_shipped_seed_is_valid():
    Path("params.yaml").write_text(SHIPPED, "utf-8")
    assert read_seed() == 42


@pytest.mark.parametrize(
    ("key", "value", "wrong"),
    [
        ("celsius.count", "160", "valid integer"),
        ("celsius.count", True, "valid integer"),
        ("celsius.count", 160.0, "valid integer"),
        ("celsius.count", 9, "greater than or equal to 10"),
        ("celsius.count", 0, "greater than or equal to 10"),
        ("celsius.count", -1, "greater than or equal to 10"),
        ("celsius.count", 10**30, "less than or equal to 10000000"),
        ("celsius.count", [160], "valid integer"),
        ("celsius.noise", "1.0", "valid number"),
        ("celsius.noise", False, "valid number"),
        ("celsius.noise", -0.5, "greater than or equal to 0"),
        ("celsius.noise", float("nan"), "finite number"),
        ("celsius.noise", float("inf"), "finite number"),
        ("celsius.low", float("-inf"), "finite number"),
        ("celsius.low", -274.0, "greater than or equal to -273.15"),
        ("celsius.high", 1e300, "less than or equal to 10000"),
        ("linreg.learning_rate", 0.0, "greater than 0"),
        ("linreg.learning_rate", 11.0, "less than or equal to 10"),
        ("linreg.epochs", 0, "greater than or equal to 1"),
        ("linreg.test_share", 0.0, "greater than 0"),
        ("linreg.test_share", 1.0, "less than 1"),
        ("digits.source", "/etc", "match pattern"),
        ("digits.source", "~/mnist", "match pattern"),
        ("digits.source", "two words", "match pattern"),
        ("digits.source", "", "match pattern"),
        ("digits.source", 3, "valid string"),
        ("digits.validation_share", 1.5, "less than 1"),
        ("mlp.layers", [], "at least 1 item"),
        ("mlp.layers", 64, "valid list"),
        ("mlp.layers", [1] * 21, "at most 20 items"),
        ("mlp.momentum", 1.0, "less than 1"),
        ("moons.points", 19, "greater than or equal to 20"),
        ("mnist.schedule", "step", "'constant', 'linear' or 'cosine'"),
        ("mnist.batch_normalization", "yes", "valid boolean"),
        ("mnist.batch_normalization", 1, "valid boolean"),
        ("mnist.dropout", 1.0, "less than 1"),
        ("mnist.deformation.rotation", 181.0, "less than or equal to 180"),
        ("mnist.deformation.elastic_smoothness", 0.0, "greater than or equal to 0.5"),
        ("drivers.count", 2, "greater than or equal to 3"),
        ("drivers.root", "", "at least 1 character"),
        ("drivers.height", 481, "less than or equal to 480"),
        ("split.by", "class", "'image' or 'driver'"),
        ("pretrain.images", [], "at least 1 item"),
        ("pretrain.images", 1000, "valid list"),
        ("pretrain.image_size", 48, "multiple of 32"),
        ("vgg.image_size", 31, "greater than or equal to 32"),
        ("vgg.augmented_views", -1, "greater than or equal to 0"),
        ("vgg.features", "fresh", "'cached' or 'live'"),
        ("vgg.weights", "/tmp/weights.h5", "match pattern"),
        ("augment.shift", 0.6, "less than or equal to 0.5"),
        ("augment.flip", True, "'none', 'plain' or 'swap'"),
        ("vgg_head.units", 20000, "less than or equal to 16384"),
        ("vgg_head.epochs", 0, "greater than or equal to 1"),
        ("finetune.layers", 20, "less than or equal to 19"),
        ("finetune.batch_size", 0, "greater than or equal to 1"),
        ("runtime.precision", "float16", "'auto', 'float32' or 'mixed_bfloat16'"),
        ("runtime.distribution", "everywhere", "'none' or 'data_parallel'"),
        ("seed", -1, "greater than or equal to 0"),
        ("seed", 2**32, "less than 4294967296"),
        ("seed", 42.0, "valid integer"),
        ("seed", True, "valid integer"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_key_and_value(key, value, wrong, capsys):
    write_changed(key, value)
    group = key.split(".")[0]
    read = read_seed if group == "seed" else lambda: read_params(group, GROUPS[group])
    message = refusal(read, capsys)
    assert message.startswith(f"{key}: {value!r}: ")
    assert wrong in message


def test_an_item_of_a_list_is_named_by_its_place(capsys):
    write_changed("mlp.layers", [64, 0])
    assert refusal(lambda: read_params("mlp", Mlp), capsys).startswith(
        "mlp.layers.1: 0: input should be greater"
    )


@pytest.mark.parametrize(("low", "high"), [(50.0, 50.0), (60.0, 50.0)])
def test_low_must_be_below_high(low, high, capsys):
    Path("params.yaml").write_text(CELSIUS.replace("-40.0", str(low)).replace("120.0", str(high)))
    message = refusal(lambda: read_params("celsius", Celsius), capsys)
    assert message.startswith("celsius: ")
    assert f"low ({low}) must be below high ({high})" in message


@pytest.mark.parametrize(
    "key", [f"{key}.{name}" for key, group in GROUPS.items() for name in group.model_fields]
)
def test_a_missing_key_is_named(key, capsys):
    write_changed(key, None)
    group = key.split(".")[0]
    assert refusal(lambda: read_params(group, GROUPS[group]), capsys) == f"{key}: missing"


@pytest.mark.parametrize("key", GROUPS)
def test_a_missing_group_is_named(key, capsys):
    write_changed(key, None)
    assert refusal(lambda: read_params(key, GROUPS[key]), capsys) == f"{key}: missing"


def test_a_missing_seed_is_named(capsys):
    write_changed("seed", None)
    assert refusal(read_seed, capsys) == "seed: missing"


@pytest.mark.parametrize("key", GROUPS)
def test_an_unknown_key_in_a_group_is_named_with_those_allowed(key, capsys):
    write_changed(f"{key}.surplus", 1)
    message = refusal(lambda: read_params(key, GROUPS[key]), capsys)
    assert message.startswith(f"{key}.surplus: unknown key; allowed are ")
    assert all(name in message for name in GROUPS[key].model_fields)


def test_a_misspelt_group_is_a_missing_one(capsys):
    Path("params.yaml").write_text(SHIPPED.replace("\ncelsius:", "\ncelcius:"), "utf-8")
    assert refusal(lambda: read_params("celsius", Celsius), capsys) == "celsius: missing"


def test_further_errors_are_counted(capsys):
    Path("params.yaml").write_text(CELSIUS.replace("160", "1").replace("noise: 1.0", "noise: -1.0"))
    message = refusal(lambda: read_params("celsius", Celsius), capsys)
    assert message.startswith("celsius.count: 1: ") and message.endswith("(and 1 more)")


@pytest.mark.parametrize("group", ["3", "", "[1]", "text", "2024-01-01"])
def test_a_group_that_is_no_mapping_is_refused(group, capsys):
    Path("params.yaml").write_text(f"celsius: {group}\n")
    message = refusal(lambda: read_params("celsius", Celsius), capsys)
    assert message.startswith("celsius: ") and "dictionary" in message


def test_without_params_yaml_the_message_says_where_to_run(capsys):
    assert "run from the top of the repository" in refusal(read_seed, capsys)


@pytest.mark.parametrize(
    ("written", "value"), [("1e-5", 1e-5), ("1E-5", 1e-5), ("1.0e-5", 1e-5), (".5", 0.5), ("3", 3.0)]
)
def test_numbers_are_read_as_in_yaml_1_2(written, value):
    Path("params.yaml").write_text(CELSIUS.replace("noise: 1.0", f"noise: {written}"))
    noise = read_params("celsius", Celsius).noise
    assert noise == value and isinstance(noise, float)


@pytest.mark.parametrize("change", [lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n")])
def test_byte_order_mark_and_windows_line_ends_are_accepted(change):
    Path("params.yaml").write_bytes(change(CELSIUS).encode())
    assert read_params("celsius", Celsius).count == 160


def test_a_group_cannot_be_changed_once_read():
    Path("params.yaml").write_text(CELSIUS)
    params = read_params("celsius", Celsius)
    with pytest.raises(ValueError, match="frozen"):
        params.count = 10


def test_an_expected_error_becomes_one_line_and_exit_code_1(capsys):
    def stage():
        raise InputError("data.csv: row 3:\n  two\tlines ")

    with pytest.raises(SystemExit) as stopped:
        run_stage(stage)
    assert stopped.value.code == 1
    assert capsys.readouterr() == ("", "error: data.csv: row 3: two lines\n")


@pytest.mark.parametrize("kind", [KeyError, ZeroDivisionError, ValueError])
def test_any_other_exception_keeps_propagating(kind, capsys):
    def stage():
        raise kind("a bug")

    with pytest.raises(kind):
        run_stage(stage)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.EACCES, "", "a.md"), "a.md: Permission denied; get leave for it, or work in a git"),
        (OSError(errno.EROFS, "", "a.md"), "a.md: Read-only file system; get leave"),
        (OSError(errno.EPERM, "", "a.tmp", None, "a.md"), "a.md: Operation not permitted; get leave"),
        (OSError(errno.ENOSPC, "", "a.md"), "a.md: No space left on device; make room there"),
        (OSError(errno.ENOSPC, ""), "disk: No space left on device; make room there"),
    ],
)
def test_no_leave_and_no_room_are_one_line_with_what_helps(error, line, capsys):
    def stage():
        raise error

    with pytest.raises(SystemExit) as stopped:
        run_stage(stage)
    assert stopped.value.code == 1
    assert capsys.readouterr().err.startswith(f"error: {line}")


@pytest.mark.parametrize(
    "error", [OSError(errno.EACCES, "of a port"), OSError(errno.ENOENT, "", "a.md"), OSError(errno.EBADF, "")]
)
def test_other_errors_of_the_system_keep_propagating(error):
    def stage():
        raise error

    with pytest.raises(OSError) as raised:
        run_stage(stage)
    assert raised.value is error


def test_ctrl_c_is_one_line_and_the_exit_code_of_shells(capsys):
    def stage():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as stopped:
        run_stage(stage)
    assert stopped.value.code == 130
    assert capsys.readouterr() == ("", "stopped\n")


def test_what_a_terminal_would_obey_is_shown_as_text(capsys):
    def stage():
        raise InputError("params.yaml: \x1b[2J\x9b: unknown key")

    with pytest.raises(SystemExit):
        run_stage(stage)
    assert capsys.readouterr().err == "error: params.yaml: \\x1b[2J\\x9b: unknown key\n"


def test_a_stage_that_succeeds_returns(capsys):
    run_stage(lambda: print("done"))
    done, seconds = capsys.readouterr().out.splitlines()
    assert done == "done" and seconds.endswith(" s")
