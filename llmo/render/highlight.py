"""Code in the colors of the terminal, in whole lines as they come."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pygments.lexer import Lexer

_COLORS = {
    "Comment": "2",
    "Keyword": "94",
    "Keyword.Constant": "96",
    "Literal.String": "32",
    "Literal.Number": "36",
    "Name.Function": "93",
    "Name.Class": "93",
    "Name.Tag": "94",
    "Name.Attribute": "93",
    "Name.Builtin": "96",
    "Name.Decorator": "35",
    "Name.Exception": "93",
    "Operator.Word": "94",
    "Generic.Deleted": "31",
    "Generic.Inserted": "32",
    "Generic.Heading": "1",
    "Generic.Subheading": "36",
    "Generic.Prompt": "2",
}
"""The terminal's own colors, readable on its background, whichever it is; by pygments' names of tokens."""
_LONG_LINE = 2000
"""Characters of a line that is not highlighted: patterns of some languages take the square of its length."""
_PART = 16384
_LOOK_BACK = 4096
"""Characters of an unfinished string or comment that the next lines are read with."""


class Highlighter:
    """Colors the code of one block, part by part."""

    def __init__(self, language: str, *, color: bool) -> None:
        self._lexer = _lexer(language) if color else None
        self._inside = ""
        """The lines that an unfinished string or comment began with."""

    def colored(self, code: str) -> str:
        """Return the next lines of the code in color; without a lexer as they are."""
        if self._lexer is None:
            return code
        pieces, at = [], 0
        while at < len(code):
            end = code.rfind("\n", at, at + _PART) + 1 or code.find("\n", at) + 1 or len(code)
            pieces.append(self._part(self._lexer, code[at:end]))
            at = end
        return "".join(pieces)

    def _part(self, lexer: Lexer, code: str) -> str:
        if max(map(len, code.split("\n"))) > _LONG_LINE:
            self._inside = ""
            return code
        known = len(self._inside)
        tokens = list(lexer.get_tokens_unprocessed(self._inside + code))
        runs = groupby(tokens, key=lambda token: _color(token[1]))
        out = "".join(
            _colored(color, "".join(text[max(0, known - at) :] for at, _, text in run if at + len(text) > known))
            for color, run in runs
        )
        self._inside = self._unfinished(self._inside + code, tokens)
        return out

    def _unfinished(self, code: str, tokens: list[tuple[int, Any, str]]) -> str:
        """Return the lines from the begin of the string or comment that the code ends in, if it does."""
        begin = len(code)
        for at, kind, text in reversed(tokens):
            if str(kind).startswith(("Token.Literal.String", "Token.Comment")):
                begin = at
            elif text.strip() or begin < len(code):
                break
        begin = code.rfind("\n", 0, begin) + 1
        return code[begin:] if len(code) - begin <= _LOOK_BACK else ""


def _colored(color: str, text: str) -> str:
    if not color or not text.strip():
        return text
    return "\n".join(f"\x1b[{color}m{line}\x1b[0m" if line else "" for line in text.split("\n"))


@cache
def _color(kind: Any) -> str:
    name = str(kind).removeprefix("Token.")
    while name:
        if name in _COLORS:
            return _COLORS[name]
        name = name.rpartition(".")[0]
    return ""


def _lexer(language: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language) if language else None
    except ClassNotFound:
        return None
