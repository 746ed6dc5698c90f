"""Shards being filled: requests for one target, until one more would be too much for a batch."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from llmo.batch.executors.deferred.rows import appended
from llmo.batch.executors.deferred.state import Shard
from llmo.batch.output.appended import written
from llmo.storage import files

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llmo.batch.executors.deferred.rows import SentRow
    from llmo.batch.executors.deferred.state import RunFolder
    from llmo.providers.batches import BatchLimits
    from llmo.types.messages import Target

NONCE_BYTES = 12


class OpenShard:
    """
    A shard that takes rows; its custom ids are its nonce and the number of the row, which any service takes.

    Writing raises `OSError`.
    """

    def __init__(self, folder: RunFolder, number: int, target: Target) -> None:
        self._folder, self.number, self.target = folder, number, target
        self.nonce = os.urandom(NONCE_BYTES).hex()
        folder.discard(number)
        self._requests, self._rows = appended(folder.requests(number)), appended(folder.rows(number))
        self.size = self.tokens = 0
        self.calls: list[str] = []

    @property
    def next_id(self) -> str:
        """The custom id of the next row."""
        return f"{self.nonce}-{len(self.calls)}"

    def fits(self, line: bytes, tokens: int, limits: BatchLimits, allowed: int | None) -> bool:
        """Whether it has room for a line; an empty one has room for any."""
        return not self.calls or (
            len(self.calls) < limits.requests
            and self.size + len(line) <= limits.size
            and (allowed is None or self.tokens + tokens <= allowed)
        )

    def add(self, row: SentRow, line: bytes) -> None:
        """Take a row, whose request has `next_id`."""
        written(self._rows, row.line())
        written(self._requests, line)
        self.calls.append(row.call)
        self.size += len(line)
        self.tokens += row.estimate

    def seal(self) -> Shard:
        """End it; its files are on the disk."""
        for file in (self._rows, self._requests):
            os.fsync(file.fileno())
            file.close()
        return Shard(
            number=self.number,
            provider=self.target.provider,
            model=self.target.model,
            nonce=self.nonce,
            count=len(self.calls),
            tokens=self.tokens,
        )

    def close(self) -> None:
        """Give the files back, whole or not."""
        self._rows.close()
        self._requests.close()


class PendingHolds:
    """
    The calls that may hold money while no shard of the state has their rows.

    A call is here before its hold is taken, so that whoever comes after a crash releases it: nothing was sent for it.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._path = folder.holds

    def read(self) -> list[str]:
        """The calls."""
        try:
            return self._path.read_text("ascii", "replace").split()
        except FileNotFoundError:
            return []

    def add(self, calls: Iterable[str]) -> None:
        """Write calls down before their holds are taken. Raises `OSError`."""
        with appended(self._path) as file:
            written(file, "".join(f"{call}\n" for call in calls).encode())

    def replace(self, calls: Iterable[str]) -> None:
        """Leave these alone. Raises `OSError`."""
        files.replace(self._path, "".join(f"{call}\n" for call in calls).encode())
