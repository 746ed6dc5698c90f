"""Aligned columns for people and pipes, markdown for reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.render.screen import visible
from llmo.render.wrapping import columns, hanging, longest_piece

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

BOLD, DIM, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"
BAR = 24
"""Columns of the longest bar."""
GAP = 2
"""Columns between two."""
COMFORTABLE, CRAMPED = 20, 12
"""Columns that a text has at least before another column leaves its row, and when none is left that could."""


def aligned(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = (), bold: bool = False
) -> str:
    """
    Columns two spaces apart, those named in `right` flush right; empty without rows.

    `bold` is for a terminal: names of models and tags come from elsewhere, so control characters
    in them are shown, not obeyed.
    """
    return folded(head, rows, right=right, bold=bold)


def folded(  # noqa: PLR0913 - how it looks
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[str] = (),
    below: Sequence[str] = (),
    width: int | None = None,
    bold: bool = False,
    dim: Collection[int] = (),
) -> str:
    """
    The same in at most `width` columns (None: as many as it takes), every cell in full.

    In a table that is too wide, columns of `below` that few rows fill leave first, if that is enough: what they hold
    stands under the row. Else texts are wrapped in their cells. Where that is not enough, the columns of `below`,
    which are never wrapped, leave in this order: what they hold stands under each row, with its name. If even that is
    too wide, the table is turned on its side, and where its rows are too many for that, each becomes a block with a
    line for each cell. The rows numbered in `dim` are drawn so if `bold` is.
    """
    if not rows:
        return ""
    grid = [[_cell(cell) for cell in row] for row in (head, *rows)]
    whole = [name in below for name in head]
    style = frozenset(number + 1 for number in dim)
    table = _Table(grid, [name in right for name in head], whole, dim=style if bold else None)
    natural = table.sizes(range(len(head)))
    if width is None or _total(natural) <= width:
        return table.drawn(dict(enumerate(natural)), [])
    places = [head.index(name) for name in below if name in head]
    if under := table.spared(places, width):
        return table.drawn(dict(table.unwrapped(under)), under, width)
    for least in (COMFORTABLE, CRAMPED):
        for taken in range(len(places) + 1):
            under = places[:taken]
            if sizes := table.fitted(under, width, least):
                return table.drawn(sizes, under, width)
    turned = list(zip(*grid, strict=True))
    if _total([max(map(columns, column)) for column in grid]) <= width:
        return aligned(turned[0], turned[1:], bold=bold)
    return "\n".join(table.blocks(width))


SPARSE = 4
"""A column is sparse if at most one row in so many fills it."""


class _Table:
    """Clean cells, the first row is the head."""

    def __init__(
        self,
        grid: Sequence[Sequence[str]],
        flush: Sequence[bool],
        whole: Sequence[bool],
        *,
        dim: Collection[int] | None,
    ) -> None:
        """`flush` says which columns stand right, `whole` which are not wrapped; no styles where `dim` is None."""
        self._grid, self._flush, self._whole, self._dim = grid, flush, whole, dim

    def sizes(self, places: Collection[int]) -> list[int]:
        """The columns that the widest cell takes, for each of these."""
        return [max(columns(row[place]) for row in self._grid) for place in places]

    def spared(self, places: Sequence[int], width: int) -> list[int]:
        """Those of the columns that few rows fill, as many as leave the others their width; none if they don't."""
        rows = self._grid[1:]
        sparse = [place for place in places if sum(bool(row[place]) for row in rows) <= len(rows) // SPARSE]
        numbers = range(1, len(sparse) + 1)
        fit = (n for n in numbers if _total([size for _, size in self.unwrapped(sparse[:n])]) <= width)
        return sparse[: next(fit, 0)]

    def unwrapped(self, under: Collection[int]) -> Iterator[tuple[int, int]]:
        """All columns but those `under` the rows, and what each takes."""
        places = [place for place in range(len(self._flush)) if place not in under]
        return zip(places, self.sizes(places), strict=True)

    def fitted(self, under: Collection[int], width: int, least: int) -> dict[int, int]:
        """Sizes that fit for all columns but those `under` the rows, each text at least `least` wide; else empty."""
        sizes = dict(self.unwrapped(under))
        places = list(sizes)
        if _total(sizes.values()) > width:
            floors = {place: min(size, self._floor(place, least)) for place, size in sizes.items()}
            if _total(floors.values()) > width:
                return {}
            while _total(sizes.values()) > width:
                widest = max((place for place in places if sizes[place] > floors[place]), key=sizes.__getitem__)
                sizes[widest] -= 1
        return sizes

    def _floor(self, place: int, least: int) -> int:
        """A number is never broken, and a part of a name only where it is longer than a comfortable column."""
        cells = [row[place] for row in self._grid]
        if self._whole[place]:
            return max(map(columns, cells))
        if self._flush[place]:
            return max(columns(word) for cell in cells for word in cell.split() or [""])
        return max(least, min(COMFORTABLE, max(map(longest_piece, cells))))

    def drawn(self, sizes: dict[int, int], under: Sequence[int], width: int = 0) -> str:
        """All rows, with columns of these sizes and the others beneath."""
        lines: list[str] = []
        for number, row in enumerate(self._grid):
            found = [*self._lines(row, sizes), *(self._beneath(row, under, width) if number else ())]
            style = "" if self._dim is None else DIM if number in self._dim else "" if number else BOLD
            lines += [f"{style}{line}{PLAIN}" for line in found] if style else found
        return "\n".join(lines) + "\n"

    def _lines(self, row: Sequence[str], sizes: dict[int, int]) -> Iterator[str]:
        first = next(iter(sizes))
        cells = [
            [row[place]] if columns(row[place]) <= size else hanging(row[place], size, indent=2 * (place == first))
            for place, size in sizes.items()
        ]
        flush = [self._flush[place] for place in sizes]
        for number in range(max(map(len, cells))):
            parts = [cell[number] if number < len(cell) else "" for cell in cells]
            yield (" " * GAP).join(map(_pad, parts, sizes.values(), flush)).rstrip()

    def _beneath(self, row: Sequence[str], under: Sequence[int], width: int) -> list[str]:
        names = self._grid[0]
        told = ", ".join(f"{names[place]} {row[place]}".strip() for place in sorted(under) if row[place])
        return [f"    {line}" for line in hanging(told, width - 4)] if told else []

    def blocks(self, width: int) -> Iterator[str]:
        """A block a row, of a line a cell that is not empty: its name and what it holds."""
        names = self._grid[0]
        for row in self._grid[1:]:
            there = [(name, cell) for name, cell in zip(names, row, strict=True) if cell]
            size = min(max((columns(name) for name, _ in there), default=0), width // 2)
            room = max(1, width - size - GAP)
            yield "".join(
                f"{_pad(name, size, False)}{' ' * GAP}{line}".rstrip() + "\n"
                for label, cell in there
                for name, line in _paired(hanging(label, size), hanging(cell, room))
            )


def filled(head: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """The same without the columns that no row fills."""
    kept = [place for place in range(len(head)) if any(row[place] for row in rows)]
    return [head[place] for place in kept], [[row[place] for place in kept] for row in rows]


def widest(head: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Columns that the table takes where it is not folded."""
    return _total([max(columns(_cell(cell)) for cell in column) for column in zip(head, *rows, strict=True)])


def _paired(names: Sequence[str], lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for number in range(max(len(names), len(lines))):
        yield (names[number] if number < len(names) else "", lines[number] if number < len(lines) else "")


def _cell(text: str) -> str:
    return visible(text).replace("\n", " ").replace("\t", " ")


def _total(sizes: Collection[int]) -> int:
    return sum(sizes) + GAP * (len(sizes) - 1)


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


def _pad(text: str, size: int, right: bool) -> str:
    space = " " * (size - columns(text))
    return space + text if right else text + space
