"""The exercises: the project's own code solves each, and code with a mistake solves none."""

import ast
import shutil
import sys

import pytest

from ladder.files.errors import InputError
from tests.imports import ROOT
from tools.learn.exercise_table import EXERCISES
from tools.learn.exercises import find, without_body
from tools.pipeline.clones import copy_repository, run_in

# In the order of the exercises: what the real body says, and a mistake in its place.
MISTAKES = (
    ("2 * np.mean(error * x)", "np.mean(error * x)"),
    ("bias -= learning_rate * bias_slope", "bias += learning_rate * bias_slope"),
    ("0.5 + 0.5 * np.tanh(0.5 * z)", "1 / (1 + np.exp(-z))"),
    ("shifted = z - z.max(axis=1, keepdims=True)", "shifted = z"),
    (".sum()) / len(labels)", ".sum())"),
    ("[*activations, log_softmax(", "[*activations, np.exp("),
    ("* a * (1 - a))", "* a)"),
    ("/ (2 * step)", "/ step"),
    ("new -= rate * g", "new += rate * g"),
    ("math.sqrt(6 / (inputs + outputs))", "math.sqrt(6 / inputs)"),
    ("proportion_ci(confidence_level=COVERAGE, ", "proportion_ci(confidence_level=0.9, "),
    ("(confidence * BINS)", "(confidence * 10)"),
    ("/ temperature, axis=1)", "* temperature, axis=1)"),
    (" + (log_temperature / PRIOR_DEVIATION) ** 2 / 2", ""),
    ("stratify=images[", "shuffle=False and images["),
    ("(share,), rng)", "(share,), np.random.default_rng())"),
)
# Two of them in every run, all in a campaign: a process of its own judges each.
some = pytest.mark.parametrize(
    "number",
    [
        pytest.param(n, marks=() if n in (1, 11) else pytest.mark.campaign)
        for n in range(1, len(EXERCISES) + 1)
    ],
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the repository."""
    folder = tmp_path_factory.mktemp("exercises")
    copy_repository(folder)
    return folder


@pytest.fixture
def place(copy):
    """The copy, without an exercise."""
    shutil.rmtree(copy / "exercises", ignore_errors=True)
    return copy


def run(place, module, *arguments):
    return run_in(place, sys.executable, "-m", f"tools.learn.{module}", *map(str, arguments), check=False)


def answer(place, number, text):
    """What `make check` says of a file of this text."""
    _, file = find(str(number))
    (place / file).parent.mkdir(parents=True, exist_ok=True)
    (place / file).write_text(text, "utf-8")
    return run(place, "check_exercise", number)


def source_of(number):
    return (ROOT / EXERCISES[number - 1].source).read_text("utf-8")


@some
def test_the_project_s_own_code_solves_it(place, number):
    done = answer(place, number, source_of(number))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"exercise {number} is solved: ") and done.stdout.count("\n") == 1


@some
def test_a_mistake_does_not_solve_it(place, number):
    right, wrong = MISTAKES[number - 1]
    assert source_of(number).count(right) == 1
    done = answer(place, number, source_of(number).replace(right, wrong))
    assert done.returncode == 1 and done.stderr == "", done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.startswith(f"exercise {number} is not solved yet: tests/")
    assert any(line.startswith("E  ") for line in rest)


def test_what_is_laid_out_lacks_one_body_and_stays_the_learner_s(place):
    done = run(place, "exercises", 2)
    file = place / "exercises/2/neuron.py"
    line = done.stdout.split("line ")[1].split(":")[0]
    text = file.read_text("utf-8")
    assert text.splitlines()[int(line) - 1] == "    raise NotImplementedError"
    assert done.stdout.startswith(f"exercises/2/neuron.py, line {line}: write the body of `gradient_descent`")
    said = run(place, "check_exercise", 2).stdout
    assert "is not solved yet: tests/scratch/test_linear_neuron.py::test_" in said
    assert "exercises/2/neuron.py" in said and "NotImplementedError" in said
    file.write_text(text + "# mine\n", "utf-8")
    again = run(place, "exercises", 2)
    assert (again.returncode, again.stdout) == (1, "")
    assert (
        again.stderr.startswith("error: exercises/2/neuron.py: there already")
        and file.read_text("utf-8") > text
    )
    assert run_in(ROOT, "git", "check-ignore", "exercises/2/neuron.py").stdout


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.function)
def test_only_the_body_goes_and_the_hint_comes(exercise):
    source = (ROOT / exercise.source).read_text("utf-8")
    left = without_body(source, exercise)
    functions = [
        {node.name: ast.unparse(node) for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
        for text in (source, left)
    ]
    assert functions[0].keys() == functions[1].keys()
    changed = [name for name in functions[0] if functions[0][name] != functions[1][name]]
    assert changed == [exercise.function]
    hint = left.partition("    # Hint: ")[2].partition("    raise NotImplementedError")[0]
    assert " ".join(hint.replace("    # ", "").split()) == exercise.hint
    assert max(map(len, left.splitlines())) <= 110
    assert exercise.function in {
        node.name for node in ast.walk(ast.parse(left)) if isinstance(node, ast.FunctionDef)
    }


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.function)
def test_the_tests_that_judge_exist(exercise):
    for test in exercise.tests:
        file, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text("utf-8")


def test_what_is_no_python_is_said_in_the_line_where_it_stops(place):
    done = answer(place, 1, "def predict(:\n")
    assert done.returncode == 1 and "the file cannot be imported" in done.stdout
    assert "SyntaxError" in done.stdout and "exercises/1/neuron.py" in done.stdout


@pytest.mark.parametrize("number", ["0", "17", "-1", "x", "1.5", "²"])
def test_a_number_out_of_range_is_one_line(number):
    with pytest.raises(InputError, match=rf"^N={number}: allowed are 1 to {len(EXERCISES)}; `make exercise`"):
        find(number)


def test_without_a_number_all_are_listed_and_none_is_judged(place):
    lines = run(place, "exercises").stdout.splitlines()
    assert [line.split()[1] for line in lines[: len(EXERCISES)]] == [e.function for e in EXERCISES]
    done = run(place, "check_exercise")
    assert (done.returncode, done.stdout) == (1, "") and done.stderr.startswith("error: N=: allowed are 1 to")
    done = run(place, "check_exercise", 3)
    assert done.stderr == "error: exercises/3/network.py: no such file; `make exercise N=3` lays it out\n"
