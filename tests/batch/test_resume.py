"""What an output that is there already means for each row, in one process and without sending anything."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import pytest

from llmo.batch.input import identity
from llmo.batch.input.hash_table import SMALLEST, Counts, HashTable, Places
from llmo.batch.input.identity import Identity, Keys, answer_key, content_id, field_id, lasting, short
from llmo.batch.input.requests import RowRequest
from llmo.batch.input.rows import Row
from llmo.batch.input.stream import WAITING
from llmo.batch.output.journal import encoded
from llmo.batch.resume.feed import Feed
from llmo.batch.resume.recorded import KINDS, PAID, PAUSED, WORDS, Recorded, paid
from llmo.batch.stats import RunStats
from llmo.errors import UsageError
from llmo.types.messages import Message, Request
from tests.recorded import GOOD, KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from llmo.batch.input.stream import Waiting
    from llmo.batch.resume.recorded import Decision
    from llmo.types.jsontext import Json
    from tests.conftest import Llmo

PROFILE = 'model = "offline/echo"\n[providers.offline]\nkind = "offline"\n'
CONTENT, PLAIN = "711ca9d738b3975f82200417c1dac176", "59aac68566c30323d632898131e07e4b"
OWN, SHORT = "60aec95d905a562f1a2a099372ba0f59", 0x5B92945B29C480FB
COMPARED = "2eb93c400228001f13271ddb2f9d2c9a"
"""What the code of November 2026 made of the same rows."""
OTHER = "0a1b" * 8
Finished: TypeAlias = "Callable[..., tuple[dict[str, Json], bool]]"


def line(name: str = "r1", word: str = "ok", key: str = KEY) -> bytes:
    """A line that ended so: a status, or the kind of its error."""
    statuses = {"invalid_output": "invalid", "content_refused": "refused", PAUSED: "truncated"}
    known = ("ok", "truncated", "refused", "unknown")
    failed = word not in ("ok", "truncated", "refused")
    kind = "incomplete" if word in ("unknown", PAUSED) else word
    return encoded(
        GOOD
        | {
            "id": name,
            "key": key,
            "status": word if word in known else statuses.get(word, "error"),
            "error": {"kind": kind, "message": "no"} if failed else None,
        }
    )


def recorded(path: Path, *lines: bytes) -> Recorded:
    path.write_bytes(b"".join(lines))
    found = Recorded()
    found.read(path)
    return found


def expected(word: str, retry: str | None) -> Decision:
    """The rule of the manual, spelled out."""
    if word in ("ok", "refused"):
        return "done"
    if retry == word or (retry == "truncated" and word == PAUSED):
        return "retry"
    if word == "truncated":
        return "done"
    if word in PAID:
        return "failed"
    if retry == "all":
        return "retry"
    return "retry" if retry is None and word != "unknown" else "failed"


@pytest.mark.parametrize("retry", [None, "all", *KINDS])
def test_each_outcome_is_done_failed_or_tried_again_as_the_flag_says(tmp_path: Path, retry: str | None) -> None:
    """Failures that cost nothing run again by themselves, paid and doubtful answers only where they are named."""
    words = ["ok", "refused", *WORDS]
    found = recorded(tmp_path / "out", *(line(word, word) for word in words))
    decided = {word: found.decide(word, KEY, retry) for word in words}

    assert decided == {word: expected(word, retry) for word in words}
    assert decided == {word: found.decide(word, KEY, retry) for word in words}
    assert (len(words), 0) == (len(found.table), found.broken)


@pytest.mark.parametrize("word", ["ok", "truncated", "rate_limited", "invalid_output", "unknown"])
def test_a_row_that_asks_something_else_now_runs_again(tmp_path: Path, word: str) -> None:
    """Whatever its old answer was; an id that was never seen is new."""
    found = recorded(tmp_path / "out", line("r1", word), line("gone"))

    assert ("changed", "new") == (found.decide("r1", OTHER, None), found.decide("r2", KEY, None))


def test_keys_that_differ_in_one_bit_are_not_the_same(tmp_path: Path) -> None:
    """In the first and in the last of the digits that are kept beside the code."""
    key = "0" * 13 + "1" + "0" * 18
    found = recorded(tmp_path / "out", line("r", "unknown", key))
    others = ["8" + key[1:], "0" * 12 + "11" + "0" * 18, "0" * 32]

    assert [found.decide("r", other, None) for other in others] == ["changed"] * 3
    assert found.decide("r", key, None) == "failed"


def test_the_last_word_on_an_id_counts(tmp_path: Path) -> None:
    """A failure that was made good is done, a line that is torn counts as none and is counted itself."""
    found = recorded(tmp_path / "out", line("a", "timeout"), line("a"), line("b"), line("b", "timeout"), b'{"id": "c\n')

    assert ("done", "retry", "new") == tuple(found.decide(name, KEY, None) for name in "abc")
    assert (1, 2) == (found.broken, len(found.table))


@pytest.mark.parametrize("word", ["ok", "refused", *WORDS])
@pytest.mark.parametrize("retry", [None, "all", "truncated", "invalid_output"])
def test_an_answer_that_is_paid_for_is_there_for_equal_rows(tmp_path: Path, word: str, retry: str | None) -> None:
    """Where its line begins; a failure that cost nothing is no answer, nor one that is bought again."""
    first = line("other", key=OTHER)
    (tmp_path / "out").write_bytes(first + line("r1", word))
    answers = Places(paid(tmp_path / "out", retry))
    kept = word in ("ok", "refused") or (word in PAID and word != retry and (word, retry) != (PAUSED, "truncated"))

    assert answers.get(int(KEY[:16], 16)) == (len(first) // SMALLEST if kept else None)
    assert answers.get(int(OTHER[:16], 16)) == 0


def test_equal_rows_that_are_bought_again_do_not_get_the_old_answer(llmo: Llmo) -> None:
    """One of them is sent, the others get its new answer."""
    (llmo.home / "p.toml").write_text(PROFILE)
    (llmo.home / "rows.jsonl").write_text('"a"\n"a"\n"b"\n')
    args = ("-P", "p.toml", "batch", "rows.jsonl", "-o", "out.jsonl", "--max-tokens", "4", "--progress", "none")
    for more in ((), ("--retry-errors=truncated",)):
        llmo(*args, *more)
    rows = [json.loads(one) for one in (llmo.home / "out.jsonl").read_text().splitlines()]

    assert sorted((row["status"], row["attempts"], row["cost_source"]) for row in rows) == [
        ("truncated", 0, "cached"),
        ("truncated", 1, "local"),
        ("truncated", 1, "local"),
    ]


def row(index: int = 0, fault: UsageError | None = None, **fields: Json) -> Row:
    return Row(index, fields, name="in", number=index + 1, text="broken" if fault else None, fault=fault)


def test_equal_rows_without_an_id_are_numbered() -> None:
    """The first has no number; a second pass counts from the beginning again."""
    rows = [row(0, a=1), row(1, a=2), row(2, a=1), row(3, a=1)]
    one, two = content_id(rows[0]), content_id(rows[1])

    for _ in range(2):
        named = Identity(None)
        assert [named(each) for each in rows] == [(one, None), (two, None), (f"{one}-2", None), (f"{one}-3", None)]


def test_an_id_that_comes_twice_names_the_first_row_only() -> None:
    """The second and one without an id are named by what they hold, and say what is wrong."""
    rows = [row(0, id="x", a=1), row(1, id="x", a=2), row(2, a=3), row(3, id=7), row(4, UsageError("torn"))]
    named = Identity("id")
    found = [named(each) for each in rows]

    assert [name for name, _ in found] == ["x", content_id(rows[1]), content_id(rows[2]), "7", content_id(rows[4])]
    assert [error and error.message for _, error in found] == [
        None,
        "duplicate id: x: in:2",
        "no id: in:3: id",
        None,
        "torn",
    ]
    assert [error and error.hint for _, error in found[1:3]] == [
        "use --id-field with a field that is unique in every row",
        "use a field with text or a whole number; fields of this row: a",
    ]


@pytest.mark.parametrize(
    ("value", "name"),
    [("a", "a"), (0, "0"), (-7, "-7"), (True, None), (False, None), ("", None), (None, None), (1.5, None), ([], None)],
)
def test_an_id_is_a_text_or_a_whole_number(value: Json, name: str | None) -> None:
    """A truth value is none, nor an empty text."""
    assert field_id(row(id=value), "id") == name


def test_ids_and_keys_stay_what_they_were() -> None:
    """An output of last month is resumed: another spelling would pay for all of it again."""
    keys = Keys(choice={"model": ["p/m"]}, params={"seed": 1}, schema={"type": "object"})
    request = Request((Message("system", "be brief"), Message("user", "hé\ud800")), stream=False)

    assert content_id(row(b="é", a=1)) == CONTENT
    assert keys(request) == PLAIN
    assert keys(request, {"model": "x"}) == OWN
    assert answer_key(KEY, "p/m") == COMPARED
    assert lasting("r1\ud800") == SHORT


def test_a_table_keeps_the_last_value_and_finds_only_what_is_in_it() -> None:
    """Also for neighbors in one bucket and at both ends."""
    table = HashTable()
    for key, value in [(5, 1), (3, 2), (5, 3), (2**64 - 1, 4), (0, 5), (9, 0)]:
        table.set(key, value)

    assert [table.get(key) for key in (0, 3, 4, 5, 9, 10, 2**64 - 1, 2**63)] == [5, 2, None, 3, 0, None, 4, None]
    assert (5, True, False) == (len(table), 3 in table, 4 in table)


def test_counts_say_how_often_something_came_before() -> None:
    """Each hash for itself."""
    counts = Counts()

    assert [counts.add(key) for key in (5, 3, 5, 2**64 - 1, 5, 3)] == [0, 0, 1, 0, 2, 1]


class Asks:
    """Makes a request of a row's text; models are compared when targets are compared."""

    def __init__(self, *compared_targets: str) -> None:
        self.compared_targets = compared_targets

    def late(self, one: Row, fault: UsageError | None = None) -> tuple[RowRequest, ...]:
        request = Request((Message("user", str(one.fields.get("text"))),), stream=False)
        asked = [
            RowRequest(request, KEY, model=compared_target, compared_target=compared_target, fault=fault)
            for compared_target in self.compared_targets
        ]
        return tuple(asked) or (RowRequest(request, KEY, fault=fault),)


def feed(
    found: Recorded, rows: Sequence[Row | Waiting], *compared_targets: str, retry: str | None = None
) -> tuple[Feed, RunStats, list[Mapping[str, Json] | str]]:
    failed: list[Mapping[str, Json] | str] = []
    stats = RunStats(total=len(rows))
    made = Feed(
        rows=rows,
        builder=Asks(*compared_targets),  # type: ignore[arg-type]  # what is asked of it
        identity=Identity("id"),
        recorded=found,
        retry=retry,
        stats=stats,
        failed=failed.append,
    )
    return made, stats, failed


def test_what_is_done_is_skipped_and_what_stays_failed_is_heard_of(tmp_path: Path) -> None:
    """Each row that is sent has its place in the input and its own turn; a row that can't be sent keeps its fault."""
    found = recorded(tmp_path / "out", line("a"), line("b", "invalid_output"), line("d", "timeout"))
    torn = UsageError("torn")
    made, stats, failed = feed(found, [*(row(n, id=name) for n, name in enumerate("abcd")), row(4, torn)])
    sent = [work for work in made if work is not None]

    assert [(work.identity[:2], work.seq, work.fault) for work in sent] == [
        (("c", 2), 0, None),
        (("d", 3), 1, None),
        ((content_id(row(4, torn)), 4), 2, torn),
    ]
    assert [work.apart for work in sent] == [{"id": "c"}, {"id": "d"}, "broken"]
    assert [(work.key, work.fields) for work in sent] == [(KEY, {"id": "c"}), (KEY, {"id": "d"}), (KEY, {})]
    assert (failed, stats.skipped, stats.kept_failed, stats.left) == ([{"id": "b"}], 1, 1, 3)


def test_rows_are_counted_by_what_the_output_had_of_them(tmp_path: Path) -> None:
    """Done, failed for good, asked something else since, failed and run again; a new row is none of them."""
    lines = [line("a"), line("b"), line("c", "unknown"), line("d", key=OTHER), line("e", "timeout"), line("gone")]
    made, stats, _ = feed(recorded(tmp_path / "out", *lines), [row(n, id=name) for n, name in enumerate("abcdef")])

    assert [work.name for work in made if work is not None] == ["d", "e", "f"]
    assert (stats.skipped, stats.kept_failed, stats.changed, stats.resent, stats.recorded) == (2, 1, 1, 1, 5)


def test_paid_failures_are_sent_where_they_are_named(tmp_path: Path) -> None:
    """With what they ask; a failure of another kind stays as it is."""
    found = recorded(tmp_path / "out", line("a", "timeout"), line("b", "invalid_output"))
    rows = [row(0, id="a", text="what?"), row(1, id="b", text="why?")]
    made, stats, failed = feed(found, rows, retry="invalid_output")
    sent = [(work.name, work.request.messages[0].text) for work in made if work is not None]

    assert (sent, failed, stats.kept_failed) == ([("b", "why?")], [rows[0].fields], 1)


def test_a_failed_row_of_a_comparison_is_heard_of_once(tmp_path: Path) -> None:
    """Whether it failed before or fails now, however many models it was asked."""
    lines = [line(f"a@{compared_target}", "invalid_output") for compared_target in ("x/m", "y/m")]
    made, stats, failed = feed(recorded(tmp_path / "out", *lines), [row(0, id="a"), row(1, id="b")], "x/m", "y/m")
    sent = [work for work in made if work is not None]

    assert (failed, stats.kept_failed) == ([{"id": "a"}], 2)
    assert [(work.name, work.model, work.first()) for work in sent] == [("b@x/m", "x/m", True), ("b@y/m", "y/m", False)]


def test_others_are_heard_while_many_rows_are_skipped(tmp_path: Path) -> None:
    """Once every 256."""
    made, stats, _ = feed(recorded(tmp_path / "out", line("a")), [row(n, id="a") for n in range(1)])
    assert (list(made), stats.skipped) == ([], 1)

    names = [str(n) for n in range(600)]
    found = recorded(tmp_path / "out", *map(line, names))
    made, stats, _ = feed(found, [row(n, id=name) for n, name in enumerate(names)])
    assert (list(made), stats.skipped, stats.left) == ([None, None], 600, 0)


def test_the_number_of_answers_is_told_as_it_becomes_known(tmp_path: Path) -> None:
    """At the first row, at each pause, once every 256 rows and at the end; a comparison has one for each model."""
    known = iter([(300, True), (310, True), (320, True), (301, False)])
    rows = [row(n, id=str(n)) for n in range(301)]
    made, stats, _ = feed(recorded(tmp_path / "out"), [rows[0], WAITING, *rows[1:]], "x/m", "y/m")
    told = [(work and work.index, stats.total) for work in replace(made, total=lambda: next(known))]

    assert [(0, 600), (0, 600), (None, 620), (1, 620)] == told[:4]
    assert [(255, 620), (256, 640), (300, 640)] == [told[2 * n + 1 + 1] for n in (255, 256, 300)]
    assert (602, False) == (stats.total, stats.estimated)
    alone, stats, _ = feed(recorded(tmp_path / "out"), rows)
    list(replace(alone, total=lambda: (310, True)))
    assert (310, True) == (stats.total, stats.estimated)


def test_a_table_has_the_names_of_all_rows_also_of_those_that_were_done(tmp_path: Path) -> None:
    """In the order in which they came, and of so many that memory is none of it."""
    columns: dict[str, None] = {}
    wide: dict[str, Json] = {str(n): n for n in range(1000)}
    rows = [row(0, id="a", x=1), row(1, id="b", y=2), Row(2, wide, name="in", number=3, text=None), row(3, z=3)]
    made, _, _ = feed(recorded(tmp_path / "out", line("a")), rows)
    sent = [work for work in replace(made, columns=columns) if work is not None]

    assert ["id", "x", "y", *wide] == list(columns)
    assert len(sent) == 3


def test_a_row_that_may_have_been_sent_comes_with_that_doubt(tmp_path: Path) -> None:
    """By its id, and no other row does."""
    made, _, _ = feed(recorded(tmp_path / "out"), [row(n, id=name) for n, name in enumerate("abc")])
    found = replace(made, doubtful=frozenset("bx"))

    assert [("a", False), ("b", True), ("c", False)] == [(work.name, work.doubtful) for work in found if work]


def test_counts_know_what_a_table_holds() -> None:
    """Each of its hashes is met once; a second pass begins anew."""
    table = HashTable()
    for key in (*range(20), 2**64 - 1):
        table.set(key, 0)
    for _ in range(2):
        counts = Counts(table)

        assert [counts.add(key) for key in (5, 30, 5, 2**64 - 1, 19, 30, 5, 4)] == [0, 0, 1, 0, 0, 1, 2, 0]


def test_an_id_has_64_bits_where_python_has_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own hashes would be equal for two of a million rows."""
    assert 0 <= short("r1") < 2**64
    monkeypatch.setattr(identity, "WIDE", False)

    assert short("r1\ud800") == SHORT


def test_answers_are_looked_up_once_a_row_is_sent(tmp_path: Path) -> None:
    """A finished output is read once; others are heard while it is read again."""
    lines = [line(str(n), key=f"{n << 64:032x}") for n in range(1500)]
    found = recorded(tmp_path / "out", *lines)
    places = Places(paid(tmp_path / "out", None))
    made, _, _ = feed(found, [row(0, id="new")])
    made = replace(made, answers=places)
    taken = [work and work.name for work in made]

    assert taken == [None, "new"]
    assert (places.get(0), places.get(7)) == (0, 7 * len(lines[7]) // SMALLEST)


def test_an_output_that_is_gone_has_no_answers(tmp_path: Path) -> None:
    """The run finds out by itself, before it sends anything."""
    assert Places(paid(tmp_path / "out", None)).get(0) is None


def written(name: str, key: str, more: bytes = b"") -> bytes:
    """A line as earlier versions wrote it."""
    return (
        b'{"id": "%b", "index": 0, "key": "%b", "status": "ok", "text": "Yes.", "data": null, %b"provider": "offline", '
        b'"model": "echo", "finish_reason": "stop", "usage": {"input_tokens": 4, "output_tokens": 15}, '
        b'"cost_usd": "0", "cost_source": "local", "attempts": 1, "duration_s": 0.063, "error": null, "input": null}\n'
    ) % (name.encode(), key.encode(), more)


@pytest.mark.parametrize("more", [b"", b'"tool_calls": [], '], ids=["before there were calls", "with calls"])
@pytest.mark.parametrize(
    ("flags", "lines"),
    [
        (
            ("--system", "be brief", "--max-tokens", "50"),
            {"a": "33e667aa2df764a9477f89182177c4f3", "b": "37c3847517373079bbbd0aa77780e356"},
        ),
        (
            ("--compare", "-m", "offline/echo", "-m", "offline/echo-large"),
            {
                "a@offline/echo": "b434cff43cde25cfdd02c26d4d183c87",
                "a@offline/echo-large": "8cb98d8307acd6c54d652add43a0bcc3",
                "b@offline/echo": "51ebfe658d731e82be4cd79172e803ae",
                "b@offline/echo-large": "6966bc12b601ed882e2b3f217c5083ea",
            },
        ),
    ],
    ids=["plain", "comparison"],
)
def test_an_output_of_an_earlier_version_is_resumed(
    llmo: Llmo, flags: tuple[str, ...], lines: dict[str, str], more: bytes
) -> None:
    """Byte for byte as it was written then: nothing is sent again."""
    (llmo.home / "p.toml").write_text(PROFILE)
    (llmo.home / "rows.jsonl").write_text('{"id": "a", "q": "one"}\n{"id": "b", "q": "two"}\n')
    journal = llmo.home / ("out.jsonl.llmo.jsonl" if "--compare" in flags else "out.jsonl")
    before = b"".join(written(name, key, more) for name, key in lines.items())
    journal.write_bytes(before)
    again = llmo("-P", "p.toml", "batch", "rows.jsonl", "--prompt", "say {{ q }}", "-o", "out.jsonl", *flags)

    assert again.code == 0, again
    assert f"{len(lines)} {'answers' if '--compare' in flags else 'rows'} are done" in again.stderr
    assert journal.read_bytes() == before


@pytest.mark.parametrize(
    ("retry", "settled"), [(None, 4), ("all", 3), ("timeout", 4), ("invalid_output", 4), ("unknown", 4)]
)
def test_a_long_resume_expects_what_will_not_be_sent_again(tmp_path: Path, retry: str | None, settled: int) -> None:
    """Where the bar begins: answers and failures that are not retried."""
    lines = [line("a"), line("b", "invalid_output"), line("c", "timeout"), line("d", "unknown"), line("e", "timeout")]
    found = recorded(tmp_path / "out", *lines, line("e"))

    assert found.settled(retry) == settled
    assert sum(found.decide(name, KEY, retry) in ("done", "failed") for name in "abcde") == settled
    assert recorded(tmp_path / "out", line("a"), line("b")).settled(retry) == 2


def test_rows_that_were_expected_to_be_done_and_are_not_leave_the_bar() -> None:
    """As far as all rows are known: none is counted twice, and at the end only those that were skipped are."""
    expected = RunStats(expected_skips=5, total=8, estimated=True)
    known = RunStats(expected_skips=5, total=8, skipped=2, done=3, in_flight=1)
    over = RunStats(expected_skips=5, total=8, skipped=2, kept_failed=1, done=5)

    assert (expected.finished_before, known.finished_before, over.finished_before) == (5, 4, 3)


@pytest.fixture
def finished(llmo: Llmo) -> Finished:
    """Runs the same batch over three rows; its report, and whether it knew without reading that all are done."""
    (llmo.home / "p.toml").write_text(PROFILE)
    (llmo.home / "rows.jsonl").write_text('{"id": "a", "q": "x"}\n{"id": "b", "q": "y"}\n{"id": "c", "q": "z"}\n')
    args = ("-P", "p.toml", "batch", "rows.jsonl", "-o", "out.jsonl", "--progress", "none", "--report", "-")

    def run(*more: str, prompt: str = "{{ q }}") -> tuple[dict[str, Json], bool]:
        ended = llmo(*args, "--prompt", prompt, *more)
        assert ended.stdout, ended.stderr
        return ended.json, "no file has changed" in ended.stderr

    return run


def test_a_finished_output_is_not_read_by_the_command_that_finished_it(finished: Finished, llmo: Llmo) -> None:
    """What is said of it is what reading would say; also a resume that had to read leaves it so."""
    finished()
    known = finished()
    os.utime(llmo.home / "out.jsonl", (1, 1))
    read, again = finished(), finished()
    same = [{**report, "seconds": 0, "run": ""} for report, _ in (known, read, again)]

    assert [True, False, True] == [known[1], read[1], again[1]]
    assert same[0] == same[1] == same[2]
    assert (3, 3, 0) == (same[0]["rows"], same[0]["skipped"], same[0]["left"])


def edited(path: Path) -> None:
    """Another text of the same length, under the old date."""
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b'"id": "b"', b'"id": "d"'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def copied(path: Path) -> None:
    """The same bytes and the same date in another file."""
    shutil.copy2(path, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def torn(path: Path) -> None:
    """The last line is half there."""
    os.truncate(path, path.stat().st_size - 20)


def twice_over(path: Path) -> None:
    """The file behind itself."""
    path.write_bytes(path.read_bytes() * 2)


@pytest.mark.parametrize(
    ("change", "name", "sent"),
    [
        (edited, "out.jsonl", 1),
        (copied, "out.jsonl", 0),
        (torn, "out.jsonl", 1),
        (twice_over, "out.jsonl", 0),
        (edited, "rows.jsonl", 1),
        (copied, "rows.jsonl", 0),
        (twice_over, "rows.jsonl", None),
    ],
)
def test_whatever_is_done_to_the_files_of_a_finished_run_is_seen(
    finished: Finished, llmo: Llmo, change: Callable[[Path], None], name: str, sent: int | None
) -> None:
    """They are read, and what is missing is sent."""
    finished()
    change(llmo.home / name)
    if sent is None:
        with pytest.raises(
            AssertionError, match="duplicate id"
        ):  # two rows of one id are refused before anything is reported
            finished()
        return
    report, known = finished()

    assert (False, sent) == (known, report["done"])


def test_another_command_reads_a_finished_output(finished: Finished) -> None:
    """Another prompt asks all rows again; other flags find them done."""
    finished()
    flagged, known_by_flag = finished("--retry-errors=all")
    asked, known_by_prompt = finished(prompt="{{ q }}!")

    assert (False, 0, False, 3) == (known_by_flag, flagged["done"], known_by_prompt, asked["done"])


def test_an_output_with_a_cut_answer_or_a_row_too_many_is_never_taken_for_finished(
    finished: Finished, llmo: Llmo
) -> None:
    """The answer may be bought again, and the row is told of."""
    cut = [finished("--max-tokens", "1")[1] for _ in range(2)]
    finished()
    (llmo.home / "rows.jsonl").write_text('{"id": "a", "q": "x"}\n{"id": "b", "q": "y"}\n')
    finished()
    fewer = finished()

    assert cut == [False, False]
    assert (False, 2) == (fewer[1], fewer[0]["skipped"])
