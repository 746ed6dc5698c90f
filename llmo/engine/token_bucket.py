"""
How much of one dimension (requests, or tokens of a sort) may pass.

The bucket fills at the pace and holds one second of it: providers enforce limits per second as well as per minute, and
a bucket that begins full of a minute sends nearly twice the limit in the first one. An amount larger than that passes
a full bucket and leaves it in debt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from llmo.types.events import RateInfo

BURST_S = 1.0
NOTHING_S = 1e-6
"""A shorter wait is the rounding of float sums, and shorter than the timers of an event loop."""
FADE = 0.998
"""How much of the largest amount is remembered after another one."""
MINUTE, SECOND = 60.0, 1.0
NEAR = 0.15
"""How far what a window of a second says was used may be from what was; counts are rounded."""
ALIKE = 3
"""Headers in a row that must say so before a window is one of a minute again."""
SPAN = 0.2
"""The part of a limit over which what remains must vary before a window of a second is believed."""
SAME = 20
"""Counts of what remains that are all the same tell nothing."""
DROP, STEPS, WATCH_S, LOW = 0.25, 2, 5.0, 0.5
"""
How far a provider's count must fall to tell what it grants: the part of the most that it ever had left, the whole
numbers, and the seconds; and to which part of the most. What falls less is what a bucket is for: others have bursts.
"""
BACK, KEPT = 0.95, 0.95
"""
The part of what was left before a fall to which a count must return for the time between to tell an average, and what
is kept of that average after another fall.
"""


@dataclass(frozen=True, slots=True)
class Remaining:
    """One dimension of the provider's own count, as of the request it answers."""

    limit: float
    remaining: float
    reset: float | None

    @property
    def window(self) -> float | None:
        """
        Seconds in which `limit` may pass; None where the numbers do not tell.

        Limits are per minute unless all three numbers say per second: a bucket that refills steadily is full again
        after window · used / limit. Longer windows are never believed: to wait for an hour is a high price for numbers
        that may mean something else, and whoever is too fast hears of it.
        """
        used = self.limit - self.remaining
        if self.reset is None or used <= 1:
            return None
        return SECOND if abs(self.limit * self.reset / SECOND - used) <= max(1, NEAR * used) else MINUTE


def counts(info: RateInfo) -> tuple[tuple[int | None, int | None, float | None], ...]:
    """Limit, remaining and reset of each dimension, in the order of the buckets."""
    return (
        (info.limit_requests, info.remaining_requests, info.reset_requests),
        (info.limit_tokens, info.remaining_tokens, info.reset_tokens),
        (info.limit_input, info.remaining_input, info.reset_input),
        (info.limit_output, info.remaining_output, info.reset_output),
    )


class TokenBucket:
    """
    One dimension: a paced bucket, anchored to the provider's count.

    `claim` is what may pass a second as far as is claimed, by the profile or by headers; 0 where nothing is. The pace
    is `claim` times the gain that was learned. A level below zero is debt. What the provider has left is its
    `remaining` less all that was sent after that request, and it refills at its claimed limit. `pending` was taken
    here and is counted by the provider when its request ends.
    """

    __slots__ = (
        "_asof",
        "_at",
        "_average",
        "_cap",
        "_configured",
        "_counts",
        "_fallen",
        "_floor",
        "_high",
        "_least",
        "_left",
        "_level",
        "_most",
        "_newest",
        "_others",
        "_regain",
        "_seen",
        "_told",
        "_window",
        "big",
        "claim",
        "pending",
        "sent",
        "spare",
        "used",
    )

    def __init__(self, per_minute: float | None, now: float, *, floor: float = 0.0) -> None:
        self._configured = self.claim = per_minute / MINUTE if per_minute else 0.0
        self._floor = floor
        self._level = max(self.claim * BURST_S, floor)
        self._at, self._asof = now, (now, 0.0)
        self._left = self._cap = self._regain = self._told = 0.0
        self._newest, self._counts = -1.0, 0
        self._least, self._most, self._high = 1.0, 0.0, (0.0, 0.0, 0.0)
        self._fallen: tuple[float, float, float] | None = None
        self._average = 0.0
        self._window, self._others, self._seen = MINUTE, 0, (float("inf"), 0.0)
        self.sent = self.used = self.spare = self.big = self.pending = 0.0

    def wait(self, amount: float, now: float, gain: float) -> float:
        """Seconds until `amount` may pass, 0 if it may now."""
        passed, self._at = now - self._at, now
        delay = 0.0
        if self.claim:
            rate = self.claim * gain
            burst = max(rate * BURST_S, self._floor)
            level = self._level + passed * rate
            if level > burst:
                self.spare += level - burst
                level = burst
            self._level = level
            delay = _until((min(burst, amount)) - level, rate)
        if self._cap and (self._counts < SAME or self.varies):
            regain = self._regain * gain
            self._left = min(self._cap, self._left + passed * regain)
            delay = max(delay, _until(min(amount, self._cap) - self._left, regain))
        return delay

    def take(self, amount: float) -> float:
        """Charge `amount`; what was sent so far is the mark of this request."""
        self._level -= amount
        self._left -= amount
        self.sent += amount
        self.used += amount
        big = self.big * FADE
        self.big = max(big, amount)
        return self.sent

    def give(self, amount: float, mark: float) -> None:
        """Put back what a request did not use; a negative amount is taken."""
        self._level += amount
        self.used -= amount
        if mark > self._newest:
            self._left += amount

    def drain(self, reserve: float = 0.0, heavy: float = 1.0) -> None:
        """
        The provider has nothing left: what refills from now on may pass, but a `reserve`, a large amount too.

        What is pending will be `heavy` times as much when it is counted.
        """
        if self.claim:
            full = max(self.claim * BURST_S, self._floor)
            self._level = min(self._level, -self.pending * heavy - reserve, full - self.big)

    def fill(self, *, full: bool) -> None:
        """Have a whole second's worth at once, or a single request's."""
        self._level = max(self.claim * BURST_S, self._floor) if full else self._floor

    def scale(self, ratio: float) -> None:
        """Take another part of the same limit."""
        self._configured *= ratio
        self.claim *= ratio
        self._regain *= ratio
        self._cap *= ratio
        self._level *= ratio
        self._left *= ratio

    def suppose(self, per_second: float, level: float) -> None:
        """Begin with a pace that nobody has claimed; a claim takes its place."""
        if not self.claim:
            self.claim, self._floor, self._level = per_second, level, level

    def forget(self) -> None:
        """Drop a pace that nobody has claimed."""
        self.claim = self._configured

    def anchor(self, told: Remaining, mark: float, when: tuple[float, float], refilled: float = 0.0) -> None:
        """
        Believe the provider's count, unless a later request told more; it `refilled` so many seconds since.

        `when` is the time that it is of, and what was counted by then.
        """
        if mark < self._newest or told.limit <= 0:
            return
        self._newest, self._cap = mark, told.limit
        self._regain = told.limit / self._windowed(told)
        self._left = min(told.limit, told.remaining + refilled * self._regain) - (self.sent - mark)
        self._told = told.remaining / told.limit
        self._counts += 1
        self._least, self._most = min(self._least, self._told), max(self._most, self._told)
        if self._told >= self._high[0]:
            self._high = (self._told, *when)
        self._asof = when
        if self._fallen is not None and self._told >= BACK * self._fallen[0]:
            _, at, used = self._fallen
            self._average, self._fallen = (when[1] - used) / ((when[0] - at) * self.claim), None
        self.claim = min(self._configured or self._regain, self._regain)

    def _windowed(self, told: Remaining) -> float:
        found = told.window
        if found == SECOND:
            self._others = 0
            self._seen = min(self._seen[0], told.remaining), max(self._seen[1], told.remaining)
            if self._seen[1] - self._seen[0] >= SPAN * told.limit:
                self._window = SECOND
        elif found == MINUTE:
            self._others += 1
            if self._others >= ALIKE:
                self._window, self._seen = MINUTE, (float("inf"), 0.0)
        return self._window

    @property
    def top(self) -> float:
        """How many times the claim may pass at most; infinite where only headers make one."""
        return self._configured / self.claim if self._configured and self.claim else float("inf")

    @property
    def told(self) -> bool:
        """Whether the provider has said what is left."""
        return bool(self._cap)

    @property
    def varies(self) -> bool:
        """Whether what the provider says is left has ever changed."""
        return self._least < self._most

    @property
    def low(self) -> bool:
        """Whether the provider's count, where it varies, has little left."""
        return self.varies and self._told <= LOW * self._most

    def watch(self) -> None:
        """Begin to look from here whether the provider's count falls."""
        self._high = (self._told, *self._asof)

    def granted(self) -> float | None:
        """
        What it grants, as times of the claim, by a count that has fallen: what was used less what that took of it.

        A count that has not fallen, or always says the same, tells nothing: None. Who claims a part of the limit is
        taken to count what is left in the same measure. Where the count had returned since it fell last, a burst of
        somebody else was over, and what was used meanwhile is granted on average.
        """
        high, at, used = self._high
        passed = self._asof[0] - at
        if not (self._cap and self._told <= LOW * self._most) or passed < WATCH_S:
            return None
        if high - self._told < max(DROP * self._most, STEPS / self._cap):
            return None
        found = (self._asof[1] - used) / (passed * self.claim + (high - self._told) * self._cap)
        found, self._average, self._fallen = max(found, self._average), KEPT * self._average, self._high
        return found

    @property
    def counted(self) -> float:
        """What the provider has counted by now."""
        return self.used - self.pending


def _until(missing: float, rate: float) -> float:
    return delay if missing > 0 and (delay := missing / rate) > NOTHING_S else 0.0
