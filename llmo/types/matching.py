"""
Search that forgives typos: names that have all words of a query, best first.

Names with the words as they are keep others away; without any, words with a typo or without their separators count
(`sonet`, `gpt4o`), and at last letters that were left out (`snt`).
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from llmo.types.nearest import distance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_TOKEN = re.compile(r"[^\W_]+")
_WHOLE, _BEGINS, _BEGINS_TOKEN, _INSIDE, _UNSEPARATED, _TYPO, _LEFT_OUT = range(0, 70, 10)
"""What a word costs by the way it is found; typos and letters between come on top."""
_NONE = 1_000
"""It is not found."""
_ONE_TYPO, _TWO_TYPOS = 4, 8
"""Letters from which a word may have that many."""


def ranked(query: str, names: Sequence[str]) -> list[int]:
    """
    The places of the names that match, best first, and of equal ones the first first.

    A name may have lines, each a name of its own.
    """
    words = query.lower().split()
    texts = [name.lower() for name in names]
    # A token of many names is compared once.
    typos, left_out = cache(_typos), cache(_left_out)

    def near(word: str, text: str) -> int:
        return min(_as_it_is(word, text), _unseparated(word, text), _by_token(word, text, typos))

    def loose(word: str, text: str) -> int:
        return min(near(word, text), _by_token(word, text, left_out))

    for cost in (_as_it_is, near, loose):
        sums = [sum(cost(word, text) for word in words) for text in texts]
        if found := [place for place, total in enumerate(sums) if total < _NONE]:
            return sorted(found, key=sums.__getitem__)
    return []


def literal(query: str, name: str) -> bool:
    """Whether a name has all words of the query as they are."""
    return all(word in name.lower() for word in query.lower().split())


def _as_it_is(word: str, text: str) -> int:
    at = text.find(word)
    if at < 0:
        return _NONE
    best = _INSIDE
    while at >= 0 and best > _WHOLE:
        end = at + len(word)
        if at == 0 or text[at - 1] in "/\n":
            # `llama3.1` is all of the name of `ollama/llama3.1:latest`.
            whole = end == len(text) or text[end] in "\n:"
            best = _WHOLE if whole else min(best, _BEGINS)
        elif not text[at - 1].isalnum():
            best = min(best, _BEGINS_TOKEN)
        at = text.find(word, at + 1)
    return best


def _unseparated(word: str, text: str) -> int:
    """`gpt4o` in `gpt-4o`."""
    plain = "".join(_TOKEN.findall(word))
    return _UNSEPARATED if plain and plain in "".join(_TOKEN.findall(text)) else _NONE


def _by_token(word: str, text: str, cost: Callable[[str, str], int]) -> int:
    """The sum over the tokens of a word, each in the token of the text where it costs least."""
    there = _TOKEN.findall(text)
    parts = _TOKEN.findall(word)
    if not parts or not there:
        return _NONE
    return sum(min(cost(part, token) for token in there) for part in parts)


def _typos(part: str, token: str) -> int:
    """A token, or its beginning, with a typo or two; another number is no typo."""
    if part == token:
        return _BEGINS_TOKEN
    most = 0 if any(letter.isdigit() for letter in part) else (len(part) >= _ONE_TYPO) + (len(part) >= _TWO_TYPOS)
    if not most:
        return _NONE
    if (whole := distance(part, token, most)) <= most:
        return _TYPO + whole
    ends = range(max(_ONE_TYPO, len(part) - most), min(len(token), len(part) + most + 1))
    begun = min((distance(part, token[:end], most) for end in ends), default=_NONE)
    return _TYPO + 3 + begun if begun <= most else _NONE


def _left_out(part: str, token: str) -> int:
    """`snt` for `sonnet`: the first letter, and the others in their order."""
    if token[:1] != part[:1]:
        return _NONE
    letters = iter(token)
    return _LEFT_OUT if all(letter in letters for letter in part) else _NONE
