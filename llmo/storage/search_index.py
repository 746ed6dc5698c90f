"""
Finds conversations by their words, with FTS5 where SQLite has it.

The index is a file beside the history, made by the first search and deleted with any text that it may hold: a deletion
then needs neither FTS5 nor a rebuild, and whoever never searches has no second copy of their texts. It may be lost at
any time, so it is written without a journal.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_TERM = re.compile(r'"([^"]*)"|(\S+)')
_SETUP = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
  turn UNINDEXED, conversation UNINDEXED, text, tokenize = 'unicode61 remove_diacritics 2'
);
"""


def terms(query: str) -> list[str]:
    """The words of a query; several in double quotes are one, and are found as they stand."""
    found = (quoted or word for quoted, word in _TERM.findall(query))
    return [term for term in (one.strip() for one in found) if term]


def conversations(db: sqlite3.Connection, path: Path, query: str) -> set[str]:
    """
    The conversations with all terms of a query, each the beginning of a word; capitals and accents don't matter.

    `db` is the history in a transaction, `path` where the index is or will be. A term that is no single word (C++), or
    of a script without spaces, is found anywhere in a text.
    """
    found: set[str] | None = None
    for term in terms(query):
        here = _indexed(db, path, term) if _is_word(term) else None
        if here is None:
            here = _scanned(db, term)
        found = here if found is None else found & here
    return found or set()


def matches(query: str, text: str) -> bool:
    """Whether a text has all terms of a query."""
    return all(_matcher(term)(text) for term in terms(query))


def _is_word(term: str) -> bool:
    return term.isalnum() and not _is_wide(term)


def _is_wide(term: str) -> bool:
    return any(unicodedata.east_asian_width(char) in "WF" for char in term)


def _scanned(db: sqlite3.Connection, term: str) -> set[str]:
    has = _matcher(term)
    return {name for name, text in db.execute("SELECT conversation, text FROM turns") if has(text)}


def _matcher(term: str) -> Callable[[str], bool]:
    wanted = _plain(term)
    # A letter or digit before it: the middle of a word.
    start = r"(?<![^\W_])" if _is_word(term[:1]) else ""
    pattern = re.compile(start + re.escape(wanted))
    return lambda text: pattern.search(_plain(text)) is not None


def _plain(text: str) -> str:
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in apart if not unicodedata.combining(char))


def _indexed(db: sqlite3.Connection, path: Path, term: str) -> set[str] | None:
    """The conversations with a word, or None without FTS5; a damaged index is made anew by the next search."""
    try:
        with _index(path) as index:
            _update(db, index)
            rows = index.execute("SELECT DISTINCT conversation FROM words WHERE words MATCH ?", (f'text : "{term}"*',))
            return {row[0] for row in rows}
    except (sqlite3.Error, OSError):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return None


@contextlib.contextmanager
def _index(path: Path) -> Iterator[sqlite3.Connection]:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as index:
        index.executescript(_SETUP)
        yield index


def _update(db: sqlite3.Connection, index: sqlite3.Connection) -> None:
    """Add the turns that came since. Raises `sqlite3.Error` if some are gone, as after an older llmo deleted them."""
    there = {row[0] for row in db.execute("SELECT id FROM turns")}
    known = {row[0] for row in index.execute("SELECT turn FROM words")}
    if known - there:
        raise sqlite3.DataError("the index holds deleted texts")
    missing = there - known
    if not missing:
        return
    index.execute("BEGIN")
    index.executemany(
        "INSERT INTO words VALUES (?, ?, ?)",
        (row for row in db.execute("SELECT id, conversation, text FROM turns") if row[0] in missing),
    )
    index.execute("COMMIT")
