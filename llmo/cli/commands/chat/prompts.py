"""Reads prompts: lines with editing and history on a terminal, plain lines from a pipe."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from llmo.cli.files import LARGEST
from llmo.errors import Cancelled, Exit, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from llmo.cli.context import Context

QUOTES = '"""'
"""Opens and closes a prompt of several lines."""
FIRST, NEXT = "> ", ". "
ALT_ENTER = r'"\e\C-m": "\C-v\C-j"'


class Prompts:
    """
    The prompts of a chat, one after the other.

    A line that ends in a backslash goes on in the next one; three double quotes begin a prompt that ends with three
    more. On a terminal, `earlier` prompts can be recalled and `words` are completed.
    """

    def __init__(self, ctx: Context, *, earlier: Iterable[str], words: Sequence[str]) -> None:
        self._ctx = ctx
        self._readline = _readline(earlier, words) if ctx.stdin and ctx.stdin_tty and ctx.stdout_tty else None

    def next(self) -> str | None:
        """
        Return the next prompt, None at the end of the input.

        Raises `KeyboardInterrupt` for Ctrl-C, `Cancelled` for SIGTERM, and `UsageError` for a text that is not UTF-8.
        """
        with _terminated():
            line = self._line(FIRST)
            if line is not None and line.lstrip().startswith(QUOTES):
                return self._quoted(line.lstrip().removeprefix(QUOTES))
            lines = []
            while line is not None and line.endswith("\\"):
                lines.append(line[:-1])
                line = self._line(NEXT)
            if line is None and not lines:
                return None
            return "\n".join([*lines, line or ""])

    def _quoted(self, line: str | None) -> str:
        lines = []
        while line is not None and not line.rstrip().endswith(QUOTES):
            lines.append(line)
            line = self._line(NEXT)
        if line is not None:
            lines.append(line.rstrip().removesuffix(QUOTES))
        return "\n".join(lines).strip("\n")

    def _line(self, mark: str) -> str | None:
        """Return a line, which may have several if they were pasted; None at the end."""
        try:
            text = self._edited(mark) if self._readline else self._plain(mark)
            if text is not None:
                text.encode()
        except UnicodeError:
            raise UsageError("the prompt is not UTF-8 text") from None
        return text

    def _edited(self, mark: str) -> str | None:
        self._ctx.stderr.flush()
        try:
            return input(mark)
        except EOFError:
            self._ctx.err("")
            return None

    def _plain(self, mark: str) -> str | None:
        if self._ctx.stdin_tty:
            self._ctx.ask(mark)
        data = self._ctx.stdin.buffer.readline(LARGEST + 1) if self._ctx.stdin else b""
        if len(data) > LARGEST:
            raise UsageError(f"a line of more than {LARGEST >> 20} MiB")
        if not data and self._ctx.stdin_tty:
            self._ctx.err("")
        return data.decode().rstrip("\r\n") if data else None


@contextmanager
def _terminated() -> Iterator[None]:
    """Let SIGTERM end a prompt as an error would, so that the terminal is left as it was found."""

    def ended(*_: object) -> None:
        raise Cancelled(exit=Exit.SIGTERM)

    before = signal.signal(signal.SIGTERM, ended)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _readline(earlier: Iterable[str], words: Sequence[str]) -> Any:
    """Return the line editor, None where Python has none."""
    try:
        import readline
    except ImportError:
        return None
    readline.clear_history()
    for text in earlier:
        readline.add_history(text)

    def complete(start: str, number: int) -> str | None:
        found = [f"{word} " for word in words if word.startswith(start)] if start.startswith("/") else []
        return found[number] if number < len(found) else None

    readline.set_completer_delims(" \t\n")
    readline.set_completer(complete)
    readline.parse_and_bind("tab: complete")
    readline.parse_and_bind(ALT_ENTER)
    return readline
