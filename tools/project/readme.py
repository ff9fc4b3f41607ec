"""`make readme`: write the measured tables into README.md, between marks that name them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from ruamel.yaml import YAML

from benchmarks.digits.mnist_record import summary
from benchmarks.pipeline import first_run
from benchmarks.vgg import flip_record, transfer_record
from ladder.reporting.metric_tables import markdown, splits_rows
from ladder.reporting.result_tables import describe_processor, speed_rows
from tests.pipeline import chaos
from tools.experiments.metrics_table import metrics_table

ROOT = Path(__file__).resolve().parents[2]


def read_json(path: str) -> dict:
    return json.loads((ROOT / path).read_text("utf-8"))


def metrics_block() -> str:
    """Every metric of the committed run, in the order of dvc.yaml."""
    stages = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
    paths = [f"metrics/{name.replace('-', '_')}.json" for name in stages if "metrics" in stages[name]]
    return "```\n" + metrics_table({path: read_json(path) for path in paths}) + "```\n"


def benchmarks_block() -> str:
    """Every row of benchmarks/results.json, below the machine that it was measured on."""
    blocks = []
    for run in read_json("benchmarks/results.json"):
        versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
        rows = [row[:-1] for row in speed_rows(run["rows"])]
        blocks.append(f"{describe_processor(run['machine'])}, {versions}:\n\n{markdown(rows)}\n")
    return "\n".join(blocks)


def record_block() -> str:
    """Accuracy against compute of the MNIST record recipe."""
    return "```\n" + summary(read_json("benchmarks/digits/mnist_record.json")["runs"]) + "```\n"


def transfer_block() -> str:
    """The driver classifier on both bases and both splits."""
    return transfer_record.table(transfer_record.read_results())


def leak_block() -> str:
    """What each split of the driver images gives away."""
    counts, probe = read_json("metrics/split_driver_images.json"), read_json("metrics/probe_leakage.json")
    return markdown(splits_rows(counts, probe)) + "\n"


def flip_block() -> str:
    """The head split by driver with each way to mirror training images."""
    return flip_record.table(read_json("benchmarks/vgg/flip_record.json")["runs"])


def first_run_block() -> str:
    """What a newcomer waits for, part by part."""
    return first_run.table(read_json("benchmarks/pipeline/first_run.json"))


def chaos_block() -> str:
    """Where the pipeline was killed, and what came of it."""
    return "```\n" + chaos.table(read_json("benchmarks/pipeline/chaos.json")) + "```\n"


def readme_blocks() -> dict[str, str]:
    """What README.md shows, by the name of its mark."""
    return {
        "metrics": metrics_block(),
        "benchmarks": benchmarks_block(),
        "record": record_block(),
        "transfer": transfer_block(),
        "leak": leak_block(),
        "flip": flip_block(),
        "chaos": chaos_block(),
        "first-run": first_run_block(),
    }


def fill(page: str, blocks: Mapping[str, str]) -> None:
    """Make every block between <!-- NAME --> and <!-- end --> of a page anew."""
    text = (ROOT / page).read_text("utf-8")
    for name, block in blocks.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        text, found = re.subn(pattern, lambda m, block=block: m[1] + block + m[2], text, flags=re.DOTALL)
        if found != 1:
            raise ValueError(f"{page} has {found} blocks named {name}, not one")
    (ROOT / page).write_text(text, "utf-8")


def main() -> None:
    fill("README.md", readme_blocks())


if __name__ == "__main__":
    main()
