"""Latencies of a run in bounded memory."""

from __future__ import annotations

from llmo.types.histogram import StepHistogram


class Latencies(StepHistogram):
    """Percentiles of seconds."""

    def __init__(self) -> None:
        super().__init__(least=1e-6)

    def percentile(self, share: float) -> float | None:
        """The latency that `share` of all stay below; None of none."""
        sizes, seen = self.sizes(), 0
        wanted = share * sum(count for _, count in sizes)
        for size, count in sizes:
            seen += count
            if seen >= wanted:
                return float(f"{size:.3g}")
        return None
