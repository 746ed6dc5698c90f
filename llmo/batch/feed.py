"""The rows that are still to be sent, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from llmo.batch.asking import Asking
    from llmo.batch.identity import Identity
    from llmo.batch.resume import Recorded
    from llmo.batch.rows import Row
    from llmo.batch.tally import Tally
    from llmo.types import Json, Request

BREATH = 256
"""Rows that may be skipped in one go: about five milliseconds in which no signal is heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One row on its way; `name` is its id, `seq` its turn among the rows sent, `model` what it asks for itself."""

    name: str
    index: int
    seq: int
    key: str
    request: Request
    model: str | None
    fields: Mapping[str, Json]

    @property
    def identity(self) -> tuple[str, int, str]:
        """What begins its line in the output."""
        return self.name, self.index, self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Skips what is done; `failed` hears of rows that stay failed."""

    rows: Callable[[], Iterator[Row]]
    asking: Asking
    identity: Identity
    recorded: Recorded
    retry: str | None
    tally: Tally
    failed: Callable[[Mapping[str, Json]], None]

    def __iter__(self) -> Iterator[Work | None]:
        """The rows to send; None now and then while many are skipped, to let others run."""
        skipped = seq = 0
        for row in self.rows():
            asked, name = self.asking(row), self.identity(row)
            if self._skips(row, name, asked.key):
                skipped += 1
                if skipped % BREATH == 0:
                    yield None
                continue
            yield Work(
                name=name,
                index=row.index,
                seq=seq,
                key=asked.key,
                request=asked.request,
                model=asked.model,
                fields=row.fields,
            )
            seq += 1

    def _skips(self, row: Row, name: str, key: str) -> bool:
        match self.recorded.decide(name, key, self.retry):
            case "done":
                self.tally.skipped += 1
                return True
            case "failed":
                self.tally.kept_failed += 1
                self.failed(row.fields)
                return True
            case _:
                return False
