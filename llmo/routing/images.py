"""How large an image is, from its first bytes, and how many tokens that can be at most."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from llmo.config.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UNKNOWN = 50_000
"""Of an image whose size can't be read: gpt-4o-mini's eight tiles, 2833 + 8 * 5667, are the most known."""
CLAUDE = 5_000
"""Claude's largest is 4784 (2576 pixels a side)."""


class Size(NamedTuple):
    """Pixels."""

    width: int
    height: int


def bound(data: bytes, kind: str) -> int:
    """More tokens than any known formula of this kind of provider makes of an image."""
    claude = KINDS[kind].image_tokens == "claude"
    most = CLAUDE if claude else UNKNOWN
    if (found := size(data)) is None:
        return most
    return min(most, _claude(found) if claude else _dearest(found))


def size(data: bytes) -> Size | None:
    """Width and height as a PNG, JPEG, GIF or WebP states them; None when it does not."""
    reader = next((read for magic, read in _FORMATS.items() if data.startswith(magic)), None)
    try:
        found = reader(data) if reader else None
    except (struct.error, IndexError):
        return None
    return found if found and found.width > 0 and found.height > 0 else None


def _claude(of: Size) -> int:
    """Both published formulas: patches of 28 pixels, and one token for 750 pixels."""
    return max(_patches(of, 28), -(-of.width * of.height // 750)) + 16


def _dearest(of: Size) -> int:
    """
    The dearest of the families that are served in this dialect.

    Tiles: gpt-4o-mini (85 + 170 a tile elsewhere). Patches of 32 pixels: gpt-4.1-nano and gpt-5-nano, 2.46 each, up
    to 10,000 at full detail. Patches of 28: Qwen-VL, 16,384 at most. Patches of 16: Pixtral, 1024 pixels a side.
    """
    tiles = 2833 + 5667 * _tiles(of)
    small = -(-246 * min(_patches(of, 32), 10_000) // 100)
    return max(tiles, small, min(_patches(of, 28), 16_384) + 16, min(_patches(of, 16), 64 * 65) + 16)


def _patches(of: Size, side: int) -> int:
    # One more each way: a resize may round up to the next whole patch.
    return (-(-of.width // side) + 1) * (-(-of.height // side) + 1)


def _tiles(of: Size) -> int:
    """Tiles of 512 pixels after fitting into 2048 and bringing the short side down to 768; never fewer for rounding."""
    long, short = max(of), min(of)
    shrunk = min(1.0, 2048 / long, 768 / short)
    across, down = (int(edge * shrunk) // 512 + 1 for edge in (long, short))
    return min(8, across * down)


def _png(data: bytes) -> Size | None:
    return Size(*struct.unpack_from(">II", data, 16)) if data[12:16] == b"IHDR" else None


def _gif(data: bytes) -> Size:
    return Size(*struct.unpack_from("<HH", data, 6))


def _webp(data: bytes) -> Size | None:
    if data[8:12] != b"WEBP":
        return None
    match data[12:16]:
        case b"VP8X":
            return Size(*(int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27)))
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        case b"VP8 ":
            return Size(*(edge & 0x3FFF for edge in struct.unpack_from("<HH", data, 26)))
    return None


def _jpeg(data: bytes) -> Size | None:
    """The largest frame of all: a thumbnail in the metadata is none, its segment is stepped over."""
    frames = list(_frames(data))
    return max(frames, key=lambda one: one.width * one.height) if frames else None


def _frames(data: bytes) -> Iterator[Size]:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004 - the byte that begins a marker
        marker = data[at + 1]
        if marker == 0xFF:  # noqa: PLR2004 - fill bytes
            at += 1
            continue
        if marker == 0xDA:  # noqa: PLR2004 - start of scan: no headers after it
            return
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:  # noqa: PLR2004 - frame headers
            height, width = struct.unpack_from(">HH", data, at + 5)
            yield Size(width, height)
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]


_FORMATS: dict[bytes, Callable[[bytes], Size | None]] = {
    b"\x89PNG\r\n\x1a\n": _png,
    b"\xff\xd8": _jpeg,
    b"GIF8": _gif,
    b"RIFF": _webp,
}
