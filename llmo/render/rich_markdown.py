"""Markdown as rich draws it, with code that can be copied."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from rich.console import Console
from rich.markdown import CodeBlock, Markdown
from rich.text import Text
from rich.theme import Theme

from llmo.render.blocks import language
from llmo.render.highlight import Highlighter
from llmo.render.rich_elements import FoldedTable, PlainItem
from llmo.render.screen import styled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from markdown_it.token import Token
    from rich.console import ConsoleOptions, RenderResult

    from llmo.render.blocks import Parsed

STYLES = {"markdown.code": "bold cyan"}
"""Unlike rich's: code on black is a stain on any other background."""
_CODE = "\x1e"
"""Stands for a block of code while rich lays out what is around it. No text has it: see `llmo.render.screen`."""
_PADDING = re.compile(r"(?<! ) ++((?:\x1b\[0m)?)$", re.MULTILINE)
_STYLE = r"\x1b\[[0-9;]*m"
_BLANK = rf"(?:{_STYLE}|[ \t])*"
_AROUND = re.compile(rf"\A(?:{_BLANK}\n)+|(?:\n{_BLANK})+\Z")
_BLANKS = re.compile(rf"\n(?:{_BLANK}\n){{2,}}")
_CODE_LINE = re.compile(rf"^([^\n{_CODE}]*){_CODE}[^\n]*\n?", re.MULTILINE)
_NO_BULLET = re.compile(rf"(?:{_STYLE}|[ ▌])*")
_OF_BLOCKS = ("normalize", "block")
"""Rules of the parser whose work is done where blocks have been parsed."""
_DEEPEST = 18
"""Levels of lists and quotes, two to a list; what is deeper, the parser leaves out."""
_INDENTED = {"blockquote_open": 4, "blockquote_close": -4, "list_item_open": 5, "list_item_close": -5}
"""Columns that a quote or an item takes at most."""
_CELL = 6
"""Columns that a cell of a table needs."""
_ROOM = 12
"""Columns that the innermost text needs."""


class _Code(CodeBlock):
    """Code that is put in afterwards, without padding, indentation and line breaks of ours."""

    @classmethod
    def create(cls, markdown: Markdown, token: Token) -> CodeBlock:
        """Remember which Markdown collects the code."""
        code = super().create(markdown, token)
        if isinstance(code, cls) and isinstance(markdown, Copyable):
            code.keep, code.language = markdown.codes.append, language(token.info)
        return code

    keep: Callable[[tuple[str, str]], None]
    language: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the mark."""
        self.keep((self.language, str(self.text)))
        yield Text(_CODE, no_wrap=True)


class Copyable(Markdown):
    """Markdown whose code is collected, to be put in after the layout."""

    elements = Markdown.elements | {
        "fence": _Code,
        "code_block": _Code,
        "table_open": FoldedTable,
        "list_item_open": PlainItem,
    }

    def __init__(self) -> None:
        super().__init__("", hyperlinks=False)
        self.codes: list[tuple[str, str]] = []


class Drawing:
    """
    Draws blocks; its parts are used again, because making them takes longer than a short block.

    No hyperlinks: a link whose text hides its address is a trick that a model must not play. HTML is text.
    """

    def __init__(self, *, color: bool, terminal: bool) -> None:
        self._console = Console(
            file=io.StringIO(),
            force_terminal=terminal,
            no_color=not color,
            highlight=False,
            theme=Theme(STYLES),
            # Any size: without one rich reads COLUMNS and LINES, and fails at some.
            width=80,
            height=25,
        )
        self._parser = MarkdownIt("commonmark", {"html": False}).enable("strikethrough").enable("table")
        self._markdown = Copyable()
        self._color = color and terminal

    def drawn(self, block: str, width: int, parsed: Parsed | None = None) -> str:
        """
        Return a block as it is printed: no blank lines around it, no padding, lines of code as long as they are.

        What doesn't fit the width, as a table of many columns, is printed as it was written. What has been `parsed` is
        not parsed again but for what is in its lines.
        """
        tokens = self._parser.parse(block) if parsed is None else self._with_inlines(parsed)
        if _room(tokens, width) < 0:
            return styled(f"{block.strip(chr(10))}\n")
        self._console.width = width
        self._markdown.markup, self._markdown.parsed = block, tokens
        self._markdown.codes.clear()
        with self._console.capture() as capture:
            self._console.print(self._markdown)
        text = _BLANKS.sub("\n\n", _AROUND.sub("", _PADDING.sub(r"\1", capture.get())))
        return styled(_CODE_LINE.sub(self._code, f"{text}\n")) if text else ""

    def _with_inlines(self, parsed: Parsed) -> list[Token]:
        state = StateCore("", self._parser, parsed.env, parsed.tokens)
        for rule in self._parser.core.ruler.getRules(""):
            if rule.__name__ not in _OF_BLOCKS:
                rule(state)
        return state.tokens

    def highlighter(self, name: str) -> Highlighter:
        """Return what colors a block of code in this language."""
        return Highlighter(name, color=self._color)

    def _code(self, found: re.Match[str]) -> str:
        # Only a bullet keeps its line: what is copied begins with the code.
        bullet = "" if _NO_BULLET.fullmatch(found[1]) else _PADDING.sub(r"\1", found[1]) + "\n"
        name, code = self._markdown.codes.pop(0)
        return f"{bullet}{self.highlighter(name).colored(code.rstrip())}\n"


def _room(tokens: Sequence[Token], width: int) -> int:
    """Return how many columns are left for the text that has the fewest; negative if they don't suffice."""
    if any(token.level >= _DEEPEST for token in tokens):
        return -1
    indented = cells = most = 0
    for token in tokens:
        indented += _INDENTED.get(token.type, 0)
        cells = 0 if token.type == "tr_open" else cells + (token.type in ("th_open", "td_open"))
        most = max(most, indented + max(_ROOM, cells * _CELL))
    return width - most
