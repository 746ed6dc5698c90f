"""What is used of a provider's limits, and what it grants: measured between two times at which it had nothing left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.engine.gain import SHORT_S
from llmo.engine.measured import Measured
from llmo.engine.token_bucket import BURST_S

if TYPE_CHECKING:
    from llmo.engine.token_bucket import TokenBucket

IDLE = 0.1
"""The part of the pace that may be left unused in what counts as a measurement of the limit."""
RECENT_S = 2.0
"""Seconds after which a snapshot of what was used is replaced."""
LATE_S = 10.0
"""The shortest time in which a limit is measured where a part of what is in flight is not counted yet."""


class UsageMeter:
    """The use of one provider's buckets over time, `late` where a part of it is counted when requests end."""

    def __init__(self, buckets: tuple[TokenBucket, ...], now: float, *, late: bool) -> None:
        self._buckets = buckets
        self.short = LATE_S if late else SHORT_S
        self._free, self._free_since = 0.0, now
        self._saturated = False
        self._began: _UseSoFar | None = None
        self._emptied: _UseSoFar | None = None
        self._asked = (now, 0.0)
        self._first = self._recent = self._older = self._snapshot(now, now)

    def total(self, now: float) -> float:
        """The gain that was used since the beginning, or since the limits are these, of the tighter one."""
        return self._gauge(self._first, now)[0]

    def recent(self, now: float) -> float:
        """The gain that was used in the last seconds, 0 while that is too short to say."""
        return self._gauge(self._older, now)[0] if now - self._older.at >= BURST_S else 0.0

    def emptied(
        self, now: float, at: float, heavy: float = 1.0, *, varied: bool = True, again: bool = False
    ) -> Measured | None:
        """
        What was granted since the last time that nothing was left, and `at`, which Retry-After tells, nothing is.

        What is pending will be `heavy` times as much when it is counted. `varied` says that the limit of requests may
        stand for another one. Unless nothing is left `again`, in a row of 429s, it is measured from where the last row
        began: what a burst of somebody else took is a part of it.
        """
        since = self._emptied if again else self._began
        if since is not None and at - since.at < self.short:
            return None
        self._emptied = self._snapshot(now, at)
        if not again:
            self._began = self._emptied
        if since is None:
            return None
        used, spare, number = self._gauge(since, at, heavy)
        passed, free = at - since.at, self._emptied.free - since.free
        if not used or (spare > IDLE * used and free > IDLE * passed):
            return None
        return Measured(used, passed, self._buckets[0].used - since.requests, varied=varied or number > 0)

    def tick(self, now: float) -> None:
        """Remember now and then what was used."""
        if now - self._recent.at >= RECENT_S:
            self._older, self._recent = self._recent, self._snapshot(now, now)

    def waits(self, now: float, *, saturated: bool) -> None:
        """Take note of whether requests wait for the limits; they do not while none is there, or no place."""
        if saturated is not self._saturated:
            if saturated:
                self._free += now - self._free_since
            self._saturated, self._free_since = saturated, now

    def restart(self, now: float) -> None:
        """Forget what was measured: the limits are others now."""
        self._began = self._emptied = None
        self._first = self._older = self._recent = self._snapshot(now, now)

    def waited(self, now: float) -> bool:
        """Whether requests waited for the limits most of the time since this was asked."""
        (then, before), free = self._asked, self._freed(now)
        self._asked = now, free
        return free - before <= 0.5 * (now - then)

    def _freed(self, now: float) -> float:
        return self._free if self._saturated else self._free + now - self._free_since

    def _snapshot(self, now: float, at: float) -> _UseSoFar:
        return _UseSoFar(at, self._buckets, self._freed(now))

    def tightest(self, now: float) -> int:
        """Which limit is used most of late: 0 is that of requests."""
        return self._gauge(self._older, now)[2]

    def _gauge(self, since: _UseSoFar, now: float, heavy: float = 1.0) -> tuple[float, float, int]:
        """The gain that was used since then, the part of it that was left unused, and of which limit: the tightest."""
        passed = now - since.at
        if passed <= 0:
            return 0.0, 0.0, 0
        found = [(0.0, 0.0, 0)]
        for number, bucket in enumerate(self._buckets):
            if bucket.claim:
                used, pending, spare = since.amounts[number]
                scale = bucket.claim * passed
                counted = bucket.used - used - heavy * (bucket.pending - pending)
                found.append((counted / scale, (bucket.spare - spare) / scale, number))
        return max(found)


class _UseSoFar:
    """What was used, and left unused, of each bucket at a moment; `free` seconds nobody had to wait by then."""

    __slots__ = ("amounts", "at", "free", "requests")

    def __init__(self, at: float, buckets: tuple[TokenBucket, ...], free: float) -> None:
        self.at, self.free, self.requests = at, free, buckets[0].used
        self.amounts = [(bucket.used, bucket.pending, bucket.spare) for bucket in buckets]
