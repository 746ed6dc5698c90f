"""Charts as SVG and plain boxes: drawn here, no script, nothing fetched."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from llmo.types.format import dollars

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PALETTE = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#88888f")
"""Colours that the colour-blind can tell apart (Paul Tol's bright scheme)."""
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 920, 280, 76, 44, 12
LABELS = 12
"""Dates that fit below a chart."""
EDGE = 34
"""Half a date's width: nearer to the border it would be cut."""
STEPS = (1, 2, 5, 10)


class Series(NamedTuple):
    """One colour of a stacked chart, a value for each column."""

    name: str
    values: Sequence[int]


class AxisRange(NamedTuple):
    """A row of a chart of times, in seconds."""

    label: str
    middle: float
    high: float
    first: float | None
    note: str


def stacked(columns: Sequence[str], series: Sequence[Series]) -> str:
    """Amounts over time, a column each, stacked by series; every piece says what it is when pointed at."""
    tops = [sum(one.values[at] for one in series) for at in range(len(columns))]
    most = nice(max(tops, default=0))
    body = "".join((*_grid(most), *_columns(columns, series, most), *_dates(columns)))
    legend = "".join(
        f'<span><i style="background:{PALETTE[at % len(PALETTE)]}"></i>{escape(one.name)}</span>'
        for at, one in enumerate(series)
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="spend over time">{body}</svg>'
        f'<p class="legend">{legend}</p>'
    )


def nice(most: int) -> int:
    """The least 1, 2 or 5 times a power of ten that nothing passes."""
    if most <= 0:
        return 1
    power: int = 10 ** (len(str(most)) - 1)
    return next(step * power for step in STEPS if step * power >= most)


def _grid(most: int) -> Iterator[str]:
    for part in range(5):
        y = _y(most * part // 4, most)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{dollars(most * part // 4)}</text>'


def _y(value: int, most: int) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most)


def _columns(columns: Sequence[str], series: Sequence[Series], most: int) -> Iterator[str]:
    step = (WIDTH - LEFT) / max(1, len(columns))
    for at, column in enumerate(columns):
        below = 0
        for number, one in enumerate(series):
            if not (value := one.values[at]):
                continue
            y, foot = _y(below + value, most), _y(below, most)
            below += value
            colour = PALETTE[number % len(PALETTE)]
            yield (
                f'<rect x="{LEFT + at * step + step * 0.1:.2f}" y="{y:.2f}" width="{step * 0.8:.2f}" '
                f'height="{max(foot - y, 0.5):.2f}" fill="{colour}">'
                f"<title>{escape(column)} · {escape(one.name)} · {dollars(value)}</title></rect>"
            )


def _dates(columns: Sequence[str]) -> Iterator[str]:
    step = (WIDTH - LEFT) / max(1, len(columns))
    every = -(-len(columns) // LABELS)
    for at in range(0, len(columns), every or 1):
        x, y = LEFT + (at + 0.5) * step, HEIGHT - BOTTOM + 18
        at_edge = x > WIDTH - EDGE
        anchor, x = ("end", WIDTH) if at_edge else ("middle", x)
        yield f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(columns[at])}</text>'


def bars(rows: Sequence[tuple[str, int, str]]) -> str:
    """Bars: a label, a length, and what to write beside it."""
    most = max((length for _, length, _ in rows), default=0) or 1
    return "\n".join(
        f'<div class="bar"><span>{escape(label)}</span>{_box(length, most)}<span>{escape(value)}</span></div>'
        for label, length, value in rows
    )


def _box(length: int, most: int) -> str:
    return f'<i style="width:{100 * length / most:.2f}%"></i>' if length else "<b></b>"


def ranges(rows: Sequence[AxisRange]) -> str:
    """Times: a mark at the first token, a bar to the middle, a thin one to the 95th percentile."""
    most = max((row.high for row in rows), default=0.0) or 1.0
    return "\n".join(
        f'<div class="bar"><span>{escape(row.label)}</span>'
        f'<b><i class="high" style="width:{100 * row.high / most:.2f}%"></i>'
        f'<i style="width:{100 * row.middle / most:.2f}%"></i>'
        + ("" if row.first is None else f'<u style="left:{100 * row.first / most:.2f}%"></u>')
        + f"</b><span>{escape(row.note)}</span></div>"
        for row in rows
    )


def meter(label: str, share: float, note: str) -> str:
    """How full a budget is."""
    grade = "over" if share >= 0.95 else "near" if share >= 0.8 else ""  # noqa: PLR2004 - where warnings come
    return (
        f'<div class="bar"><span>{escape(label)}</span><b class="meter"><i class="{grade}" '
        f'style="width:{100 * min(1.0, share):.1f}%"></i></b><span>{escape(note)}</span></div>'
    )
