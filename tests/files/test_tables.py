"""CSV files: read with their types, and refused by file, row and column."""

import numpy as np
import pytest

from ladder.files.errors import InputError
from ladder.files.tables import read_table


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(content):
    with open("table.csv", "wb") as file:
        file.write(content)


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n3,4.5\n",
        b"a,b\r\n1,2\r\n3,4.5\r\n",
        b"\xef\xbb\xbfa,b\n1,2\n3,4.5\n",
        b'"a","b"\n"1","2"\n3,4.5',
        b"b,other,a\n2,x,1\n4.5,,3\n",
        b"a,b\n1,2\n3,4.5\n\n",
        b"a,b\n 1, 2\n3e0,45e-1\n",
    ],
    ids=["plain", "CRLF", "BOM", "quoted", "more columns", "blank last line", "spaces and exponents"],
)
def test_numbers_come_in_the_order_of_the_columns_asked_for(content):
    write(content)
    table = read_table("table.csv", ("a", "b"), float)
    assert list(table.columns) == ["a", "b"]
    assert table.to_numpy().dtype == np.float64
    assert table.to_numpy().tolist() == [[1.0, 2.0], [3.0, 4.5]]


def test_text_is_never_taken_for_a_number_or_a_missing_value():
    write("a,b\n007,NA\nnull,Zürich\n".encode())
    assert read_table("table.csv", ("a", "b"), str).to_numpy().tolist() == [["007", "NA"], ["null", "Zürich"]]


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "not a CSV file"),
        (b"\n\n", "not a CSV file"),
        (b"a,b\n", "no rows below the header"),
        (b"a,c\n1,2\n", "no column 'b'; needed are a, b"),
        (b"A,b\n1,2\n", "no column 'a'"),
        (b"a;b\n1;2\n", "no column 'a'"),
        (b"a,b\n1,2\n3,\n", "row 3: b is empty"),
        (b"a,b\n1,2\n  ,4\n", "row 3: a is empty"),
        (b"a,b\n1,2\n3\n", "row 3: b is empty"),
        (b"a,b\n1,2\n3,warm\n", "row 3: b 'warm' is not a finite number"),
        (b"a,b\n1,0x10\n", "row 2: b '0x10' is not a finite number"),
        (b'a,b\n1,"2,5"\n', "row 2: b '2,5' is not a finite number"),
        (b"a,b\n1,inf\n", "row 2: b 'inf' is not a finite number"),
        (b"a,b\n-Infinity,1\n", "row 2: a '-Infinity' is not a finite number"),
        (b"a,b\n1,1e999\n", "row 2: b '1e999' is not a finite number"),
        (b"a,b\n1,nan\n", "row 2: b 'nan' is not a finite number"),
        (b"a,b\n1,2\n3,4,5\n", "not a CSV file"),
        (b'a,b\n1,"2\n', "not a CSV file"),
        (b"a,b\n1,\xff\n", "not a CSV file"),
        (b"a,b\n1,2,3\n", "Expected 2 fields in line 2, saw 3"),
        (b"a,b\n1,2\n\n3,warm\n", "row 4: b 'warm'"),
    ],
)
def test_what_does_not_fit_is_refused_by_row_and_column(content, wrong):
    write(content)
    with pytest.raises(InputError) as refused:
        read_table("table.csv", ("a", "b"), float)
    assert str(refused.value).startswith("table.csv: ")
    assert wrong in str(refused.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"^absent\.csv: no such file$"):
        read_table("absent.csv", ("a",), float)
    with pytest.raises(InputError, match="not a CSV file"):
        read_table(tmp_path, ("a",), float)
