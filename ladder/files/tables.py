"""CSV files that people may have written: read with pandas, checked before use."""

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ladder.files.errors import InputError


def read_table(
    path: str | Path, columns: Sequence[str], dtype: type, more: re.Pattern[str] | None = None
) -> pd.DataFrame:
    """Read the `columns` of a CSV file, all of one `dtype`, in this order; then those named like `more`.

    Raises
    ------
    InputError
        The file is missing, is not CSV in UTF-8, lacks a column or has it twice, has no rows, an empty
        cell or a value of another type.
    """
    try:
        # Without a header, or pandas would rename a column that is there twice, and take the first.
        table = pd.read_csv(
            path, header=None, dtype=str, keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=False
        )
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: not a CSV file: {error}") from None
    header = table.iloc[0].tolist()
    if more:
        columns = list(dict.fromkeys([*columns, *filter(more.fullmatch, header)]))
    for name in columns:
        if header.count(name) != 1:
            many = f"{header.count(name)} columns" if name in header else "no column"
            raise InputError(f"{path}: {many} {name!r}; needed are {', '.join(columns)}, once each")
    table = table.set_axis(header, axis=1).iloc[1:].reset_index(drop=True)
    table = table[(table != "").any(axis=1)]  # without blank lines; the index still counts them
    if table.empty:
        raise InputError(f"{path}: no rows below the header")
    table = table[list(columns)]
    for name in columns:
        empty = table.index[table[name].str.strip() == ""]
        if len(empty):
            raise InputError(f"{path}: row {empty[0] + 2}: {name} is empty")
    if dtype is not str:
        for name in columns:
            numbers = pd.to_numeric(table[name], errors="coerce")
            bad = table.index[numbers.isna() | numbers.abs().eq(float("inf"))]
            if len(bad):
                raise InputError(
                    f"{path}: row {bad[0] + 2}: {name} {table[name][bad[0]]!r} is not a finite number"
                )
        table = table.astype(dtype)
    return table
