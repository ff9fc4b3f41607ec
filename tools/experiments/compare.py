"""`make compare REV=main`: which differences from the models of a revision exceed the noise.

    python -m tools.experiments.compare REV [--json FILE] [--markdown FILE]

Both models answered the same test items, so each item is its own control: a sign-flip permutation test of the
differences, of whole drivers where the items show drivers. Exit code 0: nothing got worse beyond the noise
and tolerances.yaml; 2: something did; 1: nothing could be compared.
"""

import argparse
import io
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field

from ladder.files.errors import InputError, run_command
from ladder.files.outputs import replacing
from ladder.files.params import Group, read_settings
from tools.pipeline.git import check_revision, git

TOLERANCES = Path("tools/pipeline/tolerances.yaml")
FIGURES = {"accuracy": 1, "loss": -1}  # which way is better
WORSE = 2  # exit code


class Allowed(Group):
    """How far a metric may be off: `absolute` plus `relative` times its committed value."""

    absolute: Annotated[float, Field(ge=0)]
    relative: Annotated[float, Field(ge=0)]


class Tolerances(Group):
    """The content of tolerances.yaml."""

    significance: Annotated[float, Field(gt=0, lt=1)]
    accuracy: Annotated[float, Field(ge=0, le=1)]
    loss: Annotated[float, Field(ge=0)]
    other_machines: dict[str, Allowed]


def read_predictions(text: str, source: str) -> pd.DataFrame:
    """A predictions.csv with one row per test item: its name, `actual` class, `accuracy`, `loss` and `group`.

    `group` is the driver, or the item itself.
    """
    try:
        table = pd.read_csv(io.StringIO(text), dtype={"item": str, "actual": str, "predicted": str})
        group = table["driver"] if "driver" in table else table["item"]
        return pd.DataFrame(
            {
                "item": table["item"],
                "actual": table["actual"],
                "accuracy": (table["actual"] == table["predicted"]).astype(float),
                "loss": table["loss"].astype(float),
                "group": group.astype(str),
            }
        ).sort_values("item", ignore_index=True)
    except (KeyError, ValueError) as error:
        raise InputError(f"{source}: not the predictions of a model: {error}") from None


def predictions_at(revision: str, path: Path) -> pd.DataFrame | None:
    """The predictions that a revision holds; None where it has none at `path`, or none with named items."""
    if not git(Path(), "ls-tree", revision, "--", path.as_posix()):
        return None
    shown = git(Path(), "show", f"{revision}:./{path.as_posix()}")
    return read_predictions(shown, f"{revision}:{path}") if shown.startswith("item,") else None


def compare_figure(before: np.ndarray, after: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """Means before and after, their difference with a 95 % interval, and the chance `p` of as large a one.

    Parameters
    ----------
    before, after : the figure of each item [items].
    groups : what each item belongs to [items]; groups are independent of each other.
    """
    # Here, since they take a second and most revisions have the same predictions.
    from scipy.stats import permutation_test

    from ladder.evaluation.accuracy import BATCH, RESAMPLES, clustered_interval

    low, high = clustered_interval(after - before, groups)
    _, group = np.unique(groups, return_inverse=True)
    sums = np.bincount(group, after - before)
    sums = sums[sums != 0]  # the rest has no sign to flip
    p = 1.0
    if len(sums) > 1:
        p = permutation_test(
            (sums, np.zeros_like(sums)),
            lambda ours, theirs, axis: (ours - theirs).sum(axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=RESAMPLES,
            batch=BATCH,
            rng=np.random.default_rng(0),
        ).pvalue
    means = {"before": float(before.mean()), "after": float(after.mean())}
    return means | {"difference": float((after - before).mean()), "low": low, "high": high, "p": float(p)}


def holm(chances: list[float]) -> list[float]:
    """Chances adjusted so that all tests together raise one false alarm as rarely as one test (Holm 1979)."""
    adjusted, largest = [0.0] * len(chances), 0.0
    for rank, number in enumerate(np.argsort(chances, kind="stable")):
        largest = max(largest, min(1.0, (len(chances) - rank) * chances[number]))
        adjusted[number] = largest
    return adjusted


def compare(revision: str, tolerances: Tolerances) -> list[dict[str, Any]]:
    """A row for each model and figure, those that cannot be compared too, with its `verdict`."""
    rows: list[dict[str, Any]] = []
    for path in sorted(Path("plots").rglob("predictions.csv")):
        model = path.parent.relative_to("plots").as_posix()
        now = read_predictions(path.read_text("utf-8"), str(path))
        then = predictions_at(revision, path)
        if then is None:
            rows.append({"model": model, "verdict": "new"})
        elif not now[["item", "actual"]].equals(then[["item", "actual"]]):
            rows.append({"model": model, "verdict": "other test items"})
        else:
            for figure in FIGURES:
                row = {"model": model, "figure": figure, "items": len(now), "groups": now["group"].nunique()}
                before, after = then[figure].to_numpy(), now[figure].to_numpy()
                if np.array_equal(before, after):
                    rows.append(row | {"before": before.mean(), "after": after.mean(), "verdict": "same"})
                else:
                    rows.append(row | compare_figure(before, after, now["group"].to_numpy()))
    changed = [row for row in rows if "p" in row]
    for row, adjusted in zip(changed, holm([row["p"] for row in changed]), strict=True):
        row["p_adjusted"] = adjusted
        gain = FIGURES[row["figure"]] * row["difference"]
        if adjusted >= tolerances.significance:
            row["verdict"] = "within the noise"
        elif gain > 0:
            row["verdict"] = "better"
        else:
            tolerated = -gain <= getattr(tolerances, row["figure"])
            row["verdict"] = "worse, tolerated" if tolerated else "worse"
    return rows


def compare_with(revision: str) -> list[dict[str, Any]]:
    """`compare` with tolerances.yaml.

    Raises
    ------
    InputError
        The revision is unknown, or holds no model with the same test items.
    """
    check_revision(Path(), revision)
    rows = compare(revision, read_settings(TOLERANCES, Tolerances))
    if not any("items" in row for row in rows):
        raise InputError(f"nothing to compare with {revision}: no model has the same test items")
    return rows


def markdown(revision: str, rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = [
        f"Models now, compared with `{revision}` on the same test items:",
        "",
        "| model | figure | before | now | difference, 95 % interval | p, adjusted | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [row["model"], "", "", "", "", "", row["verdict"]]
        if "items" in row:
            cells[1:4] = row["figure"], f"{row['before']:.4f}", f"{row['after']:.4f}"
        if "p" in row:
            interval = f"[{row['low']:+.4f}, {row['high']:+.4f}]"
            cells[4:6] = f"{row['difference']:+.4f} {interval}", f"{row['p_adjusted']:.3g}"
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.experiments.compare", description=__doc__.splitlines()[0]
    )
    parser.add_argument("revision", metavar="REV", help="any git revision, such as main or HEAD~1")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there too")
    options = parser.parse_args(arguments)
    rows = compare_with(options.revision)
    table = markdown(options.revision, rows)
    print(table, end="")
    for path, text in ((options.json, json.dumps(rows, indent=1) + "\n"), (options.markdown, table)):
        if path:
            with replacing(path) as temporary:
                temporary.write_text(text, "utf-8")
    if any(row["verdict"] == "worse" for row in rows):
        sys.exit(WORSE)


if __name__ == "__main__":
    run_command(main)
