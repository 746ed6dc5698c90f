"""Counts of how large values are, in bounded memory."""

from __future__ import annotations

import math

STEP = 1.05
"""Values are counted in steps of 5 %: what is read from them is that exact, however many there are."""
_LOG_STEP = math.log(STEP)


class StepHistogram:
    """How often values of each size came."""

    def __init__(self, least: float) -> None:
        """Smaller values than `least`, which is above 0, are counted as that."""
        self._least = least
        self._counts: dict[int, int] = {}

    def add(self, value: float) -> None:
        """Count one."""
        step = math.ceil(math.log(max(value, self._least)) / _LOG_STEP)
        self._counts[step] = self._counts.get(step, 0) + 1

    def sizes(self) -> list[tuple[float, int]]:
        """The most that a value of each step was, in ascending order, and how many there were."""
        return [(STEP**step, count) for step, count in sorted(self._counts.items())]
