"""CSV in the dialects that programs write; a row that is not right is one fault, with its line."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.batch.input import csv_table
from llmo.batch.input.csv_table import delimiter, read_csv, read_tsv
from llmo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.types.jsontext import Json


def read(data: bytes) -> list[tuple[int | None, Mapping[str, Json] | str]]:
    """Line and fields, or line and what is wrong there."""
    found = read_csv(io.BufferedReader(io.BytesIO(data)), "t.csv")
    return [(one.line, one.fields if one.fault is None else one.fault.message) for one in found]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param("a;b\n1,5;x\n", {"a": "1,5", "b": "x"}, id="semicolons, as Excel writes them in half of Europe"),
        pytest.param("sep=;\r\na;b\r\n1;2\r\n", {"a": "1", "b": "2"}, id="Excel's own line"),
        pytest.param("\ufeffSEP=|\na|b\n1;2|3\n", {"a": "1;2", "b": "3"}, id="with a BOM and another mark"),
        pytest.param("a\tb\n1\t2\n", {"a": "1", "b": "2"}, id="tabs in a .csv"),
        pytest.param("a|b\n1|2,3\n", {"a": "1", "b": "2,3"}, id="bars"),
        pytest.param("a,b\nx;y,z;w\n", {"a": "x;y", "b": "z;w"}, id="commas, semicolons in the text"),
        pytest.param('"last, first";age\n"Doe, J";5\n', {"last, first": "Doe, J", "age": "5"}, id="quoted commas"),
        pytest.param("last, first;age\nDoe;5\n", {"last, first": "Doe", "age": "5"}, id="rows decide"),
        pytest.param("text\nwhat; really now\n", {"text": "what; really now"}, id="one column"),
        pytest.param('a;b\n"x\n;y";1\n', {"a": "x\n;y", "b": "1"}, id="a line break in a field"),
        pytest.param("a,b\r1,2\r", {"a": "1", "b": "2"}, id="old line ends"),
        pytest.param('"a"\n"1"\n', {"a": "1"}, id="all quoted"),
    ],
)
def test_a_dialect_is_found(data: str, expected: dict[str, str]) -> None:
    """From the header and the rows behind it."""
    assert [expected] == [fields for _, fields in read(data.encode())]


def test_a_header_alone_is_split_where_it_splits_most() -> None:
    """A pipe may have nothing more yet."""
    assert [delimiter(head, b"") for head in (b"a,b;c;d\n", b"a;b\n", b"a,b;c\n", b"a\n", b"")] == [
        ";",
        ";",
        ",",
        ",",
        ",",
    ]


def test_a_tsv_has_tabs_whatever_its_text_holds() -> None:
    """Its name says so."""
    (record,) = read_tsv(io.BytesIO(b"a;b\tc\n1;2\t3\n"), "t.tsv")

    assert record.fields == {"a;b": "1;2", "c": "3"}


def test_rows_that_are_not_right_fail_alone_with_their_line() -> None:
    """And the ones behind them are read; the line is where the record begins."""
    data = b'a,b\n1,2\n1\n\n"x\r\ny",3\n1,2,3\n\xff,4\n5,\0\n6,"q"q\n7,8\r\n9,"open\nto the end'

    assert read(data) == [
        (2, {"a": "1", "b": "2"}),
        (3, "ragged row: t.csv:3: 1 fields, the header has 2"),
        (5, {"a": "x\r\ny", "b": "3"}),
        (7, "ragged row: t.csv:7: 3 fields, the header has 2"),
        (8, "not UTF-8: t.csv:8: byte 0xff"),
        (9, "a NUL byte: t.csv:9"),
        (10, "broken CSV: t.csv:10: ',' expected after '\"'"),
        (11, {"a": "7", "b": "8"}),
        (12, "broken CSV: t.csv:13: unexpected end of data"),
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "no header line: t.csv", id="empty"),
        pytest.param(b"\xef\xbb\xbf", "no header line: t.csv", id="a BOM alone"),
        pytest.param(b"sep=;\n", "no header line: t.csv", id="Excel's line alone"),
        pytest.param(b"a,b,a\n", "column named twice: t.csv: a", id="a name twice"),
        pytest.param(b"a,\xe9\n1,2\n", "not UTF-8: t.csv:1: byte 0xe9", id="Latin-1"),
        pytest.param(b"a,\0\n", "a NUL byte: t.csv:1", id="NUL"),
        pytest.param(b'"a', "broken CSV: t.csv:1: unexpected end of data", id="an open quote"),
    ],
)
def test_a_header_that_is_not_right_refuses_the_file(data: bytes, message: str) -> None:
    """No row of it would mean anything."""
    with pytest.raises(UsageError) as caught:
        read(data)

    assert message == caught.value.message


def test_a_header_alone_has_no_rows() -> None:
    """That is no error."""
    assert [] == read(b"a,b\n") == read(b"a,b")


def test_a_field_that_never_ends_is_one_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up at the limit for a row, on one line or on many."""
    monkeypatch.setattr(csv_table, "LONGEST_ROW", 1000)
    long, many = b"x" * 5000, b"y\n" * 5000
    before = csv.field_size_limit()
    try:
        one = read(b'a,b\n1,"' + long + b"\n2,3\n")
        assert one[0] == (2, "broken CSV: t.csv:2: a line of more than 0 MiB")
        assert {"a": "2", "b": "3"} in [fields for _, fields in one] or len(one) == 2
        assert read(b'a,b\n1,"' + many)[0] == (2, "a row of more than 64 MiB: t.csv:2")
    finally:
        csv.field_size_limit(before)


@pytest.mark.parametrize("before", [b"", b"a,b\n1,2\n"])
def test_a_line_without_end_is_given_up(before: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from a device, whose next line would never be reached."""
    monkeypatch.setattr(csv_table, "LONGEST_ROW", 1000)
    monkeypatch.setattr(csv_table, "ENDLESS", 1 << 20)
    file = io.BytesIO(before + b"x" * (1 << 21))

    if before:
        assert ["a line of more than 4 GiB: t.csv (after line 3)"] == [
            str(record.fault) for record in csv_table.read_csv(file, "t.csv") if record.fault
        ]
    else:
        with pytest.raises(UsageError, match=r"a line of more than 4 GiB: t\.csv"):
            list(csv_table.read_csv(file, "t.csv"))


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3).filter(any), min_size=1, max_size=4),
    st.sampled_from(csv_table.DELIMITERS),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_a_writer_wrote_is_read(table: Any, mark: str, end: str) -> None:
    """In each dialect, whatever the cells hold."""
    out = io.StringIO()
    csv.writer(out, delimiter=mark, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([["k1", "k2", "k3"], *table])

    assert [dict(zip(("k1", "k2", "k3"), values, strict=True)) for values in table] == [
        fields for _, fields in read(out.getvalue().encode())
    ]
