"""
429s in a row: which of them are news, and how long to hold back after each.

A second one soon after the first tells that what refills is less than the pace, for now: somebody else has a burst. The
pace is held back for longer after each of a row. Nothing is lost by that where a bucket has room for what refills.
"""

from __future__ import annotations

AGAIN_S, SOON_S = 1.0, 10.0
"""Seconds within which two 429s are one, and within which another one is of the same row."""
RESERVE_S, SMALL_S = 1.0, 0.3
"""
Seconds of a limit that are left to refill after a 429, or the next large row is refused too; and of a limit of
requests, which are all of one size: a bucket may hold no more than a second.
"""
HOLD_S, HOLD_MOST_S = 1.0, 4.0
"""Seconds for which the pace is held back at the second of a row; each time twice as long."""


class RefusalRow:
    """The 429s of one provider; `length` is how many more than one are in the row."""

    __slots__ = ("_known", "_last", "length")

    def __init__(self) -> None:
        self._known, self._last, self.length = -1.0, float("-inf"), 0

    @property
    def again(self) -> bool:
        """Whether the last one was not the first of its row."""
        return self.length > 0

    def news(self, number: float) -> bool:
        """Whether the refusal of request `number` tells more than the last one: it was sent at a later pace."""
        return number > self._known

    def know(self, sent: float) -> None:
        """Take refusals of the `sent` requests that have left by now for old news."""
        self._known = sent

    def add(self, sent: float, now: float) -> None:
        """Count a 429 that is news; `sent` requests have left by now."""
        self._known = sent
        passed = now - self._last
        if passed > AGAIN_S:
            self.length, self._last = (self.length + 1 if passed < SOON_S else 0), now

    def reserve(self, *, varied: bool, steady: bool) -> float:
        """Seconds of a limit to leave to refill after a 429: rows may be `varied` in size, the limit `steady`."""
        least = (RESERVE_S if varied else SMALL_S) if steady else 0.0
        return max(least, min(HOLD_MOST_S, HOLD_S * 2 ** (self.length - 1))) if self.length else least
