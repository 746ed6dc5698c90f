"""
How the bytes of an input are opened: compressed or not, from a file or a pipe, as they come.

Nothing here waits for more than the next bytes, so that a pipe which is still being written yields its rows, and
nothing holds more than a piece, however small the file was that unpacks to terabytes.
"""

from __future__ import annotations

import io
import os
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from llmo.errors import UsageError
from llmo.errors.installing import install_command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PIECE = 1 << 16
LEAST, AHEAD = 1 << 10, 32
"""Bytes that are read in one go at the least, and which part of those before."""
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
PACKED: Mapping[str, bytes] = {".gz": GZIP, ".zst": ZSTD}
"""Suffixes of compressed files, and how their bytes begin."""
NO_ROWS: Mapping[bytes, tuple[str, str]] = {
    b"%PDF": ("a PDF", "convert it to text first, for example with pdftotext"),
    b"PK\x03\x04": ("a ZIP archive or a spreadsheet", "unpack it, or save the spreadsheet as CSV"),
    b"\xd0\xcf\x11\xe0": ("an Office document", "save it as CSV or as text"),
    b"PAR1": ("Parquet", "use --input-format parquet"),
    b"\xfd7zX": ("compressed with xz", "decompress it first; .gz and .zst are read as they are"),
    b"BZh": ("compressed with bzip2", "decompress it first; .gz and .zst are read as they are"),
    b"\xff\xfe": ("UTF-16", "convert it with iconv -f UTF-16 -t UTF-8"),
    b"\xfe\xff": ("UTF-16", "convert it with iconv -f UTF-16 -t UTF-8"),
}
"""First bytes of what has no lines of text, what it is, and what to do."""
MAGICS = (GZIP, ZSTD, *NO_ROWS)
MAGIC_SIZE = max(map(len, MAGICS))


class Decompressor(Protocol):
    """What `zlib` and `compression.zstd` have in common."""

    @property
    def eof(self) -> bool:
        """Whether the end of the frame was met."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What came behind that end."""
        ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """The next bytes, `max_length` at most."""
        ...


class FileFrom(io.RawIOBase):
    """A file from an offset on, by a descriptor that others read too: its position is its own."""

    def __init__(self, number: int, begin: int) -> None:
        self._number, self._begin, self._place = number, begin, 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """The next bytes."""
        room = memoryview(buffer)
        found = _read_at(self._number, len(room), self._begin + self._place)
        room[: len(found)] = found
        self._place += len(found)
        return len(found)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place, counted from where this file begins."""
        end = os.fstat(self._number).st_size - self._begin
        self._place = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: end}[whence])
        return self._place


class Joined(io.RawIOBase):
    """Bytes that were read already, and what a stream holds after them."""

    def __init__(self, head: bytes, source: BinaryIO) -> None:
        self._head, self._next = head, _arrived(source)

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """What there is, as soon as there is anything."""
        room = memoryview(buffer)
        piece, self._head = self._head[: len(room)], self._head[len(room) :]
        piece = piece or self._next(len(room))
        room[: len(piece)] = piece
        return len(piece)


class Unpacked(io.RawIOBase):
    """
    The bytes inside a compressed stream of one or more members.

    Reading raises `UsageError` for a stream that is damaged or ends early.
    """

    def __init__(self, source: BinaryIO, name: str, kind: str) -> None:
        self._next, self._where, self._kind = _arrived(source), name, kind
        self._made, self._damaged = _DECOMPRESSORS[kind](name)
        self._decoder: Decompressor | None = self._made()
        self._packed = b""

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """As many bytes as the next packed ones hold, and fit."""
        room = memoryview(buffer)
        while self._decoder is not None or self._begins():
            assert self._decoder is not None
            piece = self._step(self._decoder, len(room))
            if piece:
                room[: len(piece)] = piece
                return len(piece)
            if self._decoder is not None and not self._more():
                raise self._broken("it ends early")
        return 0

    def _begins(self) -> bool:
        """Whether one more member follows, behind zeros that fill a block."""
        while not self._packed.lstrip(b"\0"):
            self._packed = b""
            if not self._more():
                return False
        self._packed = self._packed.lstrip(b"\0")
        self._decoder = self._made()
        return True

    def _step(self, decoder: Decompressor, most: int) -> bytes:
        try:
            piece = decoder.decompress(self._packed, most)
        except self._damaged as exc:
            raise self._broken(str(exc).partition(": ")[2] or str(exc)) from None
        self._packed = getattr(decoder, "unconsumed_tail", b"")
        if decoder.eof:
            self._packed, self._decoder = decoder.unused_data, None
        return piece

    def _more(self) -> bool:
        self._packed += (more := self._next(PIECE))
        return bool(more)

    def _broken(self, why: str) -> UsageError:
        return UsageError(f"broken {self._kind}: {self._where}: {why}", hint="copy or compress the file again")


def text(file: BinaryIO, name: str) -> BinaryIO:
    """
    The bytes of an input that has lines, as `unpacked`.

    Raises `UsageError` for what is known to be no text, also inside a compressed stream.
    """
    head, stream = _begun(unpacked(file, name))
    if head.startswith((GZIP, ZSTD)):
        raise UsageError(f"compressed twice: {name}", hint="decompress it once")
    for magic, (what, hint) in NO_ROWS.items():
        if head.startswith(magic):
            raise UsageError(f"not text: {name}: it is {what}", hint=hint)
    return stream


def unpacked(file: BinaryIO, name: str) -> BinaryIO:
    """The bytes of an input, decompressed if the first of them say that it is compressed."""
    head, stream = _begun(file)
    kind = next((kind for kind, magic in (("gzip", GZIP), ("zstd", ZSTD)) if head.startswith(magic)), None)
    return stream if kind is None else buffered(Unpacked(stream, name, kind))


def first_line(file: BinaryIO) -> tuple[bytes, BinaryIO]:
    """The first line that isn't blank, as far as it goes; and the stream from its beginning."""
    read, line = b"", b""
    while not line.strip() and len(read) < PIECE and (line := file.readline(PIECE)):
        read += line
    return line, buffered(Joined(read, file))


def suffix(name: str) -> str:
    """The suffix that tells the format, in small letters: `.csv` of `rows.CSV.gz`."""
    stem, dot, last = name.replace("\\", "/").rpartition("/")[2].lower().rpartition(".")
    if f".{last}" in PACKED:
        stem, dot, last = stem.rpartition(".")
    return f"{dot}{last}" if stem and dot else ""


def buffered(raw: io.RawIOBase) -> BinaryIO:
    """A stream with `readline` over one that yields what there is."""
    return io.BufferedReader(raw, PIECE)


def _begun(file: BinaryIO) -> tuple[bytes, BinaryIO]:
    """The first bytes, as many as it takes to know what they are, and the stream from its beginning."""
    read, head = _arrived(file), b""
    while len(head) < MAGIC_SIZE and any(magic.startswith(head) and magic != head for magic in MAGICS):
        if not (more := read(MAGIC_SIZE - len(head))):
            break
        head += more
    return head, buffered(Joined(head, file))


def _read_at(number: int, size: int, place: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(number, size, place)
    os.lseek(number, place, os.SEEK_SET)  # Windows: nobody else reads in between
    return os.read(number, size)


def _arrived(file: BinaryIO) -> Callable[[int], bytes]:
    """
    Reads what there is, at most so much: streams of other libraries have no `read1`, and `read` does that.

    Of what was read before it takes a small part at a time: how far a file is read says how many rows it has, which
    would be wrong by all that is only held.
    """
    found: Callable[[int], bytes] = getattr(file, "read1", file.read)
    given = 0

    def read(most: int) -> bytes:
        nonlocal given
        piece = found(min(most, max(LEAST, given // AHEAD)))
        given += len(piece)
        return piece

    return read


def _gzip(_name: str) -> tuple[Callable[[], Decompressor], type[Exception]]:
    return lambda: zlib.decompressobj(wbits=31), zlib.error


def _zstd(name: str) -> tuple[Callable[[], Decompressor], type[Exception]]:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        try:
            from backports import zstd  # type: ignore[import-not-found,import-untyped,no-redef,unused-ignore]
        except ImportError:
            raise UsageError(
                f"reading zstd needs backports.zstd: {name}", hint=install_command("backports.zstd")
            ) from None
    return zstd.ZstdDecompressor, zstd.ZstdError


_DECOMPRESSORS: Mapping[str, Callable[[str], tuple[Callable[[], Decompressor], type[Exception]]]] = {
    "gzip": _gzip,
    "zstd": _zstd,
}
