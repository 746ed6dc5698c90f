"""
Maps and sets of 64-bit hashes in 16 and 8 bytes an entry: a dict would take 120.

Entries lie in sorted arrays, found by halving and put in by moving what follows: at ten million entries an array has
2,400 of them, and moving those costs less than one call of Python.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BUCKETS = 4096
SHIFT = 64 - 12
SMALLEST = 64
"""Bytes of a line of output at the least, so that a place needs no more precision, see `Places`."""
AT_ONCE = 1024
"""Places that are read in one go: a few milliseconds."""


class HashTable:
    """Values by hash; of several values of one hash the last one stays."""

    __slots__ = ("_keys", "_last", "_values")

    def __init__(self, code: str = "Q") -> None:
        """`code` is the type of the values, as `array` has it."""
        self._keys = [array("Q") for _ in range(BUCKETS)]
        self._values = [array(code) for _ in range(BUCKETS)]
        self._last = (-1, -1)

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
            self._last = (-1, -1)

    def get(self, key: int) -> int | None:
        """The value of a hash."""
        place = self.place(key)
        return None if place < 0 else self._values[key >> SHIFT][place]

    def place(self, key: int) -> int:
        """Where a hash is in its bucket, -1 if it is not; the same one asked for again is not searched again."""
        last, place = self._last
        if last != key:
            keys = self._keys[key >> SHIFT]
            place = bisect_left(keys, key)
            place = place if place < len(keys) and keys[place] == key else -1
            self._last = key, place
        return place

    def values(self) -> Iterator[int]:
        """All values, in no order that means anything."""
        return chain.from_iterable(self._values)

    def size(self, number: int) -> int:
        """Of a bucket."""
        return len(self._keys[number])

    def __contains__(self, key: int) -> bool:
        return self.get(key) is not None

    def __len__(self) -> int:
        return sum(map(len, self._keys))


class Counts:
    """How often each hash came: 8 bytes for most, more only for those that came again."""

    __slots__ = ("_again", "_keys", "_known", "_met")

    def __init__(self, known: HashTable | None = None) -> None:
        """What is in `known` takes a bit instead; nothing more may be put into that table."""
        known = known or None  # in an empty one nothing has to be looked for
        self._keys = [array("Q") for _ in range(BUCKETS)]
        self._again: dict[int, int] = {}
        self._known = known
        self._met = [bytearray() for _ in range(BUCKETS if known is not None else 0)]

    def add(self, key: int) -> int:
        """Count one; how often it came before."""
        number = key >> SHIFT
        place = -1 if self._known is None else self._known.place(key)
        if place >= 0:
            if self._not_met(number, place):
                return 0
        else:
            keys = self._keys[number]
            place = bisect_left(keys, key)
            if place == len(keys) or keys[place] != key:
                keys.insert(place, key)
                return 0
        before = self._again.get(key, 0) + 1
        self._again[key] = before
        return before

    def _not_met(self, number: int, place: int) -> bool:
        met = self._met[number]
        if not met:
            assert self._known is not None
            met.extend(bytes(self._known.size(number) // 8 + 1))
        bit = 1 << (place & 7)
        if met[place >> 3] & bit:
            return False
        met[place >> 3] |= bit
        return True


class Places:
    """
    Where lines of a file begin, by hash, in 12 bytes an entry.

    A place is kept as which stretch of `SMALLEST` bytes it is in: no shorter line is there, so it is the only one that
    begins in it.
    """

    __slots__ = ("_table", "_unread")

    def __init__(self, recorded: Iterable[tuple[int, int]] = ()) -> None:
        """`recorded` are hashes and places that are in the file before; they are read once somebody asks for one."""
        self._table = HashTable("I")
        self._unread: Iterable[tuple[int, int]] | None = recorded

    def load(self) -> Iterator[None]:
        """Read what is in the file before; pauses so often that others hear signals."""
        recorded, self._unread = self._unread or (), None
        for count, (key, begin) in enumerate(recorded, 1):
            self.set(key, begin)
            if count % AT_ONCE == 0:
                yield

    def set(self, key: int, begin: int) -> None:
        """Remember where a line begins; one that is farther than 256 GiB is not remembered."""
        if begin // SMALLEST < 1 << 32:
            self._table.set(key, begin // SMALLEST)

    def get(self, key: int) -> int | None:
        """The stretch in which the line begins, see `line_in`."""
        if self._unread is not None:
            for _ in self.load():
                pass
        return self._table.get(key)
