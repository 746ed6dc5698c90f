"""Latencies of a run in bounded memory."""

from __future__ import annotations

import math

STEP = 1.05
"""Latencies are counted in steps of 5 %: a percentile is that exact, however many rows there are."""
_STEP = math.log(STEP)


class Latencies:
    """Percentiles in bounded memory."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def add(self, seconds: float) -> None:
        """Count one."""
        step = math.ceil(math.log(max(seconds, 1e-6)) / _STEP)
        self._counts[step] = self._counts.get(step, 0) + 1

    def percentile(self, share: float) -> float | None:
        """The latency that `share` of all stay below; None of none."""
        wanted, seen = share * sum(self._counts.values()), 0
        for step, count in sorted(self._counts.items()):
            seen += count
            if seen >= wanted:
                return float(f"{STEP**step:.3g}")
        return None
