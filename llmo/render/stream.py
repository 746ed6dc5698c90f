"""
How an answer appears while it comes: raw to a pipe, markdown by finished blocks on a terminal, or events as JSON.

All append only: what has been written is never touched again, so scrollback and slow terminals
are safe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from llmo import jsontext

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

    A pipe gets the exact bytes. With `clean` a person reads: control characters are shown
    instead of obeyed, and the last line is ended.
    """

    def __init__(self, stream: TextIO, *, clean: Callable[[str], str] | None = None) -> None:
        self._stream, self._clean, self._last = stream, clean, "\n"

    def text(self, piece: str) -> None:
        """Write and flush."""
        self._last = piece[-1]
        self._stream.write(self._clean(piece) if self._clean else piece)
        self._stream.flush()

    def reasoning(self, piece: str) -> None:
        """Not part of the result."""

    def end(self) -> None:
        """End the line, so that the prompt of the shell begins on its own."""
        if self._clean and self._last != "\n":
            self._stream.write("\n")
            self._stream.flush()


class Markdown:
    """Blocks rendered with rich as soon as they are finished; the open block waits."""

    def __init__(self, stream: TextIO, *, clean: Callable[[str], str], color: bool, width: int, terminal: bool) -> None:
        from markdown_it import MarkdownIt
        from rich.console import Console

        self._clean = clean
        self._parser = MarkdownIt("commonmark").enable("table")
        self._console = Console(file=stream, force_terminal=terminal, no_color=not color, width=width, highlight=False)
        self._open = ""
        self._thinking = False
        self._first = True

    def text(self, piece: str) -> None:
        """Print what the piece finished."""
        if self._thinking:
            self._console.print()
            self._thinking = False
        self._open += self._clean(piece)
        if "\n" in piece:
            self._flush(self._finished())

    def reasoning(self, piece: str) -> None:
        """Reasoning is dim, and comes as it is."""
        from rich.text import Text

        self._thinking = True
        self._console.print(Text(self._clean(piece), style="dim"), end="")

    def end(self) -> None:
        """Print the open block."""
        if self._thinking:
            self._console.print()
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


class Events:
    """One JSON object a line, as things happen."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def event(self, name: str, /, **body: Any) -> None:
        """Write one event."""
        self._stream.write(jsontext.write({"event": name, **body}) + "\n")
        self._stream.flush()

    def text(self, piece: str) -> None:
        """A `text` event."""
        self.event("text", text=piece)

    def reasoning(self, piece: str) -> None:
        """A `reasoning` event."""
        self.event("reasoning", text=piece)

    def end(self) -> None:
        """Nothing: the result event is the end."""
