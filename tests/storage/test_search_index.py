"""Conversations are found by their words, the same with an index and without one."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from llmo.storage import search_index
from llmo.storage.archive import Archive
from llmo.storage.history import History
from llmo.types.messages import Message
from tests.virtual import VirtualClock

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = {
    "rivers": ["Name three rivers of Europe.", "Rhine, Danube, Volga"],
    "code": ["What is C++? And foo_bar(x)?", "A language."],
    "tokyo": ["東京の天気は", "晴れ"],
    "vienna": ["Wie ist das Café in ÖSTERREICH?", "AND then: NOT nice, text:none *"],
}
ASKED = [
    ("rivers", {"rivers"}),
    ("RIV", {"rivers"}),
    ("ivers", set()),
    ("rhine europe", {"rivers"}),
    ("rhine vienna", set()),
    ('"three rivers"', {"rivers"}),
    ('"rivers three"', set()),
    ("c++", {"code"}),
    ("foo_bar(", {"code"}),
    ("bar", {"code"}),
    ("天気", {"tokyo"}),
    ("cafe", {"vienna"}),
    ("café", {"vienna"}),
    ("österreich", {"vienna"}),
    ("osterr", {"vienna"}),
    ("AND NOT", {"vienna"}),
    ("text:none", {"vienna"}),
    ("*", {"vienna"}),
    ('"', set()),
    ('""', set()),
    ("\udcff", set()),
    ("%", set()),
    ("1" * 10_000, set()),
]


@pytest.fixture
def history(tmp_path: Path) -> History:
    made = History(tmp_path / "history.db", VirtualClock())
    for name, texts in TEXTS.items():
        turns = [Message("user", texts[0]), Message("assistant", texts[1])]
        made.append(name, turns, target="a/m", retention_days=0)
    return made


def found(history: History, query: str) -> set[str]:
    return {one.id for one in Archive(history).summaries(query)}


@pytest.mark.parametrize(("query", "expected"), ASKED)
def test_a_query_finds_conversations_with_all_its_words(history: History, query: str, expected: set[str]) -> None:
    """
    Nothing in a query is an operator but double quotes.
    """
    assert found(history, query) == expected


@pytest.mark.parametrize(("query", "expected"), ASKED)
def test_a_sqlite_without_fts5_finds_the_same(
    history: History, query: str, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The texts are read instead.
    """
    monkeypatch.setattr(search_index, "_SETUP", "CREATE VIRTUAL TABLE words USING nowhere(text);")

    assert (expected, False) == (found(history, query), history.index_path.exists())


def test_a_search_indexes_what_came_since_the_last_one(history: History) -> None:
    """
    Only the new turns are written.
    """
    assert found(history, "elbe") == set()
    history.append("more", [Message("user", "The Elbe too")], target="a/m", retention_days=0)

    assert found(history, "elbe") == {"more"}
    with contextlib.closing(sqlite3.connect(history.index_path)) as index:
        assert index.execute("SELECT count(*), count(DISTINCT turn) FROM words").fetchone() == (9, 9)


def test_an_index_of_texts_that_an_older_version_deleted_is_dropped(history: History) -> None:
    """
    It knows nothing of the index.
    """
    assert found(history, "rivers") == {"rivers"}
    with contextlib.closing(sqlite3.connect(history.index_path.with_name("history.db"))) as db, db:
        db.execute("DELETE FROM turns WHERE conversation = 'rivers'")

    assert (set(), False) == (found(history, "rivers"), history.index_path.exists())


def test_a_damaged_index_is_replaced(history: History) -> None:
    """
    The search at hand reads the texts.
    """
    history.index_path.write_bytes(b"no database, but long enough to be taken for one" * 100)

    assert ({"rivers"}, False) == (found(history, "rivers"), history.index_path.exists())
    assert ({"rivers"}, True) == (found(history, "rivers"), history.index_path.exists())


def test_the_index_is_private(history: History) -> None:
    """
    As the texts are.
    """
    found(history, "rivers")

    assert history.index_path.stat().st_mode & 0o777 == 0o600
