"""
How an answer appears while it comes: raw to a pipe, markdown by finished blocks on a terminal, or events as JSON.

All append only: what has been written is never touched again, so scrollback and slow terminals
are safe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from llmo.render.screen import Screen, styled
from llmo.types import jsontext

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

OFTEN = 2048
"""Characters of an open block up to which each line may finish it; longer ones are read at every eighth more."""


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
            self._write("\n" if self._last != "\n" else "")

    def _write(self, text: str) -> None:
        if text:
            self._last = text[-1]
            self._stream.write(text)
            self._stream.flush()


class _Drawn:
    """A stream for rich: its styles pass, and what it makes of a text (`&#x202e;`) is looked at again."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write it, made visible."""
        return self._stream.write(styled(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Markdown:
    """Blocks rendered with rich as soon as they are finished; the open block waits."""

    def __init__(self, stream: TextIO, *, color: bool, width: int, terminal: bool) -> None:
        from markdown_it import MarkdownIt
        from rich.console import Console

        drawn: Any = _Drawn(stream)
        self._parser = MarkdownIt("commonmark").enable("table")
        self._console = Console(file=drawn, force_terminal=terminal, no_color=not color, width=width, highlight=False)
        self._words, self._thoughts = Screen(), Screen()
        self._open, self._enough = "", 0
        self._thinking = False
        self._first = True

    def text(self, piece: str) -> None:
        """Print what the piece finished."""
        if self._thinking:
            self._end_thought()
        self._open += self._words.feed(piece)
        if "\n" in piece and len(self._open) >= self._enough:
            self._flush(self._finished())
            size = len(self._open)
            self._enough = size + size // 8 if size > OFTEN else 0

    def reasoning(self, piece: str) -> None:
        """Reasoning is dim, and comes as it is."""
        self._thinking = True
        self._think(self._thoughts.feed(piece))

    def _think(self, text: str) -> None:
        from rich.text import Text

        self._console.print(Text(text, style="dim"), end="")

    def _end_thought(self) -> None:
        self._think(self._thoughts.end())
        self._console.print()
        self._thinking = False

    def end(self) -> None:
        """Print the open block."""
        if self._thinking:
            self._end_thought()
        self._open += self._words.end()
        self._flush(len(self._open))

    def _finished(self) -> int:
        """Characters up to the last block, which may go on."""
        starts = [token.map[0] for token in self._parser.parse(self._open) if token.level == 0 and token.map]
        line = max(starts, default=0)
        return sum(map(len, self._open.splitlines(keepends=True)[:line]))

    def _flush(self, size: int) -> None:
        from rich.markdown import Markdown as Rendered

        block, self._open = self._open[:size], self._open[size:]
        if block.strip():
            if not self._first:
                self._console.print()
            self._first = False
            # No hyperlinks: a link whose text hides its address is a trick that a model must not play.
            self._console.print(Rendered(block, hyperlinks=False))


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
