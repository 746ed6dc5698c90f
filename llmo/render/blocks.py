"""Where the blocks of a Markdown text end while it arrives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_AT_BLANK = frozenset({"paragraph_open", "table_open", "blockquote_open"})
_AT_ONCE = frozenset({"heading_open", "hr"})
_LISTS = frozenset({"bullet_list_open", "ordered_list_open"})
ITEMS = 512
"""Characters of finished list items that are printed together: one by one takes much longer."""
_OFTEN = 2048
_LOOKED_AT = 200
"""Characters of a line that say whether it ends a block."""


class Fence(NamedTuple):
    """The line that opens a block of code: how it is marked, the language, the spaces before it."""

    markup: str
    language: str
    indent: int

    def closed_by(self, line: str) -> bool:
        """Whether the line ends the code."""
        closing = rf" {{0,3}}{re.escape(self.markup)}{re.escape(self.markup[0])}*[ \t]*\n?\Z"
        return bool(re.match(closing, line))

    def code(self, lines: str) -> str:
        """Return lines of the code without the indentation of the fence."""
        return re.sub(rf"^ {{1,{self.indent}}}", "", lines, flags=re.MULTILINE) if self.indent else lines


class Parsed(NamedTuple):
    """Tokens of finished blocks, without what is in their lines, and the addresses that links refer to."""

    tokens: list[Token]
    env: dict[str, Any]


class Finished(NamedTuple):
    """
    How many characters are finished, and their tokens.

    What comes next is perhaps another item of the same list, or a block of code that is still open.
    """

    size: int
    parsed: Parsed
    item: bool = False
    fence: Fence | None = None


def block_parser() -> MarkdownIt:
    """Return a parser of blocks only: what stands in them doesn't move their ends."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("inline")


def finished(parser: MarkdownIt, text: str, *, least: int = ITEMS) -> Finished:
    """
    Find the finished blocks of a text. A last line without its end is ignored.

    Items of a list that has not ended are finished blocks too if there are `least` characters of them.
    """
    lines = text[: text.rfind("\n") + 1].splitlines(keepends=True)
    env: dict[str, Any] = {}
    tokens = parser.parse("".join(lines), env)
    last = _last(tokens)
    if last is None or last.map is None or _ended(last, lines):
        return Finished(sum(map(len, lines)), Parsed(tokens, env))
    begin = last.map[0]
    done = Finished(sum(map(len, lines[:begin])), Parsed(tokens[: _place(tokens, last)], env))
    if last.type == "fence":
        return done._replace(fence=_fence(last, lines[begin]))
    if last.type in _LISTS:
        item = next(token for token in reversed(tokens) if token.type == "list_item_open" and token.level == 1)
        line = item.map[0] if item.map else begin
        whole = sum(map(len, lines[:line]))
        if line > begin and whole >= least:
            return Finished(whole, Parsed([*tokens[: _place(tokens, item)], tokens[-1]], env), item=True)
    return done


def continues(text: str) -> bool:
    """Return whether the last whole line is like the one before it: if a block ended there, the next line shows it."""
    end = text.rfind("\n")
    begin = text.rfind("\n", 0, max(0, end)) + 1
    kind = _kind(text[begin : begin + 2])
    if kind in ("-", "1") and begin >= ITEMS:
        return False
    if begin == 0:
        return kind == "a"
    before = text.rfind("\n", 0, begin - 1) + 1
    return bool(kind) and kind == _kind(text[before : before + 2])


def _kind(line: str) -> str:
    first = line[:1]
    if first.isalpha():
        return "a"
    if first.isdecimal():
        return "1"
    return first if first == "|" else "-" if line in ("- ", "* ", "+ ") else ""


def next_look(size: int) -> int:
    """Return the size at which a block is parsed again: short ones at each line, long ones at every eighth more."""
    return size + size // 8 if size > _OFTEN else 0


def _last(tokens: Sequence[Token]) -> Token | None:
    return next((token for token in reversed(tokens) if token.level == 0 and token.map), None)


def _place(tokens: Sequence[Token], token: Token) -> int:
    """Where the token is; most are searched for near the end, and comparing two looks at all they have."""
    return next(n for n in range(len(tokens) - 1, -1, -1) if tokens[n] is token)


def _fence(token: Token, line: str) -> Fence:
    return Fence(token.markup, language(token.info), len(line) - len(line.lstrip(" ")))


def language(info: str) -> str:
    """Return the language that a block of code names."""
    return next(iter(info.split()), "")


def _ended(last: Token, lines: Sequence[str]) -> bool:
    if last.type in _AT_ONCE:
        return True
    if last.type in _AT_BLANK:
        return not lines[-1].strip()
    if last.type == "fence" and last.map:
        begin, end = last.map
        return end - begin > 1 and _fence(last, lines[begin]).closed_by(lines[end - 1])
    return False


class BlockEnd:
    """Finds the end of a block whose text is not kept; `text` is what there was of it."""

    def __init__(self, parser: MarkdownIt, text: str) -> None:
        last = _last(parser.parse(text))
        kind = last.type if last else ""
        self._indented = kind in _LISTS or kind == "code_block"
        self._line = text[text.rfind("\n") + 1 :][:_LOOKED_AT]

    def find(self, text: str) -> int | None:
        """Return how much of the text still belongs to the block, or None if all does and more may follow."""
        at = 0
        for line in _lines(text):
            if self._indented and not self._line and not line[0].isspace():
                return at
            self._line = (self._line + line)[:_LOOKED_AT]
            at += len(line)
            if line[-1] == "\n":
                ended, self._line = not self._indented and not self._line.strip(), ""
                if ended:
                    return at
        return None


class LineEnd:
    """Finds the end of a line of code whose text is not kept; `line` is its beginning."""

    def __init__(self, line: str) -> None:
        self.line = line[:_LOOKED_AT]

    def find(self, text: str) -> int | None:
        """Return how much of the text still belongs to the line, or None if all does and more may follow."""
        at = text.find("\n") + 1
        self.line = (self.line + text[: at or _LOOKED_AT])[:_LOOKED_AT]
        return at or None


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)
