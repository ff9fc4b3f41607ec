"""What VGG16 is worth on photographs: the State Farm set, or another in its layout.

    python -m benchmarks.vgg.photographs_record --photographs FOLDER --weights FILE

FOLDER holds driver_imgs_list.csv and imgs/train; FILE holds ImageNet's weights of VGG16. The stages of the
VGG16 branch run with the committed params.yaml but for `CHANGES`, on three bases. By driver means
cross-validation: each driver is tested once, by a model that has seen nothing of them. Each figure is kept in
benchmarks/vgg/photographs_record.json as soon as it is there; a record that was cut off goes on.
"""

import argparse
import contextlib
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.pipeline.stage_runs import ROOT, run_stages
from ladder.drivers.images import MANIFEST, folds_of, read_manifest, rows_by_split
from ladder.evaluation.accuracy import accuracy_interval
from ladder.files.errors import run_command
from ladder.files.metrics import read_metrics
from ladder.files.outputs import replacing, write_table
from ladder.training.keras_archive import save_keras
from ladder.vgg.vgg16 import EMBEDDED_FILE, HEAD_FILE
from stages.train_vgg_head import prepare

RESULTS = Path(__file__).with_suffix(".json")
CHANGES = {
    "vgg": {"image_size": 160, "augmented_views": 9},
    "vgg_head": {"learning_rate": 5e-4},
    "split": {"validation_share": 0.05},  # one driver; each costs accuracy where there are few
}
BASES = ("imagenet", "embedded", "random")
RECIPES = {
    "fine-tuned": {},
    "fine-tuned as published": {"learning_rate": 1e-5, "schedule": "constant", "epochs": 10},
}
Run = dict[str, Any]


def source_of(base: str) -> str:
    """The value of `vgg.weights`; the file of ImageNet's weights need not be the published one."""
    return "photographs-base" if base == "imagenet" else base


def changes_for(base: str, root: Path) -> dict[str, Any]:
    """What differs from the committed parameters."""
    vgg = CHANGES["vgg"] | {"weights": source_of(base)}
    return CHANGES | {"drivers": {"root": str(root)}, "vgg": vgg}


def measured(correct: np.ndarray, drivers: np.ndarray, seconds: float, **run: str) -> Run:
    """A run's figures: accuracy on test images, `correct` [items], with its interval by `drivers` [items]."""
    low, high = accuracy_interval(correct, drivers)
    figures = {"test_accuracy": correct.mean(), "test_accuracy_low": low, "test_accuracy_high": high}
    return (
        run | {name: round(float(value), 6) for name, value in figures.items()} | {"seconds": round(seconds)}
    )


def answers(plots: str) -> pd.DataFrame:
    """predictions.csv of a stage: one row per test image."""
    return pd.read_csv(Path("plots", plots, "predictions.csv"), dtype=str)


def heads(base: str, root: Path) -> list[Run]:
    """The new head on the frozen base, by image and by cross-validation."""
    start = time.perf_counter()
    stages = ["prepare_vgg_base", "extract_vgg_features", "train_vgg_head"]
    run_stages(Path(), changes_for(base, root), stages)
    seconds = time.perf_counter() - start
    runs = []
    for split, part in (("image", "by_image"), ("driver", "folds")):
        found = answers(f"train_vgg_head/{part}")
        correct = (found["actual"] == found["predicted"]).to_numpy()
        runs.append(
            measured(correct, found["driver"].to_numpy(), seconds, base=base, model="new head", split=split)
        )
    return runs


def fine_tuned(base: str, root: Path, model: str, split: str) -> Run:
    """A fine-tuned base, with the head that was trained on the same rows; by driver, one model per fold."""
    changes = changes_for(base, root) | {"finetune": RECIPES[model]}
    changes["split"] = CHANGES["split"] | {"by": split}
    manifest, start, found = read_manifest(), time.perf_counter(), []
    run_stages(Path(), changes, [])
    whole = {column: manifest[column].tolist() for column in manifest}
    for fold in folds_of(manifest) if split == "driver" else ["image"]:
        # The stage knows two splits; here the one by driver is the fold's.
        write_table(MANIFEST, whole | {f"by_{split}": manifest[f"by_{fold}"].tolist()})
        rows = rows_by_split(manifest, fold)
        save_keras(prepare(manifest).train_to_the_end(rows["train"]), HEAD_FILE)
        run_stages(Path(), changes, ["finetune_vgg"])
        found.append(answers("finetune_vgg"))
        print(f"{base}, {model}, {fold}: {read_metrics('finetune-vgg')['test_accuracy']:.1%}", flush=True)
    write_table(MANIFEST, whole)
    together = pd.concat(found)
    correct = (together["actual"] == together["predicted"]).to_numpy()
    seconds = time.perf_counter() - start
    return measured(correct, together["driver"].to_numpy(), seconds, base=base, model=model, split=split)


def read_runs() -> list[Run]:
    """The runs kept so far."""
    return json.loads(RESULTS.read_text("utf-8"))["runs"] if RESULTS.exists() else []


def keep(runs: list[Run]) -> None:
    """Add runs to those kept."""
    with replacing(RESULTS) as temporary:
        temporary.write_text(json.dumps({"runs": read_runs() + runs}, indent=1) + "\n", "utf-8")


def table(runs: list[Run]) -> str:
    """A Markdown table, one row per model."""
    lines = ["| split by | base | model | test | 95 % interval | seconds |", "|---|---|---|---|---|---|"]
    for run in sorted(runs, key=lambda run: (run["split"], BASES.index(run["base"]), run["model"])):
        low, high = 100 * run["test_accuracy_low"], 100 * run["test_accuracy_high"]
        lines.append(
            f"| {run['split']} | {run['base']} | {run['model']} | {100 * run['test_accuracy']:.1f} % "
            f"| {low:.1f} to {high:.1f} | {run['seconds']:,} |"
        )
    return "\n".join(lines) + "\n"


def link_weights(folder: Path, weights: Path) -> None:
    """Both bases where `vgg.weights` looks for them in `folder`."""
    for place, file in (
        (folder / EMBEDDED_FILE, ROOT / EMBEDDED_FILE),
        (_place_of(folder, weights), weights),
    ):
        place.parent.mkdir(parents=True)
        place.symlink_to(file.resolve())


def _place_of(folder: Path, weights: Path) -> Path:
    return folder / "data/raw" / source_of("imagenet") / weights.name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--photographs", type=Path, required=True, help="a folder in State Farm's layout")
    parser.add_argument("--weights", type=Path, required=True, help="ImageNet's weights of VGG16")
    parser.add_argument("--base", choices=BASES, action="append", help="only this one; may be repeated")
    parser.add_argument("--model", choices=["new head", *RECIPES], action="append", help="only this one")
    parser.add_argument("--split", choices=["driver", "image"], action="append", help="only this one")
    asked = parser.parse_args()
    root, weights = asked.photographs.resolve(), asked.weights.absolute()
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        link_weights(Path(), weights)
        run_stages(Path(), changes_for("embedded", root), ["split_driver_images"])
        for base in asked.base or BASES:
            done = {(run["model"], run["split"]) for run in read_runs() if run["base"] == base}
            models = asked.model or ["new head", *RECIPES]
            missing = [
                (model, split)
                for model in models
                for split in (asked.split or ["driver", "image"])
                if (model, split) not in done
            ]
            if not missing:
                continue
            both = heads(base, root)  # the features are those that all of this base's models start from
            keep([run for run in both if (run["model"], run["split"]) not in done])
            for model, split in missing:
                if model in RECIPES:
                    keep([fine_tuned(base, root, model, split)])
    print(table(read_runs()), end="")


if __name__ == "__main__":
    run_command(main)
