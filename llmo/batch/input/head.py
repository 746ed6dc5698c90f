"""The first rows of an input, checked whole before anything is paid: a broken one is refused with its place."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from llmo.batch.input.hash_table import Counts
from llmo.batch.input.identity import AUTOMATIC, content_id, field_id, lasting, no_id, short, twice
from llmo.batch.input.rows import Row
from llmo.batch.input.stream import Waiting
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from llmo.batch.input.requests import RequestBuilder, RowRequest

SHOWN = 3
ROWS = 1000
SECONDS = 0.3
"""How much is checked before anything is paid: so many rows, or what can be read in that time."""
COLUMNS = 1000
"""Names that are remembered: rows of a table share theirs, and objects with more are no table."""


@dataclass(frozen=True, slots=True)
class Head:
    """
    What the first rows say; `whole` if they are all.

    `id_field` is None when ids are made of the rows' contents; `columns` are the fields that they have; `first` the
    first requests.
    """

    rows: tuple[Row, ...]
    whole: bool
    id_field: str | None
    columns: tuple[str, ...]
    first: tuple[RowRequest, ...]


def automatic_id(rows: Sequence[Row]) -> str | None:
    """The field that is the id in every one of these rows that can be read, if there is one."""
    for field in AUTOMATIC:
        if rows and field in rows[0].fields and all(row.fault or field_id(row, field) for row in rows):
            return field
    return None


def checked(rows: Sequence[Row], builder: RequestBuilder, id_field: str | None, *, whole: bool) -> Head:
    """Identify and render the first rows. Raises `UsageError` for one that can't be sent, or whose id is taken."""
    columns: dict[str, None] = {}
    first: list[RowRequest] = []
    for row, requests in check(rows, builder, id_field):
        builder.keep(row, requests)
        if len(columns) < COLUMNS:
            columns.update(dict.fromkeys(row.fields))
        if len(first) < SHOWN * len(requests):
            first.extend(requests)
    return Head(tuple(rows), whole, id_field, tuple(columns), tuple(first))


def check(
    rows: Iterable[Row | Waiting], builder: RequestBuilder, id_field: str | None
) -> Iterator[tuple[Row, tuple[RowRequest, ...]]]:
    """Yield rows with their requests. Raises `UsageError` for one that can't be sent, or whose id is taken."""
    seen, places = Counts(), dict[str, Row]()
    for row in rows:
        if isinstance(row, Waiting):
            continue
        requests = builder.all(row)
        if id_field is not None:
            name = field_id(row, id_field)
            if name is None:
                raise no_id(row, id_field)
            if seen.add(short(name)):
                raise twice([places[name], row] if name in places else [row], name)
            if len(places) < ROWS:
                places[name] = row
        yield row, requests


class Sampled:
    """The rows of the smallest hashes: chance enough, and the same rows when the command comes again."""

    def __init__(self, rows: Iterable[Row], count: int) -> None:
        smallest = heapq.nsmallest(count, ((lasting(content_id(row)), row.index) for row in rows))
        self._only = frozenset(index for _, index in smallest)
        self._last = max(self._only, default=-1)

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Those of another pass."""
        for row in rows if self._only else ():
            if row.index in self._only:
                yield row
            if row.index >= self._last:
                return
