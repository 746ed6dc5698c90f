"""What servers count: tokens and dollars, and whether it can be true."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from llmo.providers.http import error_mapping
from llmo.providers.http import fields as wire
from llmo.types.money import DEAREST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.types.events import Usage
    from llmo.types.money import Pico

_SHOWN = 40


class AbsurdError(ValueError):
    """A figure that can't be true; the message names the field and what it said."""


def count(fields: Mapping[str, Any], *path: str) -> int | None:
    """The number of tokens at a path; None when it is absent or null. Raises `AbsurdError`."""
    value = fields.get(path[0]) if len(path) == 1 else _at(fields, path)
    if value is None:
        return None
    found = wire.count(value)
    if found is None:
        raise AbsurdError(_said(path, value))
    return found


def dollars(fields: Mapping[str, Any], *path: str) -> Pico | None:
    """The picodollars at a path; None when it is absent or null. Raises `AbsurdError`."""
    value = _at(fields, path)
    if value is None:
        return None
    found = plausible(value)
    if found is None:
        raise AbsurdError(_said(path, value))
    return found


def plausible(value: Any) -> Pico | None:
    """The picodollars of what a call is said to have cost; None when it is no amount, or more than a call can cost."""
    found = wire.dollars(value)
    return None if found is None or found > DEAREST else found


def uses(fields: Mapping[str, Any]) -> dict[str, int | None]:
    """
    What a usage object counts beside tokens: whatever in it speaks of a search, a tool or a source.

    Names of the same thing are made one; what is free is left out. None is a count that can't be true.
    """
    found: dict[str, int | None] = {}
    for place in filter(_of_uses, fields):
        told = fields[place]
        several = isinstance(told, dict) and "count" not in told
        for name, value in told.items() if several else [(place, told)]:
            number = value.get("count") if isinstance(value, dict) else value
            if isinstance(number, bool) or not isinstance(number, int | float) or number == 0:
                continue
            if (called := _called(name)) is not None:
                found[called] = wire.count(number)
    return found


_USE = re.compile(r"search|tool|source|plugin|container|fetch")


def _of_uses(place: str) -> bool:
    return _spoken(place) if len(place) <= _SHOWN else _USE.search(place.lower()) is not None


@lru_cache(maxsize=256)
def _spoken(place: str) -> bool:
    return _USE.search(place.lower()) is not None


_FREE = re.compile(r"token|fetch|tool_?search|size")
"""Tokens are counted as tokens; fetching and looking for tools cost nothing but them (Anthropic)."""
_SAME = (
    ("web_search", re.compile(r"web_?search|num_search|^search|google_search")),
    ("file_search", re.compile(r"file_?search|collections_search")),
)


def _called(name: str) -> str | None:
    lower = name.lower()
    if _FREE.search(lower):
        return None
    same = next((known for known, words in _SAME if words.search(lower)), None)
    return same or error_mapping.clean(lower.removesuffix("_requests"), None, _SHOWN) or "something without a name"


def checked(usage: Usage) -> Usage:
    """The usage when its parts fit into it. Raises `AbsurdError`."""
    if (wrong := usage.wrong) is not None:
        raise AbsurdError(wrong)
    return usage


def _at(fields: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = fields
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _said(path: tuple[str, ...], value: Any) -> str:
    endless = isinstance(value, int) and abs(value) > 10**_SHOWN
    shown = "a number without end" if endless else error_mapping.clean(str(value), None, _SHOWN)
    return f"{'.'.join(path)} = {shown or 'nothing'}"
