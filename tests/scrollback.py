"""A small terminal: what it shows of the bytes that it gets, with everything that has scrolled off its top."""

from __future__ import annotations

import os
from typing import Any

import pyte
from wcwidth import wcwidth


class Terminal(pyte.HistoryScreen):
    """A screen that keeps its history, and is written to like a stream."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        super().__init__(columns, lines, history=1_000_000)
        self._parser = pyte.Stream(self)
        self.written: list[str] = []

    def draw(self, data: str) -> None:
        """Print text: a wide character goes to the next line if half of it fits, and a mark has no column. Not so in pyte."""
        if data.isascii():
            super().draw(data)
            return
        for char in data:
            width = wcwidth(char)
            if width == 2 and self.cursor.x == self.columns - 1:
                self.carriage_return()
                self.linefeed()
            if width > 0:
                super().draw(char)

    def write(self, text: str) -> int:
        """Show text; the terminal's line discipline adds carriage returns."""
        self.written.append(text)
        self.raw(text.replace("\n", "\r\n"))
        return len(text)

    def raw(self, text: str) -> None:
        """Show what has passed the line discipline."""
        self._parser.feed(text)

    def flush(self) -> None:
        """Nothing waits."""

    def size(self) -> os.terminal_size:
        """The size, as a program asks for it."""
        return os.terminal_size((self.columns, self.lines))

    @property
    def all(self) -> list[str]:
        """Every line, history first, without trailing blanks and lines."""
        lines = [*(self._row(row) for row in self.history.top), *(line.rstrip() for line in self.display)]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def _row(self, row: Any) -> str:
        return "".join(row[column].data for column in range(self.columns)).rstrip()

    def styles(self, text: str) -> list[Any]:
        """The cell where each screen line with this text begins to show it."""
        return [self.buffer[number][line.index(text)] for number, line in enumerate(self.display) if text in line]
