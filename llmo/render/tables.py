"""Aligned columns for people and pipes, markdown for reports."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unicodedata import combining, east_asian_width

from llmo.render.screen import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

BOLD, PLAIN = "\x1b[1m", "\x1b[0m"
BAR = 24
"""Columns of the longest bar."""


def aligned(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = (), bold: bool = False
) -> str:
    """
    Columns two spaces apart, those named in `right` flush right; empty without rows.

    `bold` is for a terminal: names of models and tags come from elsewhere, so control characters
    in them are shown, not obeyed.
    """
    if not rows:
        return ""
    cells = [[visible(cell).replace("\n", " ") for cell in row] for row in (head, *rows)]
    sizes = [max(map(columns, column)) for column in zip(*cells, strict=True)]
    flush = [name in right for name in head]
    lines = ["  ".join(map(_pad, row, sizes, flush)).rstrip() for row in cells]
    if bold:
        lines[0] = f"{BOLD}{lines[0]}{PLAIN}"
    return "\n".join(lines) + "\n"


def folded(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[str] = (),
    width: int | None = None,
    bold: bool = False,
) -> str:
    """
    The same in at most `width` columns, as far as single cells allow.

    A table that is too wide is turned on its side, a column for each row; where those are too many, each row becomes a
    block of its own with a line for each cell.
    """
    text = aligned(head, rows, right=right, bold=bold)
    if width is None or not rows or _widest(aligned(head, rows)) <= width:
        return text
    flipped = list(zip(head, *rows, strict=True))
    if _widest(aligned(flipped[0], flipped[1:])) <= width:
        return aligned(flipped[0], flipped[1:], bold=bold)
    pairs = [list(zip(head, row, strict=True)) for row in rows]
    return "\n".join(aligned(first, rest, bold=bold) for first, *rest in pairs)


def _widest(text: str) -> int:
    return max(map(columns, text.splitlines()))


def room(head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> int:
    """Columns that a terminal of `width` leaves for bars beside a table; 0 where they would be stumps."""
    taken = sum(max(map(columns, column)) + 2 for column in zip(head, *rows, strict=True))
    left = min(BAR, width - taken)
    return left if left >= BAR // 4 else 0


def bars(values: Sequence[int], longest: int = BAR) -> list[str]:
    """A bar for each value, in eighths of a column; something is never nothing."""
    most = max(values, default=0)
    eighths = [-(-value * longest * 8 // most) if most else 0 for value in values]
    return ["█" * (n // 8) + "▏▎▍▌▋▊▉"[n % 8 - 1 : n % 8] * (n % 8 > 0) for n in eighths]


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> str:
    """A table in GitHub's markdown."""
    marks = ["--:" if name in right else "---" for name in head]
    cells = [[visible(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, marks, *cells))


def columns(text: str) -> int:
    """Columns that a terminal gives a text."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def _pad(text: str, size: int, right: bool) -> str:
    space = " " * (size - columns(text))
    return space + text if right else text + space
