"""Lines of an output that nobody would write: none crashes a resume, none is trusted, none is thrown away."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.batch.input.hash_table import SMALLEST
from llmo.batch.output import export, lines
from llmo.batch.output.journal import Journal, encoded
from llmo.batch.output.lines import ordinary, outcomes, trusted
from llmo.batch.reparse import reparse
from llmo.batch.resume.intents import Intents
from llmo.batch.resume.manifest import read as state_read
from llmo.batch.resume.recorded import Recorded
from llmo.errors import UsageError
from llmo.requests.validator import checked
from llmo.storage import line_reader
from tests import recorded

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Llmo

GOOD: dict[str, Any] = recorded.GOOD | {"usage": {"input_tokens": 1, "output_tokens": 2}}
PROFILE = 'model = "offline/echo"\n[providers.offline]\nkind = "offline"\n'


def line(**changes: Any) -> bytes:
    return encoded(GOOD | changes)


def without(name: str) -> bytes:
    return encoded({key: value for key, value in GOOD.items() if key != name})


BAD = {
    "id null": line(id=None),
    "id number": line(id=5),
    "id list": line(id=["r1"]),
    "id empty": line(id=""),
    "id missing": without("id"),
    "key null": line(key=None),
    "key no hex": line(key="xyz"),
    "key number": line(key=10**30),
    "key missing": without("key"),
    "index text": line(index="1"),
    "index negative": line(index=-1),
    "index huge": line(index=10**30),
    "index fraction": line(index=1.5),
    "index true": line(index=True),
    "status unknown": line(status="fine"),
    "status list": line(status=[]),
    "text number": line(text=5),
    "text missing": without("text"),
    "data missing": without("data"),
    "usage list": line(usage=[1]),
    "usage text": line(usage={"input_tokens": "many"}),
    "usage huge": line(usage={"input_tokens": 10**30}),
    "cost number": line(cost_usd=1.5),
    "cost text": line(cost_usd="free"),
    "cost negative": line(cost_usd="-1"),
    "error text": line(error="no", status="error"),
    "error without kind": line(error={}, status="error"),
    "error kind null": line(error={"kind": None, "message": ""}, status="error"),
    "input list": line(input=[]),
    "attempts huge": line(attempts=10**12),
    "list": b"[1]\n",
    "text": b'"r1"\n',
    "null": b"null\n",
    "number": b"5\n",
    "empty": b"\n",
    "words": b"hello\n",
    "cut": line()[:40] + b"\n",
    "joined": line()[:60] + line(id="r2"),
    "nul": line(text="x" * 40).replace(b"xxxx", b"\0\0\0\0"),
    "nul only": b"\0" * 4096 + b"\n",
    "not utf-8": line(text="x").replace(b'"x"', b'"\xff"'),
    "deep": b"[" * 100_000 + b"\n",
    "deep inside": line().replace(b'"data": null', b'"data": ' + b"[" * 100_000 + b"]" * 100_000),
    "digits": line().replace(b'"attempts": 1', b'"attempts": ' + b"1" * 5000),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_line_that_is_not_wholly_ours_is_not_trusted(tmp_path: Path, bad: bytes) -> None:
    """
    It counts as broken, its neighbors as they are; the row runs again.
    """
    path = tmp_path / "out.jsonl"
    path.write_bytes(line(id="a", index=0) + bad + line(id="z", index=2))
    found = Recorded()
    found.read(path)

    assert (None, 1) == (lines.trusted(bad), found.broken)
    assert ["done", "new", "done"] == [found.decide(name, GOOD["key"], None) for name in ("a", "r1", "z")]


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_rewritten_output_leaves_it_out_and_keeps_it_aside(tmp_path: Path, bad: bytes) -> None:
    """
    Whatever it is, it may have been paid for.
    """
    path, old = tmp_path / "out.jsonl", tmp_path / "old"
    path.write_bytes(line(id="z", index=2) + bad + line(id="a", index=0))
    export.rewrite(path, old, ordered=True)

    assert (line(id="a", index=0) + line(id="z", index=2), bad) == (path.read_bytes(), old.read_bytes())


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_it_harms_no_export(tmp_path: Path, bad: bytes) -> None:
    """
    A table has the rows that can be read.
    """
    path, target = tmp_path / "out.jsonl", tmp_path / "out.csv"
    path.write_bytes(line(id="a", index=0) + bad)
    export.export(path, target, "csv", kept=())

    assert ["id", "a"] == [row.split(",")[0] for row in target.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_an_output_that_ends_in_it_is_taken_up(tmp_path: Path, bad: bytes) -> None:
    """
    Only a torn end is cut off: a line that ends is somebody's.
    """
    path = tmp_path / "out.jsonl"
    path.write_bytes(line(id="a", index=0) + bad)
    journal = Journal(path)
    journal.close()

    assert (line(id="a", index=0) + bad, 0) == (path.read_bytes(), journal.cut)


def test_a_line_of_a_later_version_is_a_failure_like_any_other(tmp_path: Path) -> None:
    """
    Its kind is not known here.
    """
    path = tmp_path / "out.jsonl"
    path.write_bytes(line(status="error", error={"kind": "moonlight", "message": "m"}))
    found = Recorded()
    found.read(path)

    assert "retry" == found.decide("r1", GOOD["key"], None)


def test_positions_that_are_absurd_or_shared_come_last(tmp_path: Path) -> None:
    """
    Memory is for as many rows as there are lines.
    """
    path = tmp_path / "out.jsonl"
    places = {"far": 10**15, "b": 1, "also": 1, "a": 0}
    path.write_bytes(b"".join(line(id=name, index=index) for name, index in places.items()))

    assert ["a", "b", "far", "also"] == [json.loads(found)["id"] for found in export.lines(path, ordered=True)]


def test_the_last_line_of_an_id_counts(tmp_path: Path) -> None:
    """
    Unless it can't be trusted.
    """
    path = tmp_path / "out.jsonl"
    path.write_bytes(line(text="one") + line(text="two") + line(text=3))

    assert [line(text="two")] == list(export.lines(path, ordered=False))


def test_any_id_may_be_put_in_order_and_picked_by_its_end(tmp_path: Path) -> None:
    """
    Quotes, backslashes and letters of all languages; a comparison asks for the answers of one model.
    """
    path = tmp_path / "out.jsonl"
    names = ['b"@x/m', "a\\@y/m", "é\u2028@x/m", "d@x/m"]
    written = [line(id=name, index=9 - n) for n, name in enumerate(names)]
    path.write_bytes(b"".join(written))
    begins = [sum(map(len, written[:n])) for n in range(4)]

    assert begins[::-1] == list(lines.Last(path).ordered())
    assert [begins[3], begins[2], begins[0]] == list(lines.Last(path).ordered("@x/m"))


def test_a_line_is_found_wherever_in_its_stretch_it_begins(tmp_path: Path) -> None:
    """
    An answer that is not found again is paid for again.
    """
    for before in range(SMALLEST, 3 * SMALLEST):
        path = tmp_path / "out"
        path.write_bytes(b"x" * (before - 1) + b"\n" + line() + line(id="r2"))
        with path.open("rb") as file:
            assert line() == lines.line_in(file, before // SMALLEST)


def test_a_line_without_end_is_not_read_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It is passed over, and what follows is read.
    """
    monkeypatch.setattr(line_reader, "LONGEST_LINE", 1000)
    monkeypatch.setattr(line_reader, "PIECE", 64)
    path = tmp_path / "out.jsonl"
    long = line(text="x" * 5000)
    path.write_bytes(line(id="a") + long + line(id="z"))
    with path.open("rb") as file:
        found = list(line_reader.lines(file))

    assert [(0, line(id="a")), (len(line(id="a")), None), (len(line(id="a") + long), line(id="z"))] == found


@pytest.mark.parametrize(
    ("content", "left"),
    [
        pytest.param(line() + line(id="r2")[:-1], line() + line(id="r2"), id="only the break is missing"),
        pytest.param(line() + line(id="r2")[:-2], line(), id="torn"),
        pytest.param(line() + b"\0" * 5000, line(), id="zeros"),
        pytest.param(line() + b'{"id": null}', line() + b'{"id": null}\n', id="whole, not ours"),
        pytest.param(b'{"id": "a', b"", id="the only line is torn"),
        pytest.param(b'{"i', b"", id="right at its beginning"),
    ],
)
def test_a_torn_end_is_repaired(tmp_path: Path, content: bytes, left: bytes) -> None:
    """
    What has been cut within a line goes.
    """
    path = tmp_path / "out.jsonl"
    path.write_bytes(content)
    Journal(path).close()

    assert left == path.read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'{"id": "r1", "text": "an input"}\n', id="rows"),
        pytest.param(b"hello", id="text"),
        pytest.param(b"[" * 100_000 + b"\n", id="deep"),
        pytest.param(b'{"id": "r1"}\n' * 500 + line(), id="too late"),
        pytest.param(b'{"id": "r1"}\n{"id": "r', id="rows, torn"),
    ],
)
def test_a_file_of_somebody_else_is_refused_untouched(tmp_path: Path, content: bytes) -> None:
    """
    It would be appended to.
    """
    path = tmp_path / "notes"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="not an output of llmo batch"):
        Journal(path)

    assert content == path.read_bytes()


def test_a_file_of_one_endless_line_is_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Whatever it is, it is not read into memory to know.
    """
    monkeypatch.setattr(line_reader, "LONGEST_LINE", 1000)
    monkeypatch.setattr(line_reader, "PIECE", 64)
    path = tmp_path / "notes"
    path.write_bytes(b"x" * 5000)
    with pytest.raises(UsageError, match="not an output of llmo batch"):
        Journal(path)

    assert b"x" * 5000 == path.read_bytes()


@pytest.mark.parametrize(
    "content",
    [b"", b"9" * 5000 + b"\n+5\n", b"0\n+5\n", b"0\n+null\n", b"0\n+" + b"[" * 100_000, b"\xff\n", b"0\n\n"],
)
def test_marks_that_can_not_be_read_are_no_marks(tmp_path: Path, content: bytes) -> None:
    """
    Beside an output with lines that can't be trusted.
    """
    path, marks = tmp_path / "out.jsonl", tmp_path / "marks"
    path.write_bytes(line(id=None))
    marks.write_bytes(content)

    assert set() == Intents(marks).doubtful(path)


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b"[]", b'{"run": 5, "made_of": {}}', b'{"run": "x", "made_of": 5}', b"\xff"]
)
def test_a_state_that_can_not_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    """
    It only explains.
    """
    (tmp_path / "state").write_bytes(content)

    assert state_read(tmp_path / "state") is None


@given(content=st.binary(max_size=300) | st.lists(st.sampled_from([*BAD.values(), line()]), max_size=6).map(b"".join))
@settings(deadline=None, max_examples=50)
def test_whatever_an_output_holds_reading_it_ends_well(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """
    Every line is trusted or broken, and rewriting loses no byte.
    """
    place = tmp_path_factory.mktemp("any")
    path, old = place / "out.jsonl", place / "old"
    content = content.removesuffix(b"\n") + b"\n"
    path.write_bytes(content)
    Recorded().read(path)
    export.rewrite(path, old, ordered=True)
    kept = path.read_bytes() + (old.read_bytes() if old.exists() else b"")

    assert sorted(content.splitlines(keepends=True)) == sorted(kept.splitlines(keepends=True))


def test_a_batch_is_resumed_over_all_of_them(llmo: Llmo) -> None:
    """
    Exit 0, each row once, the broken lines counted and kept aside; paid rows are not paid again.
    """
    (llmo.home / "p.toml").write_text(PROFILE, "utf-8")
    rows = "".join(json.dumps({"id": f"r{n}", "prompt": f"row {n}"}) + "\n" for n in range(4))
    (llmo.home / "rows.jsonl").write_text(rows, "utf-8")
    args = ("-P", "p.toml", "batch", "rows.jsonl", "-o", "out.jsonl")
    llmo(*args)
    out = llmo.home / "out.jsonl"
    out.write_bytes(out.read_bytes() + b"".join(BAD.values()))
    again = llmo(*args)

    assert 0 == again.code, again
    assert (
        f"out.jsonl: {len(BAD)} lines cannot be trusted: their rows are sent again; kept in out.jsonl.llmo.old.jsonl\n"
        in again.stderr
    )
    assert "resuming out.jsonl: 4 rows are done" in again.stderr
    assert ["r0", "r1", "r2", "r3"] == sorted(json.loads(found)["id"] for found in out.read_bytes().splitlines())
    assert b"".join(BAD.values()) == (llmo.home / "out.jsonl.llmo.old.jsonl").read_bytes()
    with contextlib.closing(sqlite3.connect(llmo.home / "data" / "ledger.db")) as db:
        assert [(4,)] == db.execute("SELECT count(*) FROM calls").fetchall()


def test_validating_again_throws_no_answer_away(tmp_path: Path) -> None:
    """
    Replaced answers and lines that can't be trusted go where a resumed run puts them.
    """
    path = tmp_path / "out.jsonl"
    one, bad, two = line(text="1"), BAD["id null"], line(text="2")
    path.write_bytes(one + bad + two)
    found = reparse(path, checked({"type": "integer"}))

    assert ((1, 0), line(text="2", data=2)) == (found, path.read_bytes())
    assert sorted([one, bad]) == sorted((tmp_path / "out.jsonl.llmo.old.jsonl").read_bytes().splitlines(keepends=True))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param('"index": 7', '"index": 07', id="number"),
        pytest.param('"text": "a', '"text": "a\\x', id="escape"),
        pytest.param('"text": "a', '"text": "a\n', id="line break"),
        pytest.param('"text": "a', '"text": "a"', id="quote"),
        pytest.param('"error": null', '"error": nul', id="torn"),
        pytest.param('"cost_usd": "0.1"', '"cost_usd": "x"', id="cost"),
        pytest.param('"status": "ok"', '"status": "okay"', id="status"),
    ],
)
def test_an_ordinary_line_is_trusted_only_if_it_is_whole_and_json(tmp_path: Path, before: str, after: str) -> None:
    """The short way of reading takes nothing that the long way refuses, and says the same of what it takes."""
    good = (
        '{"id": "r", "index": 7, "key": "0123456789abcdef0123456789abcdef", "status": "ok", "text": "a\\u00e9 é\\n", '
        '"data": null, "tool_calls": [], "provider": "p", "model": "m/x:1", "finish_reason": "stop", '
        '"usage": {"input_tokens": 11, "output_tokens": 24}, "cost_usd": "0.1", "cost_source": "computed", '
        '"attempts": 1, "duration_s": 0.076, "error": null, "input": null}\n'
    )
    assert before in good
    path = tmp_path / "out.jsonl"
    path.write_bytes(good.encode() + good.replace(before, after, 1).encode() + good.encode("latin-1"))
    broken: list[int] = []
    found = list(outcomes(path, lambda begin, _: broken.append(begin)))

    assert [("r", "0123456789abcdef0123456789abcdef", None)] == found
    assert len(good.encode()) == broken[0]
    assert (trusted(good.encode()) or {})["id"] == "r"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
WRITTEN = ("id", "index", "key", "status", "text", "data", "tool_calls")
"""The first fields of a line in their order; an older version wrote no calls."""


def answer(**changes: Any) -> bytes:
    """A line as it is written."""
    good = GOOD | {"tool_calls": []}
    return encoded({name: good[name] for name in dict.fromkeys([*WRITTEN, *good])} | changes)


@given(text=st.text(), data=JSON, name=st.text(min_size=1), calls=st.lists(JSON, max_size=2))
@settings(deadline=None)
def test_the_short_way_of_reading_says_what_the_long_way_says(
    text: str, data: Any, name: str, calls: list[Any]
) -> None:
    """Whatever the model said; ids that are spelled with escapes go the long way."""
    written = answer(id=name, text=text, data=data, tool_calls=calls)
    whole = trusted(written)

    assert whole is not None
    assert (whole["text"], whole["data"]) == (text, data)
    assert ordinary(written) in ((whole["id"], whole["key"]), None)


@pytest.mark.parametrize("said", [{}, {"text": "é\n" * 5000}, {"data": {"a": [1, {"b": None}]}}, {"tool_calls": [{}]}])
def test_answers_are_read_the_short_way(said: dict[str, Any]) -> None:
    """Texts of any length, data and calls."""
    assert ordinary(answer(**said)) == (GOOD["id"], GOOD["key"])


@given(
    at=st.integers(0, 400), size=st.integers(0, 3), put=st.binary(max_size=3) | st.sampled_from([b'"', b"\\", b", "])
)
@settings(deadline=None, max_examples=300)
def test_the_short_way_of_reading_takes_nothing_that_the_long_way_refuses(at: int, size: int, put: bytes) -> None:
    """A line that was damaged anywhere."""
    written = answer(text='a "quoted" text\n', data={"n": [1, 2.5]})
    damaged = written[:at] + put + written[at + size :]
    found, whole = ordinary(damaged), trusted(damaged)

    assert found is None or (whole is not None and found == (whole["id"], whole["key"]) and whole["status"] == "ok")
