"""Sortable identifiers: ULIDs (https://github.com/ulid/spec), 48 bits of milliseconds and 80 random bits."""

from __future__ import annotations

import os
from functools import lru_cache

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [one + other for one in _ALPHABET for other in _ALPHABET]
_POOL: list[int] = []
"""Numbers of 80 random bits, drawn ahead: a batch needs two a row, and a system call for each would cost more."""
_DRAWN, _SIZE = 128, 10


def ulid(now: float) -> str:
    """A new identifier; those of a later `now` (seconds since the epoch) sort later."""
    pairs, drawn = _PAIRS, _random()
    return (
        f"{_moment(int(now * 1000))}{pairs[drawn >> 70]}{pairs[drawn >> 60 & 1023]}{pairs[drawn >> 50 & 1023]}"
        f"{pairs[drawn >> 40 & 1023]}{pairs[drawn >> 30 & 1023]}{pairs[drawn >> 20 & 1023]}"
        f"{pairs[drawn >> 10 & 1023]}{pairs[drawn & 1023]}"
    )


@lru_cache(maxsize=8)
def _moment(milliseconds: int) -> str:
    """The first ten characters."""
    return "".join([_PAIRS[milliseconds >> shift & 1023] for shift in range(40, -10, -10)])


def _random() -> int:
    try:
        return _POOL.pop()
    except IndexError:
        bits = os.urandom(_DRAWN * _SIZE)
    drawn = [int.from_bytes(bits[at : at + _SIZE]) for at in range(0, len(bits), _SIZE)]
    # Threads may draw at once: each takes one of its own, and leaves the others.
    _POOL.extend(drawn[1:])
    return drawn[0]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_POOL.clear)
