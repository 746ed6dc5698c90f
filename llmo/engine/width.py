"""
How many requests may be in flight at once where nobody says: as many as the pace and the time of an answer need.

In flight are pace times latency, whatever limits the pace. So the width is what was in flight and a half more. Where
that is the whole width, twice as many are tried, and kept if more answers came of it.
"""

from __future__ import annotations

import math
from contextlib import suppress

MOST = 2048
"""More than the highest rates of providers need; a row in flight costs some 50 kB."""
LEAST = 16
BESIDE = 64
"""Open files beside connections."""
FULL, SPARE = 0.8, 1.5
"""The part of the width that must be in flight for it to be what limits, and how many times that is allowed."""
GROWTH = 2.0
WORTH = 0.3
"""The part of what a greater width promises that must come of it."""
PERIOD_S = 1.0
AGAIN_S, AGAIN_MOST_S = 20.0, 320.0
"""Seconds until more is tried again after it brought nothing; each time twice as long."""


def allow_files(connections: int) -> None:
    """Raise the soft limit of open files for so many connections, as far as it goes."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = connections + BESIDE if hard == resource.RLIM_INFINITY else min(connections + BESIDE, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def room() -> int:
    """How many connections the limit of open files has room for, at most `MOST`."""
    with suppress(ImportError, OSError):
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY:
            return max(1, min(MOST, soft - BESIDE))
    return MOST


class Width:
    """
    The width of one provider: `value` now, 0 for any number.

    It comes to be between `LEAST` and `most`; with `most` 0 it stays what it is.
    """

    __slots__ = ("_answers", "_area", "_at", "_before", "_held", "_patience", "_since", "_slack", "most", "value")

    def __init__(self, value: int, now: float, *, most: int = MOST) -> None:
        self.value, self.most = min(value, most) if most else value, most
        self._at = self._since = now
        self._area = 0.0
        self._answers = 0
        self._before: tuple[int, float] | None = None
        self._held, self._patience = now, AGAIN_S
        self._slack = False

    def flew(self, in_flight: int, now: float) -> None:
        """So many were in flight until now."""
        self._area += in_flight * (now - self._at)
        self._at = now

    def refused(self, now: float) -> None:
        """Measure anew after a pause, in which nothing could be learned."""
        self._since, self._area, self._answers = now, 0.0, 0

    def answered(self, now: float) -> None:
        """One of them was; all of them once over is when the width may change."""
        self._answers += 1
        passed = now - self._since
        if self.most and self._answers >= self.value and passed >= PERIOD_S:
            self._decide(self._area / passed, self._answers / passed, now)
            self._since, self._area, self._answers = now, 0.0, 0

    def _decide(self, in_flight: float, answers: float, now: float) -> None:
        slack, self._slack = self._slack, False
        if in_flight >= FULL * self.value:
            self._grow(answers, now)
        elif in_flight * SPARE < self.value:
            self._before = None
            # A row that took long, or an input that came slowly, is no reason yet.
            self._slack = True
            if slack:
                self.value = max(min(LEAST, self.value), math.ceil(in_flight * SPARE), self.value // 2)

    def _grow(self, answers: float, now: float) -> None:
        if self._before is not None:
            width, rate = self._before
            self._before = None
            if answers < rate * (1 + WORTH * (self.value / width - 1)):
                self.value = width
                self._held, self._patience = now + self._patience, min(AGAIN_MOST_S, 2 * self._patience)
                return
            self._patience = AGAIN_S
        if now >= self._held and self.value < self.most:
            self._before = (self.value, answers)
            self.value = min(self.most, int(self.value * GROWTH))
