"""
Maps and sets of 64-bit hashes in 16 and 8 bytes an entry: a dict would take 120.

Entries lie in sorted arrays, found by halving and put in by moving what follows: at ten million entries an array has
2,400 of them, and moving those costs less than one call of Python.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left

BUCKETS = 4096
SHIFT = 64 - 12
SMALLEST = 64
"""Bytes of a line of output at the least, so that a place needs no more precision, see `Places`."""


class HashTable:
    """Values by hash; of several values of one hash the last one stays."""

    __slots__ = ("_keys", "_values")

    def __init__(self, code: str = "Q") -> None:
        """`code` is the type of the values, as `array` has it."""
        self._keys = [array("Q") for _ in range(BUCKETS)]
        self._values = [array(code) for _ in range(BUCKETS)]

    def set(self, key: int, value: int) -> None:
        """Put a value in, or change it."""
        number = key >> SHIFT
        keys, values = self._keys[number], self._values[number]
        place = bisect_left(keys, key)
        if place < len(keys) and keys[place] == key:
            values[place] = value
        else:
            keys.insert(place, key)
            values.insert(place, value)

    def get(self, key: int) -> int | None:
        """The value of a hash."""
        number = key >> SHIFT
        keys = self._keys[number]
        place = bisect_left(keys, key)
        return self._values[number][place] if place < len(keys) and keys[place] == key else None

    def __contains__(self, key: int) -> bool:
        return self.get(key) is not None

    def __len__(self) -> int:
        return sum(map(len, self._keys))


class Counts:
    """How often each hash came: 8 bytes for most, more only for those that came again."""

    __slots__ = ("_again", "_keys")

    def __init__(self) -> None:
        self._keys = [array("Q") for _ in range(BUCKETS)]
        self._again: dict[int, int] = {}

    def add(self, key: int) -> int:
        """Count one; how often it came before."""
        keys = self._keys[key >> SHIFT]
        place = bisect_left(keys, key)
        if place == len(keys) or keys[place] != key:
            keys.insert(place, key)
            return 0
        before = self._again.get(key, 0) + 1
        self._again[key] = before
        return before


class Places:
    """
    Where lines of a file begin, by hash, in 12 bytes an entry.

    A place is kept as which stretch of `SMALLEST` bytes it is in: no shorter line is there, so it is the only one that
    begins in it.
    """

    __slots__ = ("_table",)

    def __init__(self) -> None:
        self._table = HashTable("I")

    def set(self, key: int, begin: int) -> None:
        """Remember where a line begins; one that is farther than 256 GiB is not remembered."""
        if begin // SMALLEST < 1 << 32:
            self._table.set(key, begin // SMALLEST)

    def get(self, key: int) -> int | None:
        """The stretch in which the line begins, see `line_in`."""
        return self._table.get(key)
