"""Maps and sets of 64-bit hashes in 16 and 8 bytes an entry: a dict would take 120."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from itertools import pairwise

BUCKETS = 4096
SHIFT = 64 - 12


class HashTable:
    """Filled first, frozen, then read; of several values of one hash the last one stays."""

    __slots__ = ("_keys", "_values")

    def __init__(self) -> None:
        self._keys = [array("Q") for _ in range(BUCKETS)]
        self._values = [array("Q") for _ in range(BUCKETS)]

    def add(self, key: int, value: int = 0) -> None:
        """Put an entry in; it is found after `freeze`."""
        self._keys[key >> SHIFT].append(key)
        self._values[key >> SHIFT].append(value)

    def freeze(self) -> HashTable:
        """Sort, keeping the last value of each hash."""
        for number, (keys, values) in enumerate(zip(self._keys, self._values, strict=True)):
            if keys:
                merged = sorted(dict(zip(keys, values, strict=True)).items())
                self._keys[number] = array("Q", (key for key, _ in merged))
                self._values[number] = array("Q", (value for _, value in merged))
        return self

    def get(self, key: int) -> int | None:
        """The value of a hash."""
        keys = self._keys[key >> SHIFT]
        place = bisect_left(keys, key)
        return self._values[key >> SHIFT][place] if place < len(keys) and keys[place] == key else None

    def set(self, key: int, value: int) -> None:
        """Change the value of a hash that is in the frozen table."""
        keys = self._keys[key >> SHIFT]
        self._values[key >> SHIFT][bisect_left(keys, key)] = value

    def reset(self) -> None:
        """Make all values 0."""
        self._values = [array("Q", bytes(8 * len(keys))) for keys in self._keys]

    def copy(self) -> HashTable:
        """The same entries, all values as they are."""
        other = HashTable()
        other._keys = self._keys
        other._values = [array("Q", values) for values in self._values]
        return other

    def __contains__(self, key: int) -> bool:
        return self.get(key) is not None

    def __len__(self) -> int:
        return sum(map(len, self._keys))


class Hashes:
    """Which hashes come more than once, in 8 bytes an entry."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys = [array("Q") for _ in range(BUCKETS)]

    def add(self, key: int) -> None:
        """Count one."""
        self._keys[key >> SHIFT].append(key)

    def repeated(self) -> HashTable:
        """A frozen table, all values 0, of the hashes that came more than once."""
        found = HashTable()
        for keys in self._keys:
            ordered = sorted(keys)
            for one, other in pairwise(ordered):
                if one == other:
                    found.add(one)
        return found.freeze()
