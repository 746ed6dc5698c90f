"""Parquet in and out: every type becomes JSON or an error that names the file, and what is written can be read."""

import datetime as dt
import gzip
import json
import re
from decimal import Decimal

import pytest

from llmo.batch.input.parquet_table import read_parquet
from llmo.errors import UsageError
from tests import peers

pa = pytest.importorskip("pyarrow", reason=peers.missing("pyarrow"))
parquet = pytest.importorskip("pyarrow.parquet", reason=peers.missing("pyarrow"))

NS = pa.timestamp("ns")
COLUMNS = [
    pytest.param(pa.array(["ä\0", None]), ["ä\0", None], id="text"),
    pytest.param(pa.array(["x", "x"]).dictionary_encode(), ["x", "x"], id="categories"),
    pytest.param(pa.array([True, None]), [True, None], id="truth"),
    pytest.param(pa.array([2**64 - 1, 0], pa.uint64()), [2**64 - 1, 0], id="large counts"),
    pytest.param(pa.array([0.1, float("nan"), float("inf")]), [0.1, None, None], id="numbers that are not finite"),
    pytest.param(pa.array([Decimal("1.10"), None], pa.decimal128(10, 2)), ["1.10", None], id="decimals"),
    pytest.param(pa.array([b"abc", None]), ["abc", None], id="bytes"),
    pytest.param(pa.array([dt.date(2026, 1, 2)]), ["2026-01-02"], id="days"),
    pytest.param(
        pa.array([dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)], pa.timestamp("us")),
        ["2026-01-02 03:04:05"],
        id="times",
    ),
    pytest.param(pa.array([1], NS), ["1970-01-01 00:00:00.000000001"], id="nanoseconds"),
    pytest.param(pa.array([[1, 2], [], None]), [[1, 2], [], None], id="lists"),
    pytest.param(
        pa.array([[1], []], pa.list_(pa.int64())).cast(pa.list_(NS)),
        [["1970-01-01 00:00:00.000000001"], []],
        id="nanoseconds in lists",
    ),
    pytest.param(pa.array([{"a": {"b": [None]}}, None]), [{"a": {"b": [None]}}, None], id="structures"),
    pytest.param(pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())), [{"k": 1}, {}, None], id="maps"),
    pytest.param(pa.nulls(2), [None, None], id="nothing"),
]


@pytest.mark.parametrize(("column", "expected"), COLUMNS)
def test_a_column_is_read_as_json(tmp_path, column, expected):
    """
    What JSON lacks is text, a number that is not finite is null, a map is an object; rows count from 1.
    """
    parquet.write_table(pa.table({"a": column}), tmp_path / "in.parquet", row_group_size=1)
    with (tmp_path / "in.parquet").open("rb") as file:
        records = list(read_parquet(file, "in.parquet"))

    assert [(at, {"a": value}) for at, value in enumerate(expected, 1)] == [(one.line, one.fields) for one in records]
    json.dumps([dict(one.fields) for one in records], allow_nan=False)


def damaged(path):
    parquet.write_table(pa.table({"a": ["x" * 100] * 100}), path, compression="none", use_dictionary=False)
    data = bytearray(path.read_bytes())
    data[4:60] = bytes(range(56))
    path.write_bytes(data)


def cut(path):
    parquet.write_table(pa.table({"a": ["x"]}), path)
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda path: path.write_bytes(b""), "broken Parquet: in.parquet: ", id="empty"),
        pytest.param(lambda path: path.write_bytes(b"text\n" * 9), "broken Parquet: in.parquet: ", id="text"),
        pytest.param(
            lambda path: path.write_bytes(gzip.compress(b"PAR1")), "compressed Parquet: in.parquet", id="compressed"
        ),
        pytest.param(cut, "broken Parquet: in.parquet: ", id="cut"),
        pytest.param(damaged, "broken Parquet: in.parquet: ", id="damaged"),
        pytest.param(
            lambda path: parquet.write_table(pa.table([pa.array(["a"]), pa.array(["b"])], names=["t", "t"]), path),
            "column named twice: in.parquet: t",
            id="a name twice",
        ),
        pytest.param(
            lambda path: parquet.write_table(
                pa.table({"m": pa.array([[("k", 1), ("k", 2)]], pa.map_(pa.string(), pa.int64()))}), path
            ),
            "broken Parquet: in.parquet: ",
            id="a key twice",
        ),
    ],
)
def test_a_file_that_is_not_right_is_one_line(tmp_path, make, said):
    """
    Whatever the library raises for it.
    """
    path = tmp_path / "in.parquet"
    make(path)

    with path.open("rb") as file, pytest.raises(UsageError) as caught:
        list(read_parquet(file, "in.parquet"))

    assert caught.value.message.startswith(said)
    assert "\n" not in caught.value.message


@pytest.fixture
def batch(llmo):
    (llmo.home / "replies").write_text("7\n")
    (llmo.home / "p.toml").write_text('[providers.offline]\nkind = "offline"\noffline = {reply_file = "replies"}\n')
    return lambda *args, **more: llmo(
        *("batch", "-P", "./p.toml", "-m", "offline/x", "--prompt", "{{text}}", "--keep", "*", *args), **more
    )


def test_rows_go_from_parquet_to_parquet(llmo, batch):
    """
    Answers, counts, an answer's data and kept fields of every type; a resumed run adds nothing.
    """
    rows = {"text": ["a", "b"], "n": [1, None], "list": [[1], None], "when": [dt.date(2026, 1, 2), None]}
    parquet.write_table(pa.table(rows), llmo.home / "in.parquet")
    (llmo.home / "schema.json").write_text('{"type": "integer"}')
    runs = [batch("in.parquet", "-o", "out.parquet", "--schema", "schema.json") for _ in range(2)]
    found = parquet.read_table(llmo.home / "out.parquet").to_pylist()
    names = ("index", "status", "text", "data", "output_tokens", "input.text", "n", "list", "when")

    assert [0, 0] == [run.code for run in runs], runs
    assert [
        (0, "ok", "7", "7", 1, "a", "1", "[1]", "2026-01-02"),
        (1, "ok", "7", "7", 1, "b", None, None, None),
    ] == [tuple(row[name] for name in names) for row in found]
    assert not (llmo.home / "out.parquet.new").exists()


@pytest.mark.parametrize("name", ["out.parquet", "out.csv"])
def test_half_a_surrogate_pair_is_written_as_what_can_be_read(llmo, batch, name):
    """
    JSON can spell it, UTF-8 can't.
    """
    (llmo.home / "in.jsonl").write_text('{"text": "a", "odd": "x\\ud800y"}\n')
    run = batch("in.jsonl", "-o", name)

    assert 0 == run.code, run
    assert "x\ufffdy".encode() in (llmo.home / name).read_bytes()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        pytest.param(("in.jsonl", "-o", "out.parquet"), "llmo: writing Parquet needs pyarrow", id="out"),
        pytest.param(("in.parquet", "-o", "out.jsonl"), "llmo: reading Parquet needs pyarrow: in.parquet", id="in"),
    ],
)
def test_without_the_library_nothing_is_sent(llmo, batch, args, said):
    """
    It is said before the first row is paid, with the command that installs it.
    """
    (llmo.home / "in.jsonl").write_text('{"text": "a"}\n')
    (llmo.home / "in.parquet").write_bytes(b"")
    (llmo.home / "pyarrow.py").write_text("raise ImportError\n")
    run = batch(*args, env={"PYTHONPATH": "."})

    first, hint = run.stderr.splitlines()
    assert (2, said) == (run.code, first)
    assert re.fullmatch(r"hint: .* install .*pyarrow.*", hint)
    assert 0 == len(llmo("cost", "--by", "outcome", "--json").json["groups"])


def test_a_row_group_that_is_damaged_leaves_the_rows_before_it(tmp_path):
    """
    They are good, and one fault says after which of them it breaks.
    """
    path = tmp_path / "in.parquet"
    table = pa.table({"a": ["x" * 100] * 2000})
    parquet.write_table(table, path, compression="none", use_dictionary=False, row_group_size=1000)
    data = bytearray(path.read_bytes())
    at = parquet.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    data[at : at + 40] = bytes(range(40))
    path.write_bytes(data)
    with path.open("rb") as file:
        *good, broken = list(read_parquet(file, "in.parquet"))

    assert 0 < len(good) <= 1000
    assert broken.fault is not None
    assert broken.fault.message.startswith(f"broken Parquet: in.parquet:{len(good)}: ")
