"""params.yaml that is no YAML, or not what a stage can read. Values out of range are in test_params.py."""

from tests.pipeline.bad_input.place import Bad, change, put, replace_group, stage, write_params

FILE = "params.yaml: "
CELSIUS = "celsius:\n  count: 160\n  low: -40.0\n  high: 120.0\n  noise: 1.0\n"
GROUP = "{count: 160, low: -40.0, high: 120.0, noise: 1.0}"
ALIAS = "not allowed; write the value itself"


def whole(name: str, content: bytes | str, *words: str) -> Bad:
    """Another file in the place of params.yaml."""
    return Bad(name, put("params.yaml", content), (FILE, *words))


def group(name: str, text: str, *words: str) -> Bad:
    """Other YAML in the place of the group `celsius`."""
    return Bad(name, replace_group("celsius", text), (FILE, *words))


def aliases(first: str, form: str, levels: int = 30) -> str:
    """Each line nine times the line before: 9 to the power of `levels` values."""
    lines = [f"a0: &a0 {first}"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} {form.format(','.join([f'*a{level - 1}'] * 9))}")
    return "\n".join([*lines, f"celsius: *a{levels - 1}"]) + "\n"


PLACE = stage(
    "generate-celsius-data",
    write_params,
    whole("no content", b"", "must hold keys and values"),
    whole("a comment alone", b"# celsius\n", "must hold keys and values"),
    whole("a list", b"- celsius\n- linreg\n", "must hold keys and values"),
    whole("text", b"just text\n", "must hold keys and values"),
    whole("a number", b"42\n", "must hold keys and values"),
    whole("tabs", b"celsius:\n\tcount: 160\n", "not valid YAML", "line 2"),
    whole("a group twice", CELSIUS * 2, 'duplicate key "celsius"'),
    whole("a key twice", CELSIUS.replace("  low", "  count: 10\n  low"), 'duplicate key "count"'),
    whole("two documents", CELSIUS + "---\n" + CELSIUS, "not valid YAML"),
    whole("an open bracket", b"celsius: {count: 160\n", "not valid YAML"),
    whole("an undefined alias", b"celsius: *nowhere\n", "alias *nowhere", ALIAS),
    whole("an alias", CELSIUS.replace("160", "&n 160") + "seed: *n\n", "alias *n", ALIAS, "line 6"),
    whole("a merge", f"mnist: &m {GROUP}\ncelsius: {{<<: *m}}\n", "alias *m", ALIAS, "line 2"),
    whole("an alias to itself", b"celsius: &c [*c]\n", "alias *c", ALIAS),
    whole("a billion laughs", aliases("[ha]", "[{}]"), "alias *a0", ALIAS),
    whole("a billion merges", aliases("{count: 160}", "{{<<: [{}]}}"), "alias *a0", ALIAS),
    whole("brackets without end", "celsius: " + "[" * 1000, "not valid YAML"),
    whole("a Python object", b"celsius: !!python/object/apply:pathlib.Path.touch [ran]\n", "constructor"),
    whole("a Python name", b"celsius: !!python/name:os.system\n", "constructor"),
    whole("a tag of its own", b"celsius: !mine {count: 160}\n", "constructor"),
    whole("a byte that is no UTF-8", b"celsius: \xff\xfe\n", "not valid YAML", "utf-8"),
    whole("UTF-16", CELSIUS.encode("utf-16"), "not valid YAML", "utf-8"),
    whole("NUL", b"celsius: \x00\n", "not valid YAML"),
    whole("no such date", b"celsius: 2024-99-99\n", "not valid YAML"),
    whole("no such character", b'celsius: "\\UFFFFFFFF"\n', "not valid YAML"),
    whole("neither true nor false", b"celsius: !!bool maybe\n", "not valid YAML", "maybe"),
    whole("5,000 digits", "celsius: " + "1" * 5000 + "\n", "not valid YAML"),
    group("a list as a group", "[160]", "celsius: [160]: ", "dictionary"),
    group("a value nested deep", GROUP.replace("160", "[" * 50 + "]" * 50), "celsius.count: [[[", "integer"),
    group("a date for a number", GROUP.replace("160", "2024-01-02"), "celsius.count: ", "integer"),
    group("yes for a number", GROUP.replace("160", "yes"), "celsius.count: 'yes': ", "integer"),
    group("base 60", GROUP.replace("160", "1:20"), "celsius.count: '1:20': ", "integer"),
    group("beyond a float", GROUP.replace("1.0", "1e999"), "celsius.noise: inf: ", "finite number"),
    group("4,000 digits", GROUP.replace("160", "9" * 4000), "celsius.count: 999", "less than or equal"),
    group("NaN", GROUP.replace("1.0", ".nan"), "celsius.noise: nan: ", "finite number"),
    Bad("low above high", change(celsius={"low": 130.0}), (FILE, "low (130.0) must be below high (120.0)")),
)
