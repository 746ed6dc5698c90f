"""Lines of a file, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO


LONGEST_LINE = 1 << 28
"""Bytes; a longer line was not written by llmo and is not read into memory."""
PIECE = 1 << 20
ENDLESS = 1 << 32
"""Bytes after which a line is not looked at any further: it comes from a device, not from a file."""


def lines(file: BinaryIO, longest: int | None = None) -> Iterator[tuple[int, bytes | None]]:
    """
    The offset and the bytes of each line; None for the bytes of one of `longest` (`LONGEST_LINE`) or more.

    Raises `UsageError` for a line of `ENDLESS` bytes.
    """
    begin, most = 0, longest or LONGEST_LINE
    while line := file.readline(most):
        size = len(line)
        if size == most and not line.endswith(b"\n"):
            while (more := file.readline(PIECE)) and not more.endswith(b"\n"):
                size += len(more)
                if size >= ENDLESS:
                    raise endless()
            size += len(more)
            yield begin, None
        else:
            yield begin, line
        begin += size


def endless() -> UsageError:
    """The error for such a line."""
    return UsageError(f"a line of more than {ENDLESS >> 30} GiB", hint="is the input a device?")
