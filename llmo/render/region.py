"""The rows that text takes on a terminal, so that it can be taken back and written anew."""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import category, east_asian_width

TAB = 8
_PIECES = re.compile("\n|\t|[ -~]+|.", re.DOTALL)
_ZERO = frozenset({"Mn", "Me"})
_UNSURE = frozenset({"Cf", "Mc"})
_SKIN_TONES, _SELECTOR = "\U0001f3fb\U0001f3ff", "\ufe0f"
_EMOJI = "\U0001f000"


class Region:
    """
    Text written from the first column of a row.

    Terminals disagree about the width of joined emoji, selectors and some marks. The column is therefore kept as a
    range; where only part of it would wrap, the line is broken here. So `row` is exact on every terminal.
    """

    def __init__(self, columns: int) -> None:
        self.columns, self.row = columns, 0
        self._least = self._most = 0

    @property
    def place(self) -> tuple[int, int, int]:
        """The row, and the range of columns."""
        return self.row, self._least, self._most

    @place.setter
    def place(self, place: tuple[int, int, int]) -> None:
        self.row, self._least, self._most = place

    def fits(self, columns: int, rows: int) -> bool:
        """Whether a screen of this size still has it as it was written, so that it can be taken back."""
        return self.columns == columns and self.row < rows - 1

    def put(self, text: str) -> str:
        """Count the text; return it as it must be written: tabs as spaces, with the breaks that keep `row` exact."""
        return "".join(map(self._piece, _PIECES.findall(text)))

    def taken_back(self) -> str:
        """Return the sequence that erases the region and puts the cursor where it began."""
        # Row by row: some terminals save the whole screen to their scrollback when it is cleared from its first column.
        return "\r\x1b[2K" + "\x1b[A\x1b[2K" * self.row

    def _piece(self, piece: str) -> str:
        if piece == "\n":
            self.row += 1
            self._least = self._most = 0
            return piece
        if piece == "\t":
            piece = " " * (TAB - self._least % TAB)
        if self._least == self._most and piece.isascii():
            # A full row wraps only when another character comes.
            last = self._most + len(piece) - 1
            self.row += last // self.columns
            self._least = self._most = last % self.columns + 1
            return piece
        return "".join(map(self._char, piece))

    def _char(self, char: str) -> str:
        least, most = widths(char)
        if self._most + most <= self.columns:
            self._least, self._most = self._least + least, self._most + most
            return char
        sure = self._least == self._most and least == most
        self.row += 1
        self._least, self._most = least, most
        return char if sure else f"\n{char}"


@lru_cache(4096)
def widths(char: str) -> tuple[int, int]:
    """Return the least and the most columns that terminals give a character."""
    kind = category(char)
    if kind in _ZERO:
        return (0, 1) if char == _SELECTOR else (0, 0)
    if kind in _UNSURE or "\u1160" <= char <= "\u11ff":
        return 0, 1
    wide = east_asian_width(char) in "WF"
    if _SKIN_TONES[0] <= char <= _SKIN_TONES[1]:
        return 0, 2
    if char >= _EMOJI and not wide and kind in ("So", "Cn"):
        return 1, 2
    return (2, 2) if wide else (1, 1)
