"""The rows that are still to be sent, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.batch.input.head import COLUMNS
from llmo.batch.input.identity import answer_id
from llmo.batch.input.stream import Waiting
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from llmo.batch.input.hash_table import Places
    from llmo.batch.input.identity import Identity
    from llmo.batch.input.requests import RequestBuilder
    from llmo.batch.input.rows import Row
    from llmo.batch.resume.recorded import Recorded
    from llmo.batch.stats import RunStats
    from llmo.errors import UsageError
    from llmo.types.jsontext import Json
    from llmo.types.messages import Request

BREATH = 256
"""Rows that may be skipped in one go: about five milliseconds in which no signal is heard."""


def always() -> bool:
    """True."""
    return True


class Once:
    """True on the first call, then False."""

    __slots__ = ("_asked",)

    def __init__(self) -> None:
        self._asked = False

    def __call__(self) -> bool:
        """Whether this is the first time."""
        asked, self._asked = self._asked, True
        return not asked


@dataclass(frozen=True, slots=True)
class Work:
    """
    One row on its way, or one answer of a comparison.

    `name` is its id, `seq` its turn among those sent, `model` what it asks for itself; `first` is true
    once for all answers to one row. One with a `fault` can't be sent; a `doubtful` one may have been, and is not sent
    again.
    """

    name: str
    index: int
    seq: int
    key: str
    request: Request
    model: str | None
    fields: Mapping[str, Json]
    content: Mapping[str, Json] | str | None = None
    first: Callable[[], bool] = always
    fault: UsageError | None = None
    doubtful: bool = False

    @property
    def apart(self) -> Mapping[str, Json] | str:
        """What goes to --errors when it fails: a row that can't be read as it stands."""
        return self.fields if self.content is None else self.content

    @property
    def identity(self) -> tuple[str, int, str]:
        """Id, index and key: the first fields of its output line."""
        return self.name, self.index, self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """
    Skips what is done, and counts in `stats` what it finds; `failed` hears of rows that stay failed.

    `total` says how many rows there are, and whether that is an estimate; `columns` gets the names of fields, if they
    are wanted. Rows named in `doubtful` may have been sent by an earlier run. `answers` are loaded before the first
    row is sent.
    """

    rows: Iterable[Row | Waiting]
    builder: RequestBuilder
    identity: Identity
    recorded: Recorded
    retry: str | None
    stats: RunStats
    failed: Callable[[Mapping[str, Json] | str], None]
    total: Callable[[], tuple[int, bool]] | None = None
    columns: dict[str, None] | None = None
    answers: Places | None = None
    doubtful: frozenset[str] = frozenset()

    def __iter__(self) -> Iterator[Work | None]:
        """The rows to send; None where there is none right now, and every `BREATH` skipped rows, to let others run."""
        skipped = seq = 0
        compares, resumes = bool(self.builder.compared_targets), bool(self.recorded.table)
        for row in self.rows if self.columns is None else self._collected(self.columns):
            if isinstance(row, Waiting):
                self.measure()
                yield None
                continue
            if row.index % BREATH == 0:
                self.measure()
            first = Once() if compares else always
            row_name, unnamed = self.identity(row)
            for asked in self.builder.late(row, unnamed):
                name = row_name if asked.compared_target is None else answer_id(row_name, asked.compared_target)
                if resumes and self._skips(row, name, asked.key, first):
                    skipped += 1
                    if skipped % BREATH == 0:
                        yield None
                    continue
                if not seq and self.answers is not None:
                    yield from self.answers.load()
                yield Work(
                    name,
                    row.index,
                    seq,
                    asked.key,
                    asked.request,
                    asked.model,
                    row.fields,
                    row.content,
                    first,
                    asked.fault,
                    name in self.doubtful,
                )
                seq += 1
        self.measure()

    def measure(self) -> None:
        """Say how many answers there will be."""
        if self.total is not None:
            rows, estimated = self.total()
            self.stats.total = rows * max(1, len(self.builder.compared_targets))
            self.stats.estimated = estimated

    def _collected(self, columns: dict[str, None]) -> Iterator[Row | Waiting]:
        for row in self.rows:
            if not isinstance(row, Waiting) and len(columns) < COLUMNS:
                columns.update(dict.fromkeys(row.fields))
            yield row

    def _skips(self, row: Row, name: str, key: str, first: Callable[[], bool]) -> bool:
        match self.recorded.decide(name, key, self.retry):
            case "done":
                self.stats.skipped += 1
                return True
            case "failed":
                self.stats.kept_failed += 1
                if first():
                    self.failed(row.content)
                return True
            case "changed":
                self.stats.changed += 1
            case "retry":
                self.stats.resent += 1
            case "new":
                pass
        return False


def works(feed: Feed) -> Iterator[Work]:
    """The rows of a feed, without its pauses."""
    return (work for work in feed if work is not None)
