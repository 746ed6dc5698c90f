"""One reading of everything before anything is paid: what is broken stops here, with its place."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from llmo.batch.identity import AUTOMATIC, content_id, field_id, short, twice
from llmo.batch.table import Hashes, Table
from llmo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from llmo.batch.asking import Asked, Asking
    from llmo.batch.rows import Row

SHOWN = 3
HEAD = 1000
"""Rows that are checked before anything is paid."""
COLUMNS = 1000
"""Names that are remembered: rows of a table share theirs, and objects with more are no table."""


@dataclass(frozen=True, slots=True)
class Survey:
    """
    What is known of the input.

    `id_field` is None when ids are made of the rows' contents; `same_rows` and `same_keys` hold
    what comes more than once; `columns` are the fields that rows have; `first` the first
    requests.
    """

    rows: int
    id_field: str | None
    same_rows: Table
    same_keys: Table
    columns: tuple[str, ...]
    first: tuple[Asked, ...]


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


def survey(rows: Callable[[], Iterator[Row]], asking: Asking, id_field: str | None) -> Survey:
    """
    Read and identify every row, and render it. Raises `UsageError` for one of the first that can't be sent.

    A later one fails alone, when its turn comes.
    """
    field = id_field or _automatic(rows)
    names, keys = Hashes(), Hashes()
    first: list[Asked] = []
    columns: dict[str, None] = {}
    count = 0
    for count, row in enumerate(rows(), 1):
        requests = asking.all(row) if count <= HEAD else asking.late(row)
        for asked in requests:
            keys.add(int(asked.key[:16], 16))
        names.add(short(_name(row, field)))
        if len(columns) < COLUMNS:
            columns.update(dict.fromkeys(row.fields))
        if count <= SHOWN:
            first.extend(requests)
    same = names.repeated()
    if field is not None and len(same):
        _refuse_twice(rows, field, same)
    return Survey(count, field, same, keys.repeated(), tuple(columns), tuple(first))


def _automatic(rows: Callable[[], Iterator[Row]]) -> str | None:
    """The field that is the id in every row, if there is one."""
    head = next(rows(), None)
    for field in AUTOMATIC:
        if head is not None and field in head.fields and all(field_id(row, field) is not None for row in rows()):
            return field
    return None


def _name(row: Row, field: str | None) -> str:
    if field is None:
        return content_id(row)
    name = field_id(row, field)
    if name is None:
        known = ", ".join(map(str, row.fields))
        raise UsageError(f"no id: {row.where}: {field}", hint=f"a text or a whole number; fields of this row: {known}")
    return name


def _refuse_twice(rows: Callable[[], Iterator[Row]], field: str, same: Table) -> None:
    """Raise for the first id that two rows really have: equal hashes alone are no proof."""
    seen: dict[str, Row] = {}
    for row in rows():
        name = _name(row, field)
        if short(name) in same:
            if name in seen:
                raise twice([seen[name], row], name)
            seen[name] = row
