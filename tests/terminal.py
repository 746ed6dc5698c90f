"""A terminal's screen, as far as llmo moves about on it: what a person sees after all those bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(r"\x1b\[(?P<args>[0-9;?]*)(?P<code>[A-Za-z])|(?P<char>[^\x1b])")


@dataclass
class Screen:
    """
    Lines of `width` columns, without an end at the bottom; `wide` is every column a cell, for narrow characters only.

    Long lines wrap. With `rewraps` they are wrapped anew when the size changes, as in tmux and most others; without,
    as in xterm, what stands beyond the edge is cut.
    """

    width: int
    rewraps: bool = True
    rows: list[str] = field(default_factory=lambda: [""])
    joined: set[int] = field(default_factory=set)
    """Rows that go on the row before them."""
    row: int = 0
    column: int = 0
    unknown: list[str] = field(default_factory=list)

    def feed(self, text: str) -> None:
        """Take what a program writes."""
        for found in _TOKEN.finditer(text):
            if found["char"] is not None:
                self._char(found["char"])
            elif found["code"] in "JK":
                self._erase(below=found["code"] == "J")
            elif found["code"] != "m":
                self.unknown.append(found[0])

    @property
    def text(self) -> list[str]:
        """The rows, without spaces at their ends and empty rows at the end."""
        rows = [row.rstrip() for row in self.rows]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def resize(self, width: int) -> None:
        """Make it wider or narrower."""
        if not self.rewraps:
            self.rows = [row[:width] for row in self.rows]
            self.width, self.column = width, min(self.column, width - 1)
            return
        rows: list[str] = []
        joined: set[int] = set()
        at = (0, 0)
        for first, text in self._whole():
            pieces = [text[n : n + width] for n in range(0, max(1, len(text)), width)]
            offset = sum(len(row) for row in self.rows[first : self.row]) + self.column
            if first <= self.row and not any(n > first for n in range(first + 1, self.row + 1) if n not in self.joined):
                at = (len(rows) + min(offset // width, len(pieces) - 1), offset % width)
            joined |= {len(rows) + n for n in range(1, len(pieces))}
            rows += pieces
        self.rows, self.joined, self.width = rows, joined, width
        self.row, self.column = at

    def _whole(self) -> list[tuple[int, str]]:
        """Lines as they were written, with the row where each begins."""
        found: list[tuple[int, str]] = []
        for number, row in enumerate(self.rows):
            if number in self.joined:
                first, text = found.pop()
                found.append((first, text + row))
            else:
                found.append((number, row))
        return found

    def _char(self, char: str) -> None:
        if char == "\r":
            self.column = 0
        elif char == "\n":
            self._down()
        else:
            if self.column >= self.width:
                self._down()
                self.joined.add(self.row)
                self.column = 0
            row = self.rows[self.row].ljust(self.column)
            self.rows[self.row] = row[: self.column] + char + row[self.column + 1 :]
            self.column += 1

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append("")

    def _erase(self, *, below: bool) -> None:
        self.rows[self.row] = self.rows[self.row][: self.column]
        if below:
            del self.rows[self.row + 1 :]
            self.joined = {number for number in self.joined if number <= self.row}
