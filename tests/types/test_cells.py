"""CSV that a spreadsheet shows and does not run."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmo.types.cells import line


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param("=HYPERLINK(1)", "'=HYPERLINK(1)", id="equals"),
        pytest.param("@SUM(1+1)", "'@SUM(1+1)", id="at"),
        pytest.param("+1+cmd|' /C calc'!A0", "\"'+1+cmd|' /C calc'!A0\"", id="plus"),
        pytest.param("-2+3", "'-2+3", id="minus"),
        pytest.param("- an item", "'- an item", id="a list of a model"),
        pytest.param("\t=1", '"\'\t=1"', id="tab"),
        pytest.param("\r=1", '"\'\r=1"', id="carriage return"),
        pytest.param("\uff1d1\uff0b1", "'\uff1d1\uff0b1", id="full width"),
        pytest.param("a;=1+1", '"a;=1+1"', id="a separator elsewhere"),
        pytest.param("-1.5", "-1.5", id="number as text"),
        pytest.param("+1,234.50", '"+1,234.50"', id="number with a comma"),
        pytest.param("-3e-7", "-3e-7", id="exponent"),
        pytest.param("-12%", "-12%", id="percent"),
        pytest.param(-1.5, "-1.5", id="number"),
        pytest.param("0.000420", "0.000420", id="cost"),
        pytest.param("it's", "it's", id="text"),
        pytest.param('say "hi"\nbye', '"say ""hi""\nbye"', id="quotes and lines"),
        pytest.param(None, "", id="nothing"),
    ],
)
def test_a_cell_is_text_or_a_number(value: Any, written: str) -> None:
    """
    What would run gets an apostrophe; numbers stay numbers.
    """
    assert line([value]) == f"{written}\n"


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00")), min_size=2, max_size=4))
def test_a_reader_gets_the_cells_back(values: list[str]) -> None:
    """
    Any CSV reader: as they were, but for the apostrophe.
    """
    (found,) = csv.reader(io.StringIO(line(values), newline=""), strict=True)

    assert values == [
        cell if cell == value else cell.removeprefix("'") for cell, value in zip(found, values, strict=True)
    ]
    assert not any(cell.startswith(("=", "@", "\t", "\r")) for cell in found)


def test_a_batch_writes_such_cells(llmo: Any) -> None:
    """
    Answers, errors, kept fields and their names, in a file and on standard output, of a comparison too.
    """
    (llmo.home / "replies").write_text("=cmd|' /C calc'!A0\n", "utf-8")
    (llmo.home / "p.toml").write_text(
        f'[providers.offline]\nkind = "offline"\nlocal = true\noffline = {{ reply_file = "{llmo.home}/replies" }}\n',
        "utf-8",
    )
    (llmo.home / "rows.jsonl").write_text(json.dumps({"text": "x", "=k": "@v", "n": "-1.5"}) + "\n", "utf-8")
    args = ("-P", "p.toml", "batch", "rows.jsonl", "--keep", "*")
    runs = [
        llmo(*args, "-m", "offline/echo", "-o", "out.csv"),
        llmo(*args, "-m", "offline/echo", "--output-format", "csv"),
        llmo(*args, "--compare", "-m", "offline/echo", "-m", "offline/echo-large", "-o", "both.csv"),
    ]
    files = [(llmo.home / "out.csv").read_text("utf-8"), runs[1].stdout, (llmo.home / "both.csv").read_text("utf-8")]
    tables = [list(csv.reader(io.StringIO(text))) for text in files]

    assert [0, 0, 0] == [run.code for run in runs], runs
    for table in tables:
        assert not any(cell.startswith(("=", "@")) for row in table for cell in row), table
        assert {"'=k", "n"} <= set(table[0])
        assert {"'@v", "-1.5", "'=cmd|' /C calc'!A0"} <= set(table[1])


def test_a_report_writes_such_cells(llmo: Any) -> None:
    """
    A tag may come from anywhere.
    """
    llmo("-P", "offline", "ask", "x", "--tag", "team==1+1")
    run = llmo("-P", "offline", "cost", "--by", "tag:team", "--csv")
    head, row = csv.reader(io.StringIO(run.stdout))

    assert ("tag:team", "'=1+1", "0") == (head[0], row[0], row[head.index("cost_usd")])
