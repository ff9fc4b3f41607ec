"""How far a fully connected network gets on the MNIST test set: accuracy against compute, over several seeds.

    python -m benchmarks.digits.mnist_record --idx FOLDER [--epochs N ...] [--seeds SEED ...]

Runs the stages `prepare-digits` and `train-mnist` as the pipeline does, with RECIPE in place of the default
parameters, once for every number of epochs and every seed, and keeps each result in
benchmarks/digits/mnist_record.json. A run that is there already is not repeated, so the command goes on where
it stopped. The recipe was chosen on validation accuracy; the test set is read once per run.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.pipeline.stage_runs import run_stages
from benchmarks.timing import read_mnist
from ladder.files.errors import run_command
from ladder.files.metrics import read_metrics
from ladder.files.outputs import replacing

RESULTS = Path(__file__).with_suffix(".json")
EPOCHS, SEEDS = (10, 30, 100), (1, 2, 3)
RECIPE = {
    "digits": {"source": "mnist", "validation_share": 0.1},
    "mnist": {
        "layers": [1024, 1024],
        "learning_rate": 0.002,
        "schedule": "cosine",
        "batch_size": 200,
        "patience": 10_000,
        "dropout": 0.1,
        "batch_normalization": True,
        "deformation": {
            "rotation": 10.0,
            "scaling": 0.1,
            "shear": 0.1,
            "shift": 1.0,
            "elastic": 1.0,
            "elastic_smoothness": 4.0,
        },
    },
}


def run_recipe(images: Path, epochs: int, seed: int) -> dict[str, Any]:
    """Train once in a temporary folder; `images` holds MNIST's IDX files."""
    changes = RECIPE | {"seed": seed, "mnist": RECIPE["mnist"] | {"epochs": epochs}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data/raw").mkdir(parents=True)
        (folder / "data/raw/mnist").symlink_to(images.resolve(), target_is_directory=True)
        run_stages(folder, changes, ["prepare_digits"])
        start = time.perf_counter()
        run_stages(folder, changes, ["train_mnist"])
        seconds = time.perf_counter() - start
        metrics = read_metrics("train-mnist", folder)
    kept = {key: metrics[key] for key in ("train_accuracy", "val_accuracy", "test_accuracy", "kept_epoch")}
    return {"epochs": epochs, "seed": seed, "minutes": round(seconds / 60, 1)} | kept


def read_results() -> list[dict[str, Any]]:
    """The runs kept so far; those of another recipe do not count."""
    if not RESULTS.exists():
        return []
    content = json.loads(RESULTS.read_text("utf-8"))
    return content["runs"] if content["recipe"] == RECIPE else []


def summary(runs: list[dict[str, Any]]) -> str:
    """One line per number of epochs: means over the seeds, and the standard deviation of the test figure."""
    lines = ["epochs  seeds  minutes   train  validation    test"]
    for epochs in sorted({run["epochs"] for run in runs}):
        chosen = [run for run in runs if run["epochs"] == epochs]
        mean = {key: statistics.mean(run[key] for run in chosen) for key in chosen[0]}
        tests = [run["test_accuracy"] for run in chosen]
        spread = f" ± {statistics.stdev(tests):.2%}" if len(tests) > 1 else ""
        lines.append(
            f"{epochs:6}  {len(chosen):5}  {mean['minutes']:7.1f}  {mean['train_accuracy']:.2%}"
            f"      {mean['val_accuracy']:.2%}  {mean['test_accuracy']:.2%}{spread}"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--idx", type=Path, metavar="FOLDER", required=True, help="folder of MNIST's IDX files"
    )
    parser.add_argument("--epochs", type=int, nargs="+", default=EPOCHS)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    options = parser.parse_args()
    read_mnist(options.idx)
    runs = read_results()
    for epochs in options.epochs:
        for seed in options.seeds:
            if any((run["epochs"], run["seed"]) == (epochs, seed) for run in runs):
                continue
            runs.append(run_recipe(options.idx, epochs, seed))
            with replacing(RESULTS) as temporary:
                content = {"recipe": RECIPE, "runs": runs}
                temporary.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    print(summary(runs), end="")


if __name__ == "__main__":
    run_command(main)
