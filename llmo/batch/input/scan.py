"""One pass over the input before anything is paid for: broken rows are reported here, with their place."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from llmo.batch.input.hash_table import Hashes, HashTable
from llmo.batch.input.identity import AUTOMATIC, content_id, field_id, no_id, short, twice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from llmo.batch.input.requests import RequestBuilder, RowRequest
    from llmo.batch.input.rows import Row

SHOWN = 3
HEAD = 1000
"""Rows that are checked before anything is paid."""
COLUMNS = 1000
"""Names that are remembered: rows of a table share theirs, and objects with more are no table."""


@dataclass(frozen=True, slots=True)
class Scan:
    """
    What is known of the input.

    `id_field` is None when ids are made of the rows' contents; `same_rows` and `same_keys` hold
    what comes more than once; `columns` are the fields that rows have; `first` the first
    requests.
    """

    rows: int
    id_field: str | None
    same_rows: HashTable
    same_keys: HashTable
    columns: tuple[str, ...]
    first: tuple[RowRequest, ...]


class Picked:
    """The rows that `--limit` and `--sample` leave, the same ones in every pass."""

    def __init__(
        self, rows: Callable[[], Iterator[Row]], *, limit: int | None = None, sample: int | None = None
    ) -> None:
        self._rows = rows
        self._limit = limit
        self._only: frozenset[int] | None = None
        if sample is not None:
            # The smallest hashes: chance enough, and the same rows when the command comes again.
            smallest = heapq.nsmallest(sample, ((short(content_id(row)), row.index) for row in self()))
            self._only = frozenset(index for _, index in smallest)

    def __call__(self) -> Iterator[Row]:
        """One pass."""
        only = self._only
        rows = islice(self._rows(), self._limit)
        return rows if only is None else (row for row in rows if row.index in only)


def scan(
    rows: Callable[[], Iterator[Row]], builder: RequestBuilder, id_field: str | None, *, head: int | None = HEAD
) -> Scan:
    """
    Read and identify every row, and render it. Raises `UsageError` for one of the first that can't be sent.

    A later one fails alone, when its turn comes; `head` None makes all of them the first.
    """
    field = id_field or _automatic(rows)
    names, keys = Hashes(), Hashes()
    first: list[RowRequest] = []
    columns: dict[str, None] = {}
    count = 0
    for count, row in enumerate(rows(), 1):
        early = head is None or count <= head
        requests = builder.all(row) if early else builder.late(row)
        for asked in requests:
            if asked.fault is None:
                keys.add(int(asked.key[:16], 16))
        if (name := _name(row, field, early=early)) is not None:
            names.add(short(name))
        if len(columns) < COLUMNS:
            columns.update(dict.fromkeys(row.fields))
        if count <= SHOWN:
            first.extend(requests)
    same = names.repeated()
    if field is not None and len(same):
        _refuse_twice(islice(rows(), head), field, same)
    return Scan(count, field, same, keys.repeated(), tuple(columns), tuple(first))


def _automatic(rows: Callable[[], Iterator[Row]]) -> str | None:
    """The field that is the id in every row that can be read, if there is one."""
    head = next(rows(), None)
    for field in AUTOMATIC:
        if head is not None and field in head.fields and all(row.fault or field_id(row, field) for row in rows()):
            return field
    return None


def _name(row: Row, field: str | None, *, early: bool) -> str | None:
    """The id of a row; None of a late one that has none."""
    if field is None:
        return content_id(row)
    name = None if row.fault else field_id(row, field)
    if name is None and early:
        raise no_id(row, field)
    return name


def _refuse_twice(rows: Iterator[Row], field: str, same: HashTable) -> None:
    """Raise for the first id that two rows really have: equal hashes alone are no proof."""
    seen: dict[str, Row] = {}
    for row in rows:
        name = field_id(row, field)
        if name is not None and short(name) in same:
            if name in seen:
                raise twice([seen[name], row], name)
            seen[name] = row
