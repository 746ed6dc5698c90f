"""A short text that a regular expression matches: for the answers of `offline` to schemas with a `pattern`."""

from __future__ import annotations

import re
from functools import lru_cache
from re import _constants as code  # type: ignore[attr-defined]  # the parse tree has no public door
from re import _parser as parser  # type: ignore[attr-defined]  # as above
from typing import Any

from llmo.errors import UsageError
from llmo.requests.validator import checked
from llmo.types import jsontext

_CLASSES = {
    code.CATEGORY_DIGIT: "0",
    code.CATEGORY_NOT_DIGIT: "a",
    code.CATEGORY_WORD: "a",
    code.CATEGORY_NOT_WORD: "-",
    code.CATEGORY_SPACE: " ",
    code.CATEGORY_NOT_SPACE: "a",
}
_REPEATS = (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT)
LONGEST = 10_000
_CANDIDATES = "a0A-_ .,:/@+#x1Zé"


@lru_cache(maxsize=64)
def example(pattern: str) -> str | None:
    """The shortest first choice at every turn; None where that is too long or does not match."""
    if len(pattern) > LONGEST:
        return None
    try:
        made = _all(parser.parse(pattern))
        # Held against it by the engine of the validator: Python's own needs years for some of them.
        return None if checked({"pattern": pattern}).check(jsontext.write(made))[1] else made
    except (re.error, LookupError, TypeError, ValueError, OverflowError, RecursionError, UsageError):
        return None


def _piece(node: tuple[Any, Any]) -> str:
    kind, value = node
    if kind in _REPEATS:
        once, times = _all(value[2]), int(value[0])
        if len(once) * times > LONGEST:
            raise ValueError("too long")
        return once * times if once else ""
    if kind is code.SUBPATTERN:
        return _all(value[-1])
    if kind is code.BRANCH:
        return _all(value[1][0])
    return _character(kind, value)


def _all(nodes: Any) -> str:
    made = ""
    for node in nodes:
        made += _piece(node)
        if len(made) > LONGEST:
            raise ValueError("too long")
    return made


def _character(kind: Any, value: Any) -> str:
    if kind is code.LITERAL:
        return chr(value)
    if kind is code.IN:
        return _member(value)
    if kind is code.NOT_LITERAL:
        return next(c for c in _CANDIDATES if ord(c) != value)
    return {code.ANY: "a", code.AT: ""}[kind]


def _member(members: list[tuple[Any, Any]]) -> str:
    if members[0][0] is code.NEGATE:
        return next(c for c in _CANDIDATES if not any(_in(c, member) for member in members[1:]))
    kind, value = members[0]
    if kind is code.CATEGORY:
        return _CLASSES[value]
    return chr(value[0] if kind is code.RANGE else value)


def _in(character: str, member: tuple[Any, Any]) -> bool:
    kind, value = member
    if kind is code.RANGE:
        return bool(value[0] <= ord(character) <= value[1])
    if kind is code.CATEGORY:
        shape = {code.CATEGORY_DIGIT: r"\d", code.CATEGORY_WORD: r"\w", code.CATEGORY_SPACE: r"\s"}.get(value, ".")
        return bool(re.match(shape, character))
    return bool(ord(character) == value)
