"""Lines of a file, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO


MOST = 1 << 28
"""Bytes of a line; a longer one is none of ours, and is not read into memory."""


PIECE = 1 << 20


def split(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Where each line begins, and its bytes; None for one that is longer than `MOST`."""
    begin = 0
    while line := file.readline(MOST):
        size = len(line)
        if size == MOST and not line.endswith(b"\n"):
            while (more := file.readline(PIECE)) and not more.endswith(b"\n"):
                size += len(more)
            size += len(more)
            yield begin, None
        else:
            yield begin, line
        begin += size
