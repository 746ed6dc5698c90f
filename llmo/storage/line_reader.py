"""Lines of a file, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO


LONGEST_LINE = 1 << 28
"""Bytes; a longer line was not written by llmo and is not read into memory."""
PIECE = 1 << 20


def lines(file: BinaryIO, longest: int | None = None) -> Iterator[tuple[int, bytes | None]]:
    """The offset and the bytes of each line; None for the bytes of one of `longest` (`LONGEST_LINE`) or more."""
    begin, most = 0, longest or LONGEST_LINE
    while line := file.readline(most):
        size = len(line)
        if size == most and not line.endswith(b"\n"):
            while (more := file.readline(PIECE)) and not more.endswith(b"\n"):
                size += len(more)
            size += len(more)
            yield begin, None
        else:
            yield begin, line
        begin += size
