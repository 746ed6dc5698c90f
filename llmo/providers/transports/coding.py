"""Content codings of a reply: what a body was packed with, undone piece by piece."""

from __future__ import annotations

import zlib

LARGEST = 1 << 20
"""Bytes that come of one step: a small body may unpack to gigabytes."""
_GZIP = 16 + zlib.MAX_WBITS
_METHOD, _DEFLATE = 0x0F, 8


class CodingError(ValueError):
    """A body that is not packed as its headers say."""


class Unpacker:
    """Undoes one coding; `rest` is what did not fit into a step and has to be unpacked in the next one."""

    def __init__(self, coding: str) -> None:
        """Raises `CodingError` for a coding that nobody asked for."""
        if coding not in ("gzip", "x-gzip", "deflate"):
            raise CodingError(f"unknown content-encoding: {coding[:40]}")
        self._gzip = coding != "deflate"
        self._inner = None if coding == "deflate" else zlib.decompressobj(_GZIP)
        self._begun = False
        self.rest = b""

    def unpack(self, data: bytes) -> bytes:
        """At most `LARGEST` bytes of what `rest` and the data hold. Raises `CodingError`."""
        data = self.rest + data
        inner = self._inner
        if inner is None:
            # Some servers send the bare format, though the name means the one with a header.
            bare = bool(data) and data[0] & _METHOD != _DEFLATE
            inner = self._inner = zlib.decompressobj(-zlib.MAX_WBITS if bare else zlib.MAX_WBITS)
        elif inner.eof:
            # A gzip body may have several members, with zeros behind the last one.
            data = data.lstrip(b"\0") if self._gzip else b""
            inner = self._inner = zlib.decompressobj(_GZIP) if data else inner
        try:
            found = inner.decompress(data, LARGEST) if data else b""
        except zlib.error as exc:
            raise CodingError(f"not what its content-encoding says: {exc}") from None
        self._begun = self._begun or bool(data)
        self.rest = (inner.unused_data if inner.eof else inner.unconsumed_tail) if data else b""
        return found

    def end(self) -> None:
        """Raise `CodingError` when the body ended in the midst of what was packed."""
        if self._begun and self._inner is not None and not self._inner.eof:
            raise CodingError("the packed body ended early")
