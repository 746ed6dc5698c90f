"""
How fast a provider may be asked: paced buckets, permits and one shared pause.

One first-in-first-out queue per provider; every attempt of every row passes it, so a large
row can't starve and one `Retry-After` holds all rows once. Time is the event loop's.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmo.config.kinds import KINDS
from llmo.engine.token_bucket import Remaining, TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llmo.config.profile import ProviderConfig
    from llmo.types.events import RateInfo

CUT, RECOVER = 0.85, 0.02
"""A 429 takes 15 % off the pace, a second without gives 2 % back: with a 429 each second it nears 11 %."""


@dataclass(frozen=True, slots=True)
class ProviderLimits:
    """What one provider allows; None where nothing is known."""

    rpm: float | None = None
    tpm: float | None = None
    concurrency: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateOverrides:
    """What the command line asks for; `share` leaves headroom on the key for others."""

    rpm: float | None = None
    tpm: float | None = None
    share: float = 1.0
    concurrency: int | None = None


def limits(config: ProviderConfig, wish: RateOverrides | None = None) -> ProviderLimits:
    """A provider's limits: flag, else profile, else those of its type."""
    wish = wish or RateOverrides()
    rpm, tpm = wish.rpm or config.rpm, wish.tpm or config.tpm
    return ProviderLimits(
        rpm * wish.share if rpm else None,
        tpm * wish.share if tpm else None,
        wish.concurrency or config.concurrency or KINDS[config.kind].concurrency,
    )


class Permit:
    """One attempt's place at the provider; it is given back with `release`, once."""

    __slots__ = ("_queue", "granted", "marks", "tokens")

    def __init__(self, queue: ProviderQueue, tokens: int) -> None:
        self._queue = queue
        self.tokens = tokens
        self.marks = (0.0, 0.0)
        self.granted = False

    def release(self, used: int | None = None) -> None:
        """Make room; `used` tokens stay charged, all that were asked for when it is not known."""
        self._queue.leave(self, used)

    def learn(self, info: RateInfo) -> None:
        """Take the limits that the answer to this very request states."""
        self._queue.learn(info, self.marks)


class ProviderQueue:
    """The line in front of one provider."""

    def __init__(self, allowed: ProviderLimits, *, jitter: Callable[[], float], share: float = 1.0) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = now = self._loop.time()
        self.allowed = allowed
        self.in_flight = 0
        self._share, self._jitter = share, jitter
        self._requests = TokenBucket(allowed.rpm, now, floor=1.0)
        self._tokens = TokenBucket(allowed.tpm, now)
        self._line: deque[tuple[Permit, asyncio.Future[None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._paused_until = now
        self._invited = False
        self._gain, self._gain_at = 1.0, now

    def admit(self, permit: Permit) -> bool:
        """Let `permit` through if nobody waits and everything allows it."""
        if self._line or self._delay(permit.tokens):
            return False
        self._grant(permit)
        return True

    async def wait(self, permit: Permit) -> None:
        """Stand in line."""
        turn = self._loop.create_future()
        self._line.append((permit, turn))
        self._pump()
        try:
            await turn
        except asyncio.CancelledError:
            if permit.granted:
                self.leave(permit, 0)
            else:
                self._line.remove((permit, turn))
                self._pump()
            raise

    def leave(self, permit: Permit, used: int | None) -> None:
        """End an attempt; None keeps its estimate charged."""
        self.in_flight -= 1
        if used is not None:
            self._tokens.give(permit.tokens - used, permit.marks[1])
        self._pump()

    def pause(self, seconds: float, *, shrink: bool) -> None:
        """Hold the whole line; `shrink` also slows the pace, at most once a second."""
        now = self._loop.time()
        # Others wait for the same second: whoever comes a little later is not turned away again.
        spread = self._jitter() * min(1.0, 0.05 + 0.1 * seconds)
        self._paused_until = max(self._paused_until, now + seconds + spread)
        # Retry-After is the provider's word on when to come back; its counters may say "minutes until full".
        self._invited = seconds > 0
        if shrink and (self._gain == 1 or now - self._gain_at >= 1):
            self._gain, self._gain_at = self._current_gain(now) * CUT, now
        self._pump()

    def cooling(self) -> float:
        """Seconds until the pause ends."""
        return max(0.0, self._paused_until - self._loop.time())

    def learn(self, info: RateInfo, marks: tuple[float, float] | None = None) -> None:
        """Anchor to the provider's own count; without marks, as of now."""
        sent = marks or (self._requests.sent, self._tokens.sent)
        spared = 1 - self._share
        if info.limit_requests is not None and info.remaining_requests is not None:
            spare = info.limit_requests * spared
            left = Remaining(info.limit_requests - spare, info.remaining_requests - spare, info.reset_requests)
            self._requests.anchor(left, sent[0])
        if info.limit_tokens is not None and info.remaining_tokens is not None:
            spare = info.limit_tokens * spared
            self._tokens.anchor(
                Remaining(info.limit_tokens - spare, info.remaining_tokens - spare, info.reset_tokens), sent[1]
            )

    def used(self) -> float | None:
        """Share of the tighter limit used since the beginning, None without limits."""
        minutes = (self._loop.time() - self._began) / 60
        pairs = ((self._requests.sent, self.allowed.rpm), (self._tokens.used, self.allowed.tpm))
        return max((sent / (limit * minutes) for sent, limit in pairs if limit), default=None) if minutes else None

    def _current_gain(self, now: float) -> float:
        return 1.0 if self._gain == 1 else min(1.0, self._gain + RECOVER * (now - self._gain_at))

    def _delay(self, tokens: int) -> float:
        """Seconds until the next may pass; infinite while only a leaving one makes room."""
        if self.allowed.concurrency and self.in_flight >= self.allowed.concurrency:
            return float("inf")
        now = self._loop.time()
        if self._invited:
            return max(self._paused_until - now, 0.0)
        gain = self._current_gain(now)
        return max(
            self._paused_until - now,
            self._requests.wait(1, now, gain),
            self._tokens.wait(tokens, now, gain),
            0.0,
        )

    def _grant(self, permit: Permit) -> None:
        permit.granted, self._invited = True, False
        permit.marks = (self._requests.take(1), self._tokens.take(permit.tokens))
        self.in_flight += 1

    def _pump(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while self._line:
            permit, turn = self._line[0]
            delay = self._delay(permit.tokens)
            if delay:
                if delay != float("inf"):
                    self._timer = self._loop.call_later(delay, self._pump)
                return
            self._line.popleft()
            if not turn.done():
                self._grant(permit)
                turn.set_result(None)


class RateLimits:
    """The queues of all providers; make it where the event loop runs."""

    def __init__(
        self,
        providers: Mapping[str, ProviderConfig],
        wish: RateOverrides | None = None,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._providers, self._wish, self._jitter = providers, wish or RateOverrides(), jitter
        self._queues: dict[str, ProviderQueue] = {}

    async def acquire(self, provider: str, tokens: int) -> Permit:
        """Wait for a place at `provider` for one attempt that may use `tokens`."""
        queue = self.queue(provider)
        permit = Permit(queue, tokens)
        if not queue.admit(permit):
            await queue.wait(permit)
        return permit

    def learn(self, provider: str, info: RateInfo) -> None:
        """Take limits from headers; `Permit.learn` knows better which request they belong to."""
        self.queue(provider).learn(info)

    def pause(self, provider: str, seconds: float, *, shrink: bool = True) -> None:
        """Hold all rows at `provider` after a 429; a 5xx must not `shrink` the pace."""
        self.queue(provider).pause(seconds, shrink=shrink)

    def cooling(self, provider: str) -> float:
        """Seconds that `provider` is still paused."""
        queue = self._queues.get(provider)
        return queue.cooling() if queue else 0.0

    def used(self) -> float | None:
        """Share of its limits that the busiest provider used, None where nothing limits."""
        return max((share for queue in self._queues.values() if (share := queue.used()) is not None), default=None)

    def queue(self, provider: str) -> ProviderQueue:
        """The line of `provider`."""
        queue = self._queues.get(provider)
        if queue is None:
            allowed = limits(self._providers[provider], self._wish)
            queue = self._queues[provider] = ProviderQueue(allowed, jitter=self._jitter, share=self._wish.share)
        return queue
