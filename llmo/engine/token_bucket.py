"""
How much of one dimension (requests, or tokens) may pass.

The pace is 0.98 of the limit with a burst of one second: providers enforce limits per second
as well as per minute, and a bucket that begins full sends nearly twice the limit in the first
minute. An amount larger than the burst passes a full bucket and leaves it in debt.
"""

from __future__ import annotations

from dataclasses import dataclass

PACE = 0.98
BURST_S = 1.0
NOTHING = 1e-9
"""Less than this is the rounding of float sums."""


@dataclass(frozen=True, slots=True)
class Remaining:
    """One dimension of the provider's own count, as of the request it answers."""

    limit: float
    remaining: float
    reset: float | None


class TokenBucket:
    """
    One dimension (requests or tokens): a paced bucket, anchored to the provider's count.

    `level` below zero is debt. What the provider has left is its `remaining` less all that
    was sent after that request; it refills at (limit - remaining) / reset, so a wrong
    configured limit and windows of a second, a minute or a day all come out right.
    """

    __slots__ = ("_at", "_burst", "_cap", "_left", "_level", "_newest", "_rate", "_regain", "sent", "used")

    def __init__(self, per_minute: float | None, now: float, *, floor: float = 0.0) -> None:
        self._rate = PACE * per_minute / 60 if per_minute else 0.0
        self._level = self._burst = max(self._rate * BURST_S, floor)
        self._at = now
        self._left = self._cap = self._regain = 0.0
        self._newest = -1.0
        self.sent = self.used = 0.0

    def wait(self, amount: float, now: float, gain: float) -> float:
        """Seconds until `amount` may pass, 0 if it may now."""
        passed, self._at = now - self._at, now
        delay = 0.0
        if self._rate:
            self._level = min(self._burst, self._level + passed * self._rate * gain)
            delay = _until(min(amount, self._burst) - self._level, self._rate * gain)
        if self._cap:
            self._left = min(self._cap, self._left + passed * self._regain)
            delay = max(delay, _until(min(amount, self._cap) - self._left, self._regain))
        return delay

    def take(self, amount: float) -> float:
        """Charge `amount`; what was sent so far is the mark of this request."""
        self._level -= amount
        self._left -= amount
        self.sent += amount
        self.used += amount
        return self.sent

    def give(self, amount: float, mark: float) -> None:
        """Put back what a request did not use; a negative amount is taken."""
        self._level = min(self._burst, self._level + amount)
        self.used -= amount
        if mark > self._newest:
            self._left += amount

    def anchor(self, left: Remaining, mark: float) -> None:
        """Believe the provider, unless a later request already told more."""
        if mark < self._newest or left.limit <= 0:
            return
        self._newest, self._cap = mark, left.limit
        self._left = left.remaining - (self.sent - mark)
        used = left.limit - left.remaining
        self._regain = used / left.reset if left.reset and used > 0 else left.limit / 60


def _until(missing: float, rate: float) -> float:
    return 0.0 if missing <= NOTHING else missing / rate
