"""How long the answers of a provider are: those that end, and those that are in flight."""

from __future__ import annotations

from llmo.routing.strategies import EXPECTED_OUTPUT

SAMPLES = 100
"""Answers over which is averaged."""


class AnswerSizes:
    """The mean output of an answer, in tokens, before the first one an expected one."""

    __slots__ = ("_count", "_products", "_seconds", "mean")

    def __init__(self) -> None:
        self.mean, self._count = float(EXPECTED_OUTPUT), 0
        self._seconds = self._products = 0.0

    def add(self, output: int, seconds: float) -> None:
        """Take note of an answer of so many tokens, which took so long."""
        self._count = min(self._count + 1, SAMPLES)
        self.mean += (output - self.mean) / self._count
        self._seconds += (seconds - self._seconds) / self._count
        self._products += (output * seconds - self._products) / self._count

    @property
    def heavy(self) -> float:
        """
        How many times the mean is what an answer in flight will have been.

        Long answers stay for longer, so at any moment they are a larger part of what is in flight than of what is
        sent: its mean is E[output x seconds] / E[seconds], as in the inspection paradox of renewal theory.
        """
        weighed = self._seconds * self.mean
        return self._products / weighed if weighed else 1.0
