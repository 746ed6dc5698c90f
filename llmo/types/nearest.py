"""The known name that a wrong one probably means."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LETTERS_PER_TYPO = 3
"""One letter in three may be wrong; more would be another word."""
PREFIX = 3
"""Letters that a name must begin with to be meant by its beginning."""


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean base_url?`, to end a message with; empty if no known name is close."""
    found = close(name, known)
    return f"; did you mean {found}?" if found else ""


def suggestion(name: str, known: Iterable[str], what: str) -> str:
    """A hint: `did you mean simple?`, or all known names after `what`."""
    known = tuple(known)
    found = close(name, known)
    return f"did you mean {found}?" if found else f"{what}: {', '.join(known) or 'none'}"


def close(name: str, known: Iterable[str]) -> str:
    """
    The known name with the fewest typos, without regard to capitals; empty if none is close.

    Without a close one, the only one that begins with `name`.
    """
    lower = name.lower()
    words = {word.lower(): word for word in known if word}
    found: list[tuple[int, int, str]] = []
    for word in words:
        most = max(len(word), len(lower)) // LETTERS_PER_TYPO
        if (typos := distance(lower, word, most)) <= most:
            # Of equal ones, the one with all the letters that were typed.
            found.append((typos, len(lower) - _shared(lower, word), word))
    if found:
        return words[min(found, key=lambda one: one[:2])[2]]
    longer = [word for word in words if word.startswith(lower)] if len(lower) >= PREFIX else []
    return words[longer[0]] if len(longer) == 1 else ""


def _shared(one: str, other: str) -> int:
    return sum(min(one.count(letter), other.count(letter)) for letter in set(one))


def distance(one: str, other: str, most: int) -> int:
    """
    How many letters to insert, drop, replace or swap with a neighbor make `other` of `one`.

    `most` + 1 stands for more than `most`.

    This is the optimal string alignment distance, row by row; it ends as soon as a row has nothing within `most`.
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    last: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = last, row, [i]
        for j, target in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != target))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == target:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]
