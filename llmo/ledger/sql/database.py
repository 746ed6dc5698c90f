"""The part of a connection that the shared statements use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class Changes(Protocol):
    """What a statement changed."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed, over all its executions."""


class Rows(Changes, Protocol):
    """What a statement returned."""

    def fetchone(self) -> Any:
        """The next row, or None."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""

    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """
    One connection, in the form of `Database`; values are bound to `?`.

    Statements keep to what SQLite and PostgreSQL share. A backend provides what only one of them has: the
    table function `json_each`, with the columns `key` and `value`.
    """

    def execute(self, sql: str, values: Sequence[Any] = ..., /) -> Rows:
        """Run one statement."""

    def executemany(self, sql: str, values: Iterable[Sequence[Any]], /) -> Changes:
        """Run one statement once for each row of values."""
