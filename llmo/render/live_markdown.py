"""
Markdown on a terminal that can move its cursor: words as they come, blocks in their final form once they are finished.

The open block stands at the end of the screen as it was written. When it is finished, it is erased and printed once in
its final form. What is above it is never touched. Lists and code that fill the screen are finished item by item and
line by line. Any other block that fills it, or that the terminal has wrapped anew because its size changed, can't be
erased safely: it stays as it was written, and its text is not kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llmo.render.blocks import ITEMS, BlockEnd, LineEnd, block_parser, continues, finished, next_look
from llmo.render.region import Region
from llmo.render.screen import Screen

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from typing import TextIO

    from llmo.render.blocks import Fence, Finished
    from llmo.render.highlight import Highlighter
    from llmo.render.rich_markdown import Drawing

WIDEST = 100
"""Columns of rendered prose."""
_BLANK_LINES = re.compile(r"\A(?:[ \t]*+\n)*+")


class LiveMarkdown:
    """Writes an answer to a terminal; `size` returns its columns and lines."""

    def __init__(self, stream: TextIO, size: Callable[[], os.terminal_size], *, color: bool = True) -> None:
        self._words = Screen()
        self._thought = _Thought()
        self._body = _Body(_Paper(stream, size, color=color))

    def text(self, piece: str) -> None:
        """Show the piece, and print in its final form what it finished."""
        self._end_thought()
        self._body.take(self._words.feed(piece))
        self._body.paper.flush()

    def reasoning(self, piece: str) -> None:
        """Show reasoning dim; it ends an open block."""
        if not self._thought.open:
            self._end_words()
            self._body.paper.space()
        self._body.paper.write(self._thought.feed(piece), "2")
        self._body.paper.flush()

    def end(self) -> None:
        """Print the open block."""
        self._end_thought()
        self._end_words()
        self._body.paper.flush()

    def clear(self) -> None:
        """Leave the cursor where another line can be written; what can be erased is shown again by `draw`."""
        self._body.clear()
        self._body.paper.flush()

    def draw(self) -> None:
        """Show the open block again below what others have written."""
        self._body.draw()
        self._body.paper.flush()

    def displaced(self) -> None:
        """Take note that others have written to the terminal: nothing that stands there is touched any more."""
        self._body.displaced()

    def _end_words(self) -> None:
        self._body.take(self._words.end())
        self._body.end()

    def _end_thought(self) -> None:
        if self._thought.open:
            self._body.paper.write(self._thought.end(), "2")
            self._body.paper.end_line()
            self._body.paper.gap = True


class _Thought:
    """Reasoning without blank lines around it."""

    def __init__(self) -> None:
        self.open = False
        self._screen, self._newlines = Screen(), ""

    def feed(self, piece: str) -> str:
        """Return what can be printed by now."""
        text = self._newlines + self._screen.feed(piece)
        if not self.open:
            text = text.lstrip("\n")
        self.open = True
        said = text.rstrip("\n")
        self._newlines = text[len(said) :]
        return said

    def end(self) -> str:
        """Return what still waited."""
        self.open, self._newlines = False, ""
        return self._screen.end()


class _Paper:
    """What is written to the terminal, and whether a blank line is due."""

    def __init__(self, stream: TextIO, size: Callable[[], os.terminal_size], *, color: bool) -> None:
        self._stream, self.size, self._color = stream, size, color
        self._drawing: Drawing | None = None
        self._last = "\n"
        self.gap = False
        """Whether a blank line goes before the next block."""
        self.flush = stream.flush

    @property
    def drawing(self) -> Drawing:
        """What draws finished blocks; rich is imported for the first one."""
        if self._drawing is None:
            from llmo.render.rich_markdown import Drawing

            self._drawing = Drawing(color=self._color, terminal=True)
        return self._drawing

    def write(self, text: str, style: str = "") -> None:
        """Write text, which may be styled."""
        if text:
            self._last = text[-1]
            self._stream.write(f"\x1b[{style}m{text}\x1b[0m" if style else text)

    def replace(self, region: Region | None, drawn: str) -> None:
        """Write finished blocks, in place of a region."""
        if region:
            self._last = "\n"
        elif drawn:
            self.space()
        self.write((region.taken_back() if region else "") + drawn)
        self._last = drawn[-1:] or self._last

    def space(self) -> None:
        """Write the blank line that is due."""
        self.write("\n" if self.gap else "")
        self.gap = False

    def end_line(self) -> None:
        """Begin a new line unless one has begun."""
        self.write("" if self._last == "\n" else "\n")

    def ended(self) -> None:
        """Take note that others have ended the line."""
        self._last = "\n"


class _Body:
    """The words of an answer, block by block."""

    def __init__(self, paper: _Paper) -> None:
        self.paper = paper
        self._parser = block_parser()
        self._open, self._shown, self._enough = "", 0, 0
        """Text that is not printed yet, how much of it is shown, and the size at which it is parsed again."""
        self._region: Region | None = None
        self._rest: BlockEnd | LineEnd | None = None
        """What finds the end of what is only passed on."""
        self._fence: Fence | None = None
        self._code: Highlighter | None = None
        self._lines = 0
        """How much of open code has been searched for its end."""

    def take(self, text: str) -> None:
        """Add text."""
        columns, rows = self.paper.size()
        if self._region and not (self._shown == len(self._open) and self._region.fits(columns, rows)):
            self._give_up()
        text = self._pass_on(text)
        if not text:
            return
        self._open += text
        if "\n" in text and (self._fence or text.count("\n") > 1 or not continues(self._open)):
            self._cut(columns)
        if not self._show(columns, rows):
            # Looked at once more: not each line of a long block is, and short items wait.
            self._enough = 0
            self._cut(columns, least=0)
            self._show(columns, rows)

    def end(self) -> None:
        """Print the open block."""
        columns, rows = self.paper.size()
        if self._region and not self._region.fits(columns, rows):
            self._give_up()
        if self._fence:
            last = self._open[self._lines :]
            size = self._lines if self._fence.closed_by(last) else len(self._open)
            self._settle_code(size)
            self.paper.end_line()
            self._open, self._rest = "", None
            self._end_code()
        elif self._rest is None:
            self._settle(len(self._open), columns)
        else:
            self.paper.end_line()
            self.paper.gap, self._rest = True, None
        self._enough = 0

    def clear(self) -> None:
        """Erase the open block, or end the line where it can't be erased."""
        columns, rows = self.paper.size()
        if self._region and self._region.fits(columns, rows):
            self.paper.replace(self._region, "")
            self._region, self._shown = None, 0
        else:
            self.paper.end_line()
            self.displaced()

    def draw(self) -> None:
        """Show the open block again."""
        if self._open and self._region is None:
            self._show(*self.paper.size())

    def displaced(self) -> None:
        """Give up the open block, whose line others have ended."""
        if self._region:
            self._give_up()
        self.paper.ended()

    def _pass_on(self, text: str) -> str:
        """Write what belongs to a block that was given up; return what is left."""
        while self._rest and text:
            end = self._rest.find(text)
            self.paper.write(text[:end])
            if end is None:
                return ""
            text = text[end:]
            if self._fence and isinstance(self._rest, LineEnd) and self._fence.closed_by(self._rest.line):
                self._end_code()
            self._rest = None
        return text

    def _cut(self, columns: int, *, least: int = ITEMS) -> None:
        """Print what is finished, and code too unless `least` is positive."""
        while True:
            if self._fence and not self._cut_code(self._fence, least=least):
                return
            if len(self._open) < self._enough:
                return
            done = finished(self._parser, self._open, least=least)
            if done.size:
                self._settle(done.size, columns, done)
            self._enough = next_look(len(self._open))
            if done.fence is None:
                return
            self._begin_code(done.fence)

    def _begin_code(self, fence: Fence) -> None:
        self.paper.replace(self._region, "")
        self._open = self._open[self._open.index("\n") + 1 :]
        self._fence, self._code = fence, self.paper.drawing.highlighter(fence.language)
        self._region, self._shown, self._lines, self._enough = None, 0, 0, 0

    def _cut_code(self, fence: Fence, *, least: int) -> bool:
        """Return whether the code has ended."""
        while end := self._open.find("\n", self._lines) + 1:
            if fence.closed_by(self._open[self._lines : end]):
                self._settle_code(self._lines)
                self._open = self._open[end - self._lines :]
                self._end_code()
                return True
            self._lines = end
        if not least:
            self._settle_code(self._lines)
            self._lines = 0
        return False

    def _settle_code(self, size: int) -> None:
        """Replace what is shown by the first `size` characters of code."""
        if not (self._code and self._fence):
            return
        code, self._open = self._open[:size], self._open[size:]
        drawn = self._code.colored(self._fence.code(code))
        if drawn or self._region:
            self.paper.replace(self._region, drawn)
        self._region, self._shown = None, 0

    def _end_code(self) -> None:
        self._fence, self._code, self._lines = None, None, 0
        self.paper.gap = True

    def _settle(self, size: int, columns: int, done: Finished | None = None) -> None:
        """Replace what is shown by the final form of the first `size` characters."""
        block, self._open = self._open[:size], self._open[size:]
        parsed = done and done.parsed
        drawn = self.paper.drawing.drawn(block, min(columns, WIDEST), parsed) if block.strip() else ""
        if drawn or self._region:
            self.paper.replace(self._region, drawn)
        if drawn:
            self.paper.gap = not (done and done.item)
        self._region, self._shown = None, 0

    def _show(self, columns: int, rows: int) -> bool:
        """Write the rest of the open block as it came, if the screen has room for it."""
        if self._region is None:
            blank = None if self._fence else _BLANK_LINES.match(self._open)
            self._shown = blank.end() if blank else 0
            if not self._open[self._shown :].strip(" \t"):
                self._shown = 0
                return True
            self.paper.space()
            self._region = Region(columns)
        before = self._region.place
        text = self._region.put(self._open[self._shown :])
        if not self._region.fits(columns, rows):
            self._region.place = before
            return False
        self.paper.write(text)
        self._shown = len(self._open)
        return True

    def _give_up(self) -> None:
        """Leave the open block as it is; what is still to come of it is only passed on."""
        self.paper.write(self._open[self._shown :])
        line = self._open[self._open.rfind("\n") + 1 :]
        if self._fence is None:
            self._rest = BlockEnd(self._parser, self._open)
        elif line:
            self._rest = LineEnd(line)
        self._region, self._open, self._shown, self._lines, self._enough = None, "", 0, 0, 0
