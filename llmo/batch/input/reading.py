"""One pass over the inputs: their rows in order, read as often as needed, never held in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from llmo.batch.input.record import unread
from llmo.batch.input.rows import Row
from llmo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from llmo.batch.input.record import Record
    from llmo.batch.input.rows import Input


class Reading:
    """
    One pass over inputs: iterating it yields their rows in order, and `share` says how far that is.

    `count` is the number of rows where it is known, as it is of files that are a row each.

    Iterating raises `UsageError` for an input that can't be read on.
    """

    def __init__(self, sources: Sequence[Input]) -> None:
        self._sources = sources
        self.piped = any(source.once for source in sources)
        self.count = len(sources) if all(source.format == "file" for source in sources) else None
        self._size = _sum(source.size for source in sources)
        self._before = 0
        self._file: BinaryIO | None = None

    def __iter__(self) -> Iterator[Row]:
        index = 0
        for source in self._sources:
            name = source.name
            for line, fields, text, fault, image in self._records(source):
                yield Row(index, fields, name, line, text, fault, image)
                index += 1
            self._before += source.size or 0

    def share(self) -> float | None:
        """How much of the bytes was read, 0 to 1; None where nobody knows."""
        if not self._size:
            return None
        try:
            here = 0 if self._file is None or self._file.closed else self._file.tell()
        except (OSError, ValueError):  # closed in the meantime by the thread that reads
            here = 0
        return min(1.0, (self._before + here) / self._size)

    def _records(self, source: Input) -> Iterator[Record]:
        try:
            with source.open() as file:
                self._file = file
                yield from source.records(file)
        except OSError as exc:
            fault = UsageError(f"cannot read {source.name}: {exc.strerror or exc}")
            if source.format != "file":
                raise fault from None
            yield unread(None, None, source.name, fault)
        finally:
            self._file = None


def rows(sources: Sequence[Input]) -> Iterator[Row]:
    """All rows of all inputs, in order. Raises `UsageError` for an input that can't be read on."""
    return iter(Reading(sources))


def _sum(sizes: Iterable[int | None]) -> int | None:
    total = 0
    for size in sizes:
        if size is None:
            return None
        total += size
    return total
