"""The history as a whole: summaries, turns, what an id finds, and what a deletion leaves."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from llmo.errors import UsageError
from llmo.storage.answers import StoredAnswers
from llmo.storage.archive import Archive
from llmo.storage.history import History
from llmo.types.clock import SystemClock
from llmo.types.messages import Message
from llmo.types.money import DOLLAR

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "heliotrope"


class Ticking:
    """Each look at the clock is a second later."""

    def __init__(self) -> None:
        self._at = 1.7e9

    def now(self) -> float:
        self._at += 1
        return self._at


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "history.db", Ticking())


def add(history: History, name: str, asked: str, answer: str = "fine", **more: object) -> None:
    more = {"target": "a/m", "retention_days": 0, "cost": DOLLAR, **more}
    history.append(name, [Message("user", asked), Message("assistant", answer)], **more)  # type: ignore[arg-type]


def test_a_summary_adds_up_a_conversation(history: History) -> None:
    """
    The known costs, how many are unknown, who answered last, and how the first prompt begins.
    """
    add(history, "one", "x" * 1000)
    add(history, "one", "more", target="b/n", cost=None)
    (found,) = Archive(history).summaries()

    assert ("one", 4, "b/n", DOLLAR, 1, "x" * 400) == (
        found.id, found.turns, found.target, found.cost, found.unpriced, found.first,
    )  # fmt: skip


def test_turns_know_their_cost_and_their_failure(history: History) -> None:
    """
    Both belong to the answer.
    """
    add(history, "one", "hello", error="timeout", cost=7)
    asked, answer = Archive(history).turns("one")

    assert [("user", None, None, None), ("assistant", "a/m", 7, "timeout")] == [
        (one.role, one.target, one.cost, one.error) for one in (asked, answer)
    ]


@pytest.mark.parametrize("part", ["01AAAA0000", "01AAAA0000BBBB", "0000bbbb", "01aa"])
def test_an_id_may_be_shortened_at_either_end(history: History, part: str) -> None:
    """
    Without regard to capitals, while it means one conversation only.
    """
    add(history, "01AAAA0000BBBB", "hello")
    add(history, "02CCCC0000DDDD", "hello")

    assert history.resolve(part) == "01AAAA0000BBBB"


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ("", "unknown conversation: "),
        ("01A", "unknown conversation: 01A"),
        ("%___", "unknown conversation: %___"),
        ("\udcff1234", "unknown conversation: "),
        ("01AA", "2 ids begin or end with 01AA"),
    ],
)
def test_a_part_that_means_none_or_several_is_refused(history: History, part: str, why: str) -> None:
    """
    Four characters are the least.
    """
    add(history, "01AAAA", "hello")
    add(history, "01AABB", "hello")

    with pytest.raises(UsageError) as refused:
        history.resolve(part)

    assert refused.value.message.startswith(why)


def test_the_id_of_an_answer_finds_it_with_its_prompt(history: History) -> None:
    """
    The id of a prompt finds the prompt alone.
    """
    add(history, "one", "first")
    add(history, "one", "second")
    turns = Archive(history).turns("one")

    assert ("one", turns[2:]) == Archive(history).find(turns[3].id)
    assert ("one", turns[2:3]) == Archive(history).find(turns[2].id)
    assert ("one", turns) == Archive(history).find(None)


def cache(history: History, **texts: str) -> None:
    """Keep answers by their keys."""
    with contextlib.closing(StoredAnswers(history, SystemClock())) as stored:
        for key, text in texts.items():
            stored.keep(key, {"text": text})


def test_what_is_deleted_is_in_no_file(history: History, tmp_path: Path) -> None:
    """
    Not in free pages, not in the log, not in the index, not in the cache; what isn't deleted is still found.
    """
    add(history, "one", f"say {SECRET}", f"{SECRET} it is")
    add(history, "two", "keep me", "kept")
    cache(history, k1=f"{SECRET} it is", k2="kept")
    assert [one.id for one in Archive(history).summaries(SECRET)] == ["one"]

    assert history.erase(["one"]) == 2

    assert [path.name for path in tmp_path.iterdir() if SECRET.encode() in path.read_bytes()] == []
    assert ([], ["two"]) == tuple([one.id for one in Archive(history).summaries(q)] for q in (SECRET, "keep"))
    with contextlib.closing(StoredAnswers(history, SystemClock())) as stored:
        k1, k2 = stored.find("k1", 99.0), stored.find("k2", 99.0)
    assert (None, {"text": "kept"}) == (k1, None if k2 is None else k2.body)


def test_everything_can_be_deleted(history: History, tmp_path: Path) -> None:
    """
    The cache as well.
    """
    add(history, "one", SECRET)
    cache(history, key=SECRET)

    assert (2, []) == (history.erase_all(), Archive(history).summaries())
    assert [path.name for path in tmp_path.iterdir() if SECRET.encode() in path.read_bytes()] == []


def test_texts_that_expire_leave_the_index_too(history: History, tmp_path: Path) -> None:
    """
    A prune is a deletion.
    """
    add(history, "one", SECRET)
    Archive(history).summaries(SECRET)
    history.prune(1e12)

    assert not history.index_path.exists()


def test_answers_of_older_versions_have_no_known_cost(history: History, tmp_path: Path) -> None:
    """
    A file of version 3 is read and added to.
    """
    add(history, "one", "hello")
    with contextlib.closing(sqlite3.connect(tmp_path / "history.db")) as db:
        db.executescript("DROP TABLE spent; PRAGMA user_version = 3;")
    add(history, "one", "again")
    (found,) = Archive(history).summaries()

    assert (DOLLAR, 1) == (found.cost, found.unpriced)
