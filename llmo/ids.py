"""Sortable identifiers: ULIDs (https://github.com/ulid/spec), 48 bits of milliseconds and 80 of chance."""

from __future__ import annotations

import os

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid(now: float) -> str:
    """A new identifier; those of a later `now` (seconds since the epoch) sort later."""
    number = int(now * 1000) << 80 | int.from_bytes(os.urandom(10))
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -5, -5))
