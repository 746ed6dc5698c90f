"""Latencies of a run in bounded memory."""

from __future__ import annotations

import math
from collections import Counter

STEP = 1.05
"""Latencies are counted in steps of 5 %: a percentile is that exact, however many rows there are."""


class Latencies:
    """Percentiles in bounded memory."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Count one."""
        self._counts[math.ceil(math.log(max(seconds, 1e-6), STEP))] += 1

    def percentile(self, share: float) -> float | None:
        """The latency that `share` of all stay below; None of none."""
        wanted, seen = share * self._counts.total(), 0
        for step, count in sorted(self._counts.items()):
            seen += count
            if seen >= wanted:
                return float(f"{STEP**step:.3g}")
        return None
