"""Amounts over time in a terminal: a row a day, a piece of its bar for each model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.render.screen import visible
from llmo.render.wrapping import columns, hanging

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmo.render.svg import Series

INKS = ("34", "31", "32", "33", "36", "35", "90")
"""Colours of a terminal, in the order of the series."""
SHADES = "█▓▒░#=·"
"""The same without colour."""
LEAST = 12
"""Columns that a bar needs to say anything."""


def stacked(
    rows: Sequence[str], series: Sequence[Series], totals: Sequence[str], *, width: int = 80, color: bool = False
) -> str:
    """A line a row: its name, its total, its bar; then which piece is which. Empty without rows."""
    if not rows:
        return ""
    names, amounts = max(map(len, rows)), max(map(len, totals))
    space = max(LEAST, width - names - amounts - 4)
    sums = [sum(one.values[at] for one in series) for at in range(len(rows))]
    most = max(sums) or 1
    bars = [_bar([one.values[at] for one in series], most, space, color=color) for at in range(len(rows))]
    lines = [f"{name:<{names}}  {total:>{amounts}}  {bar}" for name, total, bar in zip(rows, totals, bars, strict=True)]
    return "\n".join(line.rstrip() for line in (*lines, "", *_legend(series, width, color=color))) + "\n"


def _bar(values: Sequence[int], most: int, space: int, *, color: bool) -> str:
    """Pieces whose ends are rounded, so that the whole is as long as the sum; something is never nothing."""
    pieces, at, sofar = [], 0, 0
    for number, value in enumerate(values):
        sofar += value
        end = max(round(sofar * space / most), at + (value > 0 and not at))
        pieces.append(_ink(number, end - at, color=color))
        at = end
    return "".join(pieces)


def _ink(number: int, length: int, *, color: bool) -> str:
    if not length:
        return ""
    if color:
        return f"\x1b[{INKS[number % len(INKS)]}m{'█' * length}\x1b[0m"
    return SHADES[number % len(SHADES)] * length


def _legend(series: Sequence[Series], width: int, *, color: bool) -> list[str]:
    lines: list[str] = []
    used = width
    for number, one in enumerate(series):
        name, *more = hanging(visible(one.name).replace("\n", " "), width - 2)
        if used + 5 + columns(name) > width:
            lines.append("")
            used = -3
        gap = "   " if lines[-1] else ""
        lines[-1] += f"{gap}{_ink(number, 1, color=color)} {name}"
        used = width if more else used + 5 + columns(name)
        lines += [f"  {line}" for line in more]
    return lines
