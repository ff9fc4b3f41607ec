"""Readers under random input: a valid result or an `InputError`, nothing else."""

import gzip
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from ladder.digits.idx import read_idx
from ladder.drivers.images import CLASSES, CSV_NAME, read_image_list
from ladder.files.errors import InputError
from ladder.files.params import read_params, read_seed
from ladder.files.tables import read_table
from tests.files.test_params import GROUPS, SHIPPED
from tests.pipeline.bad_input.digit_files import idx

FUZZ = settings(
    derandomize=True,  # the same examples on every machine
    deadline=None,
    database=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def accepted(read):
    """What `read` returns, or None where it refuses its input in words."""
    try:
        return read()
    except InputError as error:
        assert str(error)
        return None


def spliced(good):
    """`good` with a part of it replaced by random bytes."""
    cut = st.integers(0, len(good))
    return st.builds(
        lambda start, end, part: good[: min(start, end)] + part + good[max(start, end) :],
        cut,
        cut,
        st.binary(max_size=8),
    )


def csv_bytes(headers, rows):
    """Tables as bytes: one of these headers and some of these rows."""
    return st.builds(
        lambda header, rows, end: end.join([header, *map(",".join, rows), ""]).encode(
            "utf-8", "surrogatepass"
        ),
        st.sampled_from(headers),
        st.lists(rows, max_size=3),
        st.sampled_from(["\n", "\r\n", "\r"]),
    )


GOOD_LIST = b"\xef\xbb\xbfsubject,classname,img\np1,c0,a.jpg\n"
LISTED = st.tuples(
    st.sampled_from(["p1", "p2", "p1 ", "Zoë"]) | st.text(max_size=3),
    st.sampled_from(["c0", "c9"]),
    st.sampled_from(["a.jpg", "A.jpg", "b c.jpg", "../c0/a.jpg"]),
)
CELLS = st.lists(
    st.sampled_from(["1", "-2.5e3", "1e999", "nan", '"', " "]) | st.text(max_size=6), min_size=1, max_size=3
)


@FUZZ
@given(csv_bytes(["subject,classname,img"], LISTED) | spliced(GOOD_LIST) | st.binary(max_size=80))
@example(b"subject,classname,img\np1,c0,a.jpg\n")
def test_a_list_of_images_is_valid_or_refused(content):
    for name in ("c0/a.jpg", "c0/A.jpg", "c9/a.jpg", "c9/b c.jpg"):
        path = Path("imgs/train", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    Path(CSV_NAME).write_bytes(content)
    table = accepted(lambda: read_image_list(Path(".")))
    if table is not None:
        names = table["path"].map(lambda path: Path(path).name.casefold())
        assert len(table) and names.is_unique and set(table["class"]) <= set(CLASSES)
        assert all(Path(path).is_file() for path in table["path"])
        assert (table["subject"].str.strip() == table["subject"]).all()


@FUZZ
@given(csv_bytes(["a,b", "b,more,a", "a,b,b", ""], CELLS) | spliced(b"a,b\n1,2\n3,4.5\n"))
@example(b"b,a\n1,2\n")
def test_a_table_of_numbers_is_valid_or_refused(content):
    Path("table.csv").write_bytes(content)
    table = accepted(lambda: read_table("table.csv", ("a", "b"), float))
    if table is not None:
        assert content.splitlines()[0].count(b"b") == 1
        assert list(table) == ["a", "b"] and len(table) and np.isfinite(table.to_numpy()).all()


GOOD_IDX = idx(np.arange(24).reshape(2, 3, 4))
IDX_LENGTHS = st.lists(st.sampled_from([0, 1, 3, 2**32 - 1]), min_size=3, max_size=3)


def idx_of(lengths, data):
    """A header of these lengths and whatever data."""
    return GOOD_IDX[:4] + b"".join(length.to_bytes(4, "big") for length in lengths) + data


@FUZZ
@given(
    st.binary(max_size=60)
    | st.builds(idx_of, IDX_LENGTHS, st.just(b"") | st.binary(max_size=8))
    | spliced(GOOD_IDX)
    | spliced(gzip.compress(GOOD_IDX, mtime=0))
    | spliced(GOOD_IDX).map(gzip.compress)
)
@example(GOOD_IDX)
@example(gzip.compress(GOOD_IDX))
def test_an_idx_file_is_valid_or_refused(content):
    Path("idx").write_bytes(content)
    array = accepted(lambda: read_idx(Path("idx"), 3))
    if array is not None:
        plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        assert array.dtype == np.uint8 and array.ndim == 3 and idx(array) == plain


SIGNS = st.text(alphabet="ab0 1.:-[]{}#&*!?|>%@'\"\\\n\t,~<=_é\x00\ud800", max_size=60)
TAGS = ["", "&a ", "!mine ", "! "] + [
    f"!!{name} "
    for name in (
        "bool",
        "int",
        "float",
        "null",
        "timestamp",
        "binary",
        "set",
        "omap",
        "pairs",
        "map",
        "seq",
        "str",
    )
]
SCALARS = [
    "*a",
    "x",
    "1",
    "[1]",
    "{a: 1}",
    "{<<: *a}",
    '"\\UFFFFFFFF"',
    '"\\ud800"',
    "|",
    "2024-99-99",
    "0o9",
    "%",
    "?",
]
TAGGED = st.builds(
    lambda pairs: "".join(f"{key}: {tag}{scalar}\n" for key, tag, scalar in pairs),
    st.lists(
        st.tuples(st.sampled_from(sorted(GROUPS)), st.sampled_from(TAGS), st.sampled_from(SCALARS)),
        max_size=3,
    ),
)


@FUZZ
@given(
    (TAGGED | SIGNS | st.text(max_size=60)).map(lambda text: text.encode("utf-8", "replace"))
    | st.binary(max_size=60)
)
@example(SHIPPED.encode())
def test_params_are_valid_or_refused(content):
    Path("params.yaml").write_bytes(content)
    for key, group in GROUPS.items():
        accepted(lambda key=key, group=group: read_params(key, group))
    accepted(read_seed)


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec="utf-8"), max_size=8)
    | st.binary(max_size=4)
    | st.dates()
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
PARAMS = YAML(typ="safe", pure=True).load(SHIPPED)
SETTINGS = [
    (group, key)
    for group, values in PARAMS.items()
    for key in (values if isinstance(values, dict) else [None])
]


def is_plain(value):
    """Numbers are finite and all else is text, true or false, or lists and groups of such."""
    if isinstance(value, dict | list):
        return all(map(is_plain, value.values() if isinstance(value, dict) else value))
    return isinstance(value, str | bool) or math.isfinite(value)


@FUZZ
@given(st.sampled_from(SETTINGS), VALUES)
@example(("seed", None), 7)
@example(("mlp", "layers"), [3, 4])
def test_any_value_of_a_key_is_valid_or_refused(setting, value):
    group, key = setting
    content = {group: value if key is None else PARAMS[group] | {key: value}}
    with open("params.yaml", "w", encoding="utf-8", errors="surrogatepass") as file:
        YAML(typ="safe", pure=True).dump(content, file)
    if group == "seed":
        seed = accepted(read_seed)
        assert seed is None or (seed == value and 0 <= seed < 2**32)
    else:
        params = accepted(lambda: read_params(group, GROUPS[group]))
        assert params is None or is_plain(params.model_dump())
