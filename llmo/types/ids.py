"""Sortable identifiers: ULIDs (https://github.com/ulid/spec), 48 bits of milliseconds and 80 random bits."""

from __future__ import annotations

import os
from functools import lru_cache

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [one + other for one in _ALPHABET for other in _ALPHABET]
_OF_BYTE = bytes(ord(_ALPHABET[byte % 32]) for byte in range(256))
"""The character of five bits of a byte."""
_POOL: list[str] = []
"""Random ends, drawn ahead: a batch needs one a row, and a system call for each would cost more."""
_DRAWN, _SIZE = 128, 16


def ulid(now: float) -> str:
    """A new identifier; those of a later `now` (seconds since the epoch) sort later."""
    milliseconds = int(now * 1000)
    return f"{_second(milliseconds >> 10)}{_PAIRS[milliseconds & 1023]}{_random()}"


@lru_cache(maxsize=8)
def _second(number: int) -> str:
    """The first eight characters, the same for 1,024 milliseconds."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(30, -10, -10)])


def _random() -> str:
    try:
        return _POOL.pop()
    except IndexError:
        text = os.urandom(_DRAWN * _SIZE).translate(_OF_BYTE).decode()
    drawn = [text[at : at + _SIZE] for at in range(0, len(text), _SIZE)]
    # Threads may draw at once: each takes one of its own, and leaves the others.
    _POOL.extend(drawn[1:])
    return drawn[0]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_POOL.clear)
