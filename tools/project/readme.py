"""`make readme`: write measured results into README.md and docs/, between marks that name them.

A block stands between <!-- NAME --> and <!-- end -->. `PAGES` says which page holds which blocks; any
page may have blocks named code FILE:FUNCTION, and a chapter of docs/learn/ one named printed. Of a picture
that a page shows, docs/pictures/ holds a copy, under its name in plots/.
"""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks.digits.mnist_record import summary
from benchmarks.learn import walk
from benchmarks.pipeline import first_run
from benchmarks.vgg import flip_record, photographs_record, transfer_record
from ladder.files.errors import run_command
from ladder.files.metrics import Metrics, metrics_file, part_of, read_metrics
from ladder.reporting.metric_tables import accuracy, driver_accuracies, markdown, splits_rows
from ladder.reporting.result_tables import describe_processor, speed_rows
from ladder.rungs import CLASSIFIERS, FINE_TUNED, HEAD_FOLDS, MOONS, NEURON
from tests.pipeline import every_failure
from tools.experiments.metrics_table import metrics_table
from tools.learn.code_blocks import code_of
from tools.learn.exercise_table import EXERCISES

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs/pictures"
PICTURE = re.compile(r"pictures/([\w/]+\.png)\)")


def read_json(path: str) -> Any:
    return json.loads((ROOT / path).read_text("utf-8"))


def measured(stage: str) -> Metrics:
    return read_metrics(stage, ROOT)


def read_stages() -> dict[str, Any]:
    return YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]


def as_code(text: str) -> str:
    return f"```\n{text}```\n"


def results_block() -> str:
    """One row per model: accuracy on train and test."""
    line = measured(NEURON.stage)
    fits = [f"R² {line[f'{split}_r2']:.4f}" for split in ("train", "test")]
    rows = [["model", "train", "test"], [NEURON.title, *fits]]
    before = CLASSIFIERS[: CLASSIFIERS.index(FINE_TUNED)]
    for rung in (MOONS, *before, HEAD_FOLDS, FINE_TUNED):
        if (ROOT / metrics_file(rung.stage)).exists():
            of_rung = part_of(measured(rung.stage), rung.part)
            train = f"{100 * of_rung['train_accuracy']:.1f} %" if "train_accuracy" in of_rung else ""
            rows.append([rung.title, train, accuracy(of_rung, "test_accuracy")])
    return markdown(rows) + "\n"


def metrics_block() -> str:
    """Every metric of the committed run, in the order of dvc.yaml."""
    paths = [metrics_file(name) for name, stage in read_stages().items() if "metrics" in stage]
    return as_code(metrics_table({str(path): read_json(path) for path in paths if (ROOT / path).exists()}))


def published_block() -> str:
    """What the recipes' authors published, beside the default run."""
    line, deep = measured("train-linreg"), measured("train-mnist")
    head, tuned = part_of(measured("train-vgg-head"), "by_image"), measured("finetune-vgg")
    rows = [["recipe", "published", "here: train", "here: test"]]
    learned = f"°F = {line['weight']:.4f} · °C + {line['bias']:.3f}"
    rows.append(["one neuron, 160 pairs", "°F = 1.8 · °C + 32", learned, f"R² {line['test_r2']:.4f}"])
    of_three = (
        ("784-128-128-128-10, Adam, batch 20", "99.4 %, a training accuracy", deep),
        ("VGG16: frozen base, new head", "94 %, split at random", head),
        ("VGG16: last 15 layers fine-tuned", "98 %, split at random", tuned),
    )
    for recipe, published, metrics in of_three:
        found = [accuracy(metrics, f"{split}_accuracy") for split in ("train", "test")]
        rows.append([recipe, published, *found])
    return markdown(rows) + "\n"


def benchmarks_block() -> str:
    """Every row of benchmarks/results.json, below the machine that it was measured on."""
    blocks = []
    for run in read_json("benchmarks/results.json"):
        versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
        rows = [row[:-1] for row in speed_rows(run["rows"])]
        blocks.append(f"{describe_processor(run['machine'])}, {versions}:\n\n{markdown(rows)}\n")
    return "\n".join(blocks)


def stages_block() -> str:
    """Every stage of dvc.yaml: what it does, what it reads from params.yaml, and its outputs."""
    rows = [["stage", "what it does", "parameters", "outputs"]]
    for name, stage in read_stages().items():
        groups = dict.fromkeys(key.split(".")[0] for key in stage.get("params", []) if key != "seed")
        outs = [out if isinstance(out, str) else next(iter(out)) for out in stage.get("outs", [])]
        listed = [", ".join(f"`{word}`" for word in words) for words in (groups, outs)]
        rows.append([f"`{name}`", stage["desc"], *listed])
    return markdown(rows) + "\n"


def split_block() -> str:
    """What each split of the driver images gives away."""
    return markdown(splits_rows(measured("split-driver-images"), measured("probe-leakage"))) + "\n"


def exercises_block() -> str:
    """Every exercise, and the file that its function is of."""
    rows = [["N", "function", "what it is", "file"]]
    for number, exercise in enumerate(EXERCISES, start=1):
        rows.append(
            [str(number), f"`{exercise.function}`", exercise.about, f"`{exercise.source.as_posix()}`"]
        )
    return markdown(rows) + "\n"


def seconds_block(*stages: str) -> str:
    """What these stages took in a first run, machine by machine."""
    rows = [["machine", *(f"`{stage}`" for stage in stages)]]
    for run in read_json("benchmarks/pipeline/first_run.json"):
        of_run = [f"{run['seconds'][stage]:.0f} s" for stage in stages]
        rows.append([describe_processor(run["machine"]), *of_run])
    return markdown(rows) + "\n"


def drivers_block(*titles: str) -> str:
    """The accuracies of the driver models of these titles."""
    split_by = YAML(typ="safe").load(ROOT / "params.yaml")["split"]["by"]
    metrics = {rung.stage: measured(rung.stage) for rung in (HEAD_FOLDS, FINE_TUNED)}
    header, *rows = driver_accuracies(metrics, split_by)
    return markdown([header, *(row for row in rows if row[0] in titles)]) + "\n"


PAGES: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "README.md": {"results": results_block},
    "docs/results.md": {
        "metrics": metrics_block,
        "published": published_block,
        "leak": split_block,
        "transfer": lambda: transfer_record.table(transfer_record.read_results()),
        "photographs": lambda: photographs_record.table(photographs_record.read_runs()),
        "flip": lambda: flip_record.table(read_json("benchmarks/vgg/flip_record.json")["runs"]),
        "record": lambda: as_code(summary(read_json("benchmarks/digits/mnist_record.json")["runs"])),
    },
    "docs/speed.md": {
        "first-run": lambda: first_run.table(read_json("benchmarks/pipeline/first_run.json")),
        "benchmarks": benchmarks_block,
    },
    "docs/reproducibility.md": {
        "every-failure": lambda: as_code(
            every_failure.table(read_json("benchmarks/pipeline/every_failure.json"))
        ),
    },
    "docs/design.md": {"stages": stages_block},
    "docs/exercises.md": {"exercises": exercises_block},
    "docs/learn/08-splits-that-leak.md": {"leak": split_block},
    "docs/learn/09-new-head.md": {
        "seconds": lambda: seconds_block("extract-vgg-features", "train-vgg-head"),
        "accuracy": lambda: drivers_block("VGG16, new head"),
    },
    "docs/learn/10-fine-tuning.md": {
        "seconds": lambda: seconds_block("finetune-vgg"),
        "accuracy": lambda: drivers_block("VGG16, new head", "VGG16, fine-tuned"),
    },
}
MARK = re.compile(r"^<!-- (?!end)(.+) -->$", re.MULTILINE)


def pages() -> list[str]:
    """README.md and every page of docs/."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [path.relative_to(ROOT).as_posix() for path in found]


def blocks_of(page: str) -> dict[str, Callable[[], str]]:
    """The blocks that a page must have: those of `PAGES`, and what a chapter shows of code and of a run."""
    blocks = dict(PAGES.get(page, {}))
    for name in MARK.findall((ROOT / page).read_text("utf-8")):
        kind, _, shown = name.partition(" ")
        if kind == "code":
            file, _, function = shown.partition(":")
            source = (ROOT / file).read_text("utf-8")
            blocks[name] = lambda source=source, function=function: (
                "```python\n" + code_of(source, function) + "```\n"
            )
        elif name == "printed":
            blocks[name] = lambda: as_code(walk.read_printed().get(Path(page).stem, "") + "\n")
    return blocks


def fill(page: str, blocks: Mapping[str, Callable[[], str]]) -> None:
    """Make every block between <!-- NAME --> and <!-- end --> of a page anew."""
    text = (ROOT / page).read_text("utf-8")
    for name, make in blocks.items():
        pattern, block = rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)", make()
        text, found = re.subn(pattern, lambda m, block=block: m[1] + block + m[2], text, flags=re.DOTALL)
        if found != 1:
            raise ValueError(f"{page} has {found} blocks named {name}, not one")
    (ROOT / page).write_text(text, "utf-8")


def copy_pictures() -> None:
    """Copy the pictures that pages show, as far as the pipeline has drawn them here."""
    for page in pages():
        for name in PICTURE.findall((ROOT / page).read_text("utf-8")):
            if (ROOT / "plots" / name).exists():
                (PICTURES / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / "plots" / name, PICTURES / name)


def main() -> None:
    for page in pages():
        fill(page, blocks_of(page))
    copy_pictures()


if __name__ == "__main__":
    run_command(main)
