"""
How an answer appears while it comes: raw to a pipe, Markdown by finished blocks, or events as JSON.

All append only: what has been written is never touched again. `llmo.render.live_markdown` is for terminals that can
move their cursor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from llmo.render.blocks import block_parser, finished, next_look
from llmo.render.screen import Screen
from llmo.types import jsontext

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO


class Writer(Protocol):
    """Takes the pieces of an answer."""

    def text(self, piece: str) -> None:
        """A piece of the answer."""
        ...

    def reasoning(self, piece: str) -> None:
        """A piece of the model's reasoning."""
        ...

    def end(self) -> None:
        """No more comes."""
        ...


class Silent:
    """Shows nothing: for `--json`, which prints at the end."""

    def text(self, piece: str) -> None:
        """Nothing."""

    def reasoning(self, piece: str) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""


class Raw:
    """
    The text as it comes, flushed piece by piece.

    A pipe gets the exact bytes. With `clean` a person reads: what a terminal would obey or hide is
    shown, and the last line is ended.
    """

    def __init__(self, stream: TextIO, *, clean: bool) -> None:
        self._stream, self._last = stream, "\n"
        self._screen = Screen() if clean else None

    def text(self, piece: str) -> None:
        """Write and flush."""
        self._write(self._screen.feed(piece) if self._screen else piece)

    def reasoning(self, piece: str) -> None:
        """Not part of the result."""

    def end(self) -> None:
        """End the line, so that the prompt of the shell begins on its own."""
        if self._screen:
            self._write(self._screen.end())
            self.clear()

    def clear(self) -> None:
        """End the line of a terminal, so that another can be written."""
        if self._screen:
            self._write("\n" if self._last != "\n" else "")

    def draw(self) -> None:
        """Nothing was taken away."""

    def _write(self, text: str) -> None:
        if text:
            self._last = text[-1]
            self._stream.write(text)
            self._stream.flush()


class Markdown:
    """Blocks drawn as soon as they are finished; the open block waits."""

    def __init__(self, stream: TextIO, *, color: bool, width: int, terminal: bool) -> None:
        from llmo.render.rich_markdown import Drawing

        self._stream, self._width = stream, width
        self._drawing = Drawing(color=color, terminal=terminal)
        self._dim = ("\x1b[2m", "\x1b[0m") if terminal else ("", "")
        self._parser = block_parser()
        self._words, self._thoughts = Screen(), Screen()
        self._open, self._enough = "", 0
        self._thinking = False
        self._gap = False

    def text(self, piece: str) -> None:
        """Print what the piece finished."""
        if self._thinking:
            self._end_thought()
        self._open += self._words.feed(piece)
        if "\n" in piece and len(self._open) >= self._enough:
            done = finished(self._parser, self._open)
            self._flush(done.size, item=done.item)
            self._enough = next_look(len(self._open))

    def reasoning(self, piece: str) -> None:
        """Reasoning is dim, and comes as it is."""
        self._thinking = True
        self._think(self._thoughts.feed(piece))

    def _think(self, text: str) -> None:
        if text:
            self._stream.write(text.join(self._dim))

    def _end_thought(self) -> None:
        self._think(self._thoughts.end())
        self._stream.write("\n")
        self._thinking = False

    def end(self) -> None:
        """Print the open block."""
        if self._thinking:
            self._end_thought()
        self._open += self._words.end()
        self._flush(len(self._open), item=False)

    def _flush(self, size: int, *, item: bool) -> None:
        block, self._open = self._open[:size], self._open[size:]
        if block.strip():
            self._stream.write("\n" if self._gap else "")
            self._gap = not item
            self._stream.write(self._drawing.drawn(block, self._width))
            self._stream.flush()


class EventWriter:
    """One JSON object a line, as things happen."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def event(self, name: str, /, **body: Any) -> None:
        """Write one event."""
        self._write(jsontext.write({"event": name, **body}) + "\n")

    def text(self, piece: str) -> None:
        """A `text` event."""
        self.event("text", text=piece)

    def reasoning(self, piece: str) -> None:
        """A `reasoning` event."""
        self.event("reasoning", text=piece)

    def end(self) -> None:
        """Nothing: the result event is the end."""
