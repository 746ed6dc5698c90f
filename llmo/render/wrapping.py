"""Text in the columns of a terminal: how many it takes, and where it may be broken."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from unicodedata import category, east_asian_width

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = re.compile(r"\s*\S+")
_BREAK = re.compile(r"(?<=\w[/_:-])(?=\w)|(?<=\w\.)(?=[A-Za-z])")
"""Where a name may be broken: after a separator inside it, but not in a number or a version."""
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_VOWELS = "\u1160\u11ff"
"""Vowels and last consonants of Korean, which join the syllable before."""


def plain(drawn: str) -> str:
    """A drawn text without its styles."""
    return _STYLE.sub("", drawn) if "\x1b" in drawn else drawn


def columns(text: str) -> int:
    """Columns that a terminal gives a text."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(char: str) -> int:
    if category(char) in ("Mn", "Me", "Cf") or _VOWELS[0] <= char <= _VOWELS[1]:
        return 0
    return 2 if east_asian_width(char) in "WF" else 1


def longest_piece(text: str) -> int:
    """Columns of the longest part that is not broken as long as there is room for it."""
    return max((columns(piece) for word in text.split() for piece in _BREAK.split(word)), default=0)


def hanging(text: str, width: int, *, indent: int = 0) -> list[str]:
    """
    Lines of at most `width` columns, all but the first indented; a character wider than that stands alone.

    They are broken at spaces; a word longer than a line also after the separators in a name, and else anywhere.
    """
    indent = min(indent, width - 2) if width > 2 else 0  # noqa: PLR2004 - a wide character
    lines, line, used = [], "", 0
    for piece in _pieces(text, width - indent):
        part = piece if line.strip() else piece.lstrip()
        if line.strip() and used + columns(part.rstrip()) > width:
            lines.append(line.rstrip())
            line, used, part = " " * indent, indent, piece.lstrip()
        for char in part:
            size = _columns(char)
            if used + size > width and line.strip():
                lines.append(line.rstrip())
                line, used = " " * indent, indent
            line += char
            used += size
    return [*lines, line.rstrip()]


def _pieces(text: str, width: int) -> Iterator[str]:
    """Words with the space before them, those wider than this in parts."""
    for word in _WORD.findall(text):
        yield from (word,) if columns(word.strip()) <= width else _BREAK.split(word)
