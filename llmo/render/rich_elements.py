"""
Tables and items of lists that rich draws the same way, without measuring and cropping each cell several times.

Where a cell doesn't fit its column, or an item is more than one paragraph, rich itself draws.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markdown import ListItem, Paragraph, TableElement
from rich.segment import Segment
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.markdown import MarkdownContext, MarkdownElement
    from rich.style import Style
    from rich.text import Text

_LINE = Segment.line()
_EDGE, _GAP = 1, 2
"""Columns before the first cell and after the last, and between two cells."""


class FoldedTable(TableElement):
    """A table whose long words are folded, not cut."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table."""
        grid = self._grid()
        sizes = [max(cell.cell_len for cell in column) for column in zip(*grid, strict=True)] if grid else []
        room = options.max_width - 2 * _EDGE - _GAP * (len(sizes) - 1)
        if sizes and sum(sizes) <= room and all(sizes) and all(_is_a_line(cell) for row in grid for cell in row):
            yield from _drawn(console, grid, sizes)
        else:
            yield from self.folded(console, options)

    def folded(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield rich's table."""
        for part in super().__rich_console__(console, options):
            if isinstance(part, Table):
                for column in part.columns:
                    column.overflow = "fold"
            yield part

    def _grid(self) -> list[list[Text]]:
        """The cells, the first row is the head; empty where a row is short."""
        head = self.header.row.cells if self.header and self.header.row else []
        rows = [row.cells for row in self.body.rows] if self.body else []
        if any(len(row) != len(head) for row in rows):
            return []
        headings = [cell.content.copy() for cell in head]
        for heading in headings:
            heading.stylize("markdown.table.header")
        return [headings, *([cell.content for cell in row] for row in rows)]


class PlainItem(ListItem):
    """An item whose only paragraph is wrapped once."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[MarkdownElement] = []

    def on_child_close(self, context: MarkdownContext, child: MarkdownElement) -> bool:
        """Keep a part of the item."""
        self._parts.append(child)
        return super().on_child_close(context, child)

    def render_bullet(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the item behind a bullet."""
        text = self._paragraph()
        if text is None:
            yield from super().render_bullet(console, options)
        else:
            style = console.get_style("markdown.item.bullet", default="none")
            yield from self._lines(console, text, options.max_width, Segment(" • ", style))

    def render_number(self, console: Console, options: ConsoleOptions, number: int, last_number: int) -> RenderResult:
        """Yield the item behind its number."""
        text = self._paragraph()
        if text is None:
            yield from super().render_number(console, options, number, last_number)
        else:
            style = console.get_style("markdown.item.number", default="none")
            mark = f"{number}".rjust(len(str(last_number)) + 1) + " "
            yield from self._lines(console, text, options.max_width, Segment(mark, style))

    def _paragraph(self) -> Text | None:
        first = self._parts[0] if len(self._parts) == 1 else None
        return first.text if isinstance(first, Paragraph) else None

    def _lines(self, console: Console, text: Text, width: int, mark: Segment) -> Iterator[Segment]:
        room = width - len(mark.text)
        lines = [text] if _is_a_line(text) and text.cell_len <= room else [*text.wrap(console, room)]
        for number, line in enumerate(lines):
            yield Segment(" " * len(mark.text), mark.style) if number else mark
            yield from line.render(console)
            yield _LINE


def _is_a_line(text: Text) -> bool:
    """Whether wrapping changes nothing where there is room."""
    plain = text.plain
    return "\n" not in plain and "\t" not in plain and plain == plain.rstrip()


def _drawn(console: Console, grid: Sequence[Sequence[Text]], sizes: Sequence[int]) -> Iterator[Segment]:
    """The table with a line beneath its head, between two empty ones."""
    border = console.get_style("markdown.table.border", default="none")
    gap = Segment(" " * _GAP, border)
    across = sum(sizes) + _GAP * (len(sizes) - 1)
    yield from (Segment(" " * (across + 2 * _EDGE), border), _LINE)
    for number, row in enumerate(grid):
        for place, (cell, size) in enumerate(zip(row, sizes, strict=True)):
            yield gap if place else Segment(" " * _EDGE, border)
            yield from _padded(console, cell, size)
        yield _LINE
        if number == 0:
            yield from (Segment(f" {'─' * across} ", border), _LINE)
    yield from (Segment(" " * (across + 2 * _EDGE), border), _LINE)


def _padded(console: Console, cell: Text, size: int) -> Iterator[Segment]:
    spare = size - cell.cell_len
    before = {"right": spare, "center": spare // 2}.get(cell.justify or "", 0)
    if before:
        yield Segment(" " * before)
    yield from cell.render(console) if cell.spans else [Segment(cell.plain, _style(console, cell))]
    if spare > before:
        yield Segment(" " * (spare - before))


def _style(console: Console, cell: Text) -> Style:
    return console.get_style(cell.style, default="none") if isinstance(cell.style, str) else cell.style
