"""Sortable identifiers: ULIDs (https://github.com/ulid/spec), 48 bits of milliseconds and 80 random bits."""

from __future__ import annotations

import os

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [one + other for one in _ALPHABET for other in _ALPHABET]
_POOL = bytearray()
"""Random bytes drawn ahead: a batch needs two ids a row, and a system call for each would cost more than the rest."""


def ulid(now: float) -> str:
    """A new identifier; those of a later `now` (seconds since the epoch) sort later."""
    number = int(now * 1000) << 80 | int.from_bytes(_random_bytes())
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -10, -10)])


def _random_bytes() -> bytes:
    if len(_POOL) < 10:  # noqa: PLR2004 - bytes of one identifier
        _POOL.extend(os.urandom(1280))
    drawn = bytes(_POOL[-10:])
    del _POOL[-10:]
    return drawn


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_POOL.clear)
