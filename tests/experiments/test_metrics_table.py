"""The table of metrics, of what DVC prints."""

import io

import pytest

from ladder.files.errors import InputError
from tools.experiments import metrics_table


@pytest.mark.parametrize("said", ["", "{}"])
def test_where_dvc_says_nothing_that_is_one_line(said, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    with pytest.raises(InputError, match="stdin: no metrics; `dvc metrics show --json` prints them"):
        metrics_table.main()
