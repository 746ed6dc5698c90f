"""
The line in front of one provider: paced buckets, permits and one shared pause.

First in, first out; every attempt of every row passes it, so a large row can't starve and one `Retry-After` holds all
rows once. Time is the event loop's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from llmo.engine.answer_sizes import AnswerSizes
from llmo.engine.gain import PACE, Gain
from llmo.engine.permit import Permit
from llmo.engine.shared_pace import Own, SharedPace
from llmo.engine.token_bucket import Remaining, TokenBucket, counts
from llmo.engine.usage_meter import LATE_S, UsageMeter
from llmo.engine.width import Width, room

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.engine.pace_notice import Refusal, Stance
    from llmo.engine.provider_limits import ProviderLimits
    from llmo.engine.shared_pace import PaceExchange
    from llmo.types.events import RateInfo, Usage

FIRST = 8.0
"""Requests at once, and a second, at a provider that nothing is known of."""
SOFT, DOUBLE_S = 0.1, 1.0
"""The part of a limit that a soft start begins with, and how many seconds it takes to double."""
MOST_S = 120.0
"""The longest Retry-After that is believed to say when a bucket is empty."""
UNPAID = 0.2
"""The part of what was in flight at a 429 that may be so again where its output is counted when it ends."""
ENDLESS = 1e6
"""A pace without a limit: so many requests a second."""


class ProviderGate:
    """The line in front of one provider."""

    def __init__(
        self, allowed: ProviderLimits, *, jitter: Callable[[], float], share: float, exchange: PaceExchange | None
    ) -> None:
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self.allowed = allowed
        self.in_flight = 0
        self._width = Width(allowed.concurrency or 0, now, most=room() if allowed.adapts else 0)
        # Whoever says how many at once has them within two seconds, unless the first answers tell of a limit.
        self._wanted = 0.0 if allowed.adapts or allowed.split else float(allowed.concurrency or 0)
        self._share, self._jitter = share, jitter
        given = (allowed.rpm, allowed.tpm, allowed.itpm, allowed.otpm)[: 4 if allowed.split else 2]
        self._buckets = tuple(TokenBucket(limit, now, floor=float(n == 0)) for n, limit in enumerate(given))
        self._requests = self._buckets[0]
        self._gain = Gain(PACE, now, least=LATE_S if allowed.split else 0.0)
        self._unknown = not any(given)
        if self._unknown:
            self._requests.suppose(1.0, FIRST)
            self._gain.top, self._gain.claimed = ENDLESS, False
            self._gain.start(FIRST)
        self._answers = AnswerSizes()
        self._line: deque[tuple[Permit, asyncio.Future[None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._paused_until = now
        self._invited = False
        self._draining: int | None = None
        self._shared = None if exchange is None else SharedPace(exchange, self, jitter())
        # Who begins at the same moment is heard the second time: no burst until then.
        self._requests.fill(full=exchange is None)
        self._meter = UsageMeter(self._buckets, now, late=allowed.split)

    def permit(self, input_tokens: int, max_tokens: int | None) -> Permit:
        """
        A permit for a request of that size, charged as the provider charges.

        Anthropic counts input at once and output as it comes, whatever its limit. Others count the limit, or the input
        when that is more; without a limit, what answers are like.
        """
        output = self._answers.mean if max_tokens is None else min(self._answers.mean, max_tokens)
        if self.allowed.split:
            return Permit(self, (1, input_tokens + output, input_tokens, output))
        return Permit(self, (1, input_tokens + output if max_tokens is None else max(input_tokens, max_tokens)))

    def admit(self, permit: Permit) -> bool:
        """Let `permit` through if nobody waits and everything allows it."""
        now = self._loop.time()
        if self._line or self._delay(permit.amounts, now):
            return False
        self._grant(permit, now)
        return True

    async def wait(self, permit: Permit) -> None:
        """Stand in line."""
        turn = self._loop.create_future()
        self._line.append((permit, turn))
        if self._shared is not None:
            self._shared.wake()
        self._pump()
        try:
            await turn
        except asyncio.CancelledError:
            if permit.granted:
                self._settle(permit, (0,) * len(permit.amounts))
                self._end(self._loop.time())
            else:
                with suppress(ValueError):  # `_pump` may have passed over it in this very turn of the loop
                    self._line.remove((permit, turn))
                self._pump()
            raise

    def leave(self, permit: Permit, usage: Usage | None) -> None:
        """End an attempt; None keeps its estimate charged."""
        now = self._loop.time()
        if not permit.refused:
            self._width.answered(now)
            least, wanted = (0.0, self._wanted) if self._unknown else (DOUBLE_S, 0.0)
            self._gain.answered(permit.marks[0], self._requests.sent, now, least=least, wanted=wanted)
            if self._gain.starting:
                self._gain.arrive(ENDLESS if self._unknown else PACE, now)
            if usage is not None:
                self._answers.add(usage.output_tokens, now - permit.at)
                self._settle(permit, self._used(usage))
        self._end(now)

    def refused(self, permit: Permit, seconds: float) -> None:
        """Hold the whole line after a 429, and slow down unless it is one of many that tell the same."""
        permit.refused = True
        now = self._loop.time()
        self._width.refused(now)
        self._gain.refusals += 1
        self._settle(permit, (0,) * len(permit.amounts))
        if self._gain.leapt(self._requests.sent, now):
            self._wanted = 0.0
        elif self._gain.row.news(permit.marks[0]):
            until = now + min(seconds, MOST_S)
            if self._shared is not None:
                self._shared.refused(until)
            self._gain.row.add(self._requests.sent, now)
            if not self._gain.follows:
                self._slow_down(now, until)
        reserve = self._gain.reserve(varied=not self._unknown and self._meter.tightest(now) > 0)
        for bucket in self._buckets:
            bucket.drain(reserve * bucket.claim * self._gain.value, self._answers.heavy)
        self.pause(seconds)

    def pause(self, seconds: float) -> None:
        """Hold the whole line."""
        # Others wait for the same second: whoever comes a little later is not turned away again.
        spread = self._jitter() * min(1.0, 0.05 + 0.1 * seconds)
        self._paused_until = max(self._paused_until, self._loop.time() + seconds + spread)
        # Retry-After is the provider's word on when to come back; its counters may say "minutes until full".
        # Where output is counted as it comes, what is in flight will use up what there is by then.
        self._invited = seconds > 0 and not (self.allowed.split and self.in_flight > 1)
        self._pump()

    def cooling(self) -> float:
        """Seconds until the pause ends."""
        return max(0.0, self._paused_until - self._loop.time())

    def learn(self, info: RateInfo, permit: Permit | None = None) -> None:
        """Anchor to the provider's own count, as of the grant of `permit`, else as of now."""
        at = self._loop.time() if permit is None else permit.at
        refilled = (self._loop.time() - at) * max(1.0, self._gain.value)
        marks = permit.marks if permit else [bucket.sent for bucket in self._buckets]
        counted = permit.counted if permit else [bucket.counted for bucket in self._buckets]
        claims = [bucket.claim for bucket in self._buckets]
        told = counts(info)
        for bucket, mark, used, (limit, remaining, reset) in zip(self._buckets, marks, counted, told, strict=False):
            if limit and remaining is not None:
                part, spare = self._shared.part if self._shared else 1.0, limit * (1 - self._share)
                count = Remaining((limit - spare) * part, (remaining - spare) * part, reset)
                bucket.anchor(count, mark, (at, used), refilled)
        if claims != [bucket.claim for bucket in self._buckets]:
            self._claimed(claims)
        self._overdone()

    @property
    def width(self) -> int:
        """How many requests may be in flight at once, 0 for any number."""
        return self._width.value

    def used(self) -> float | None:
        """Share of the tighter limit used since the beginning, None without limits."""
        if self._unknown:
            return None
        return self._meter.total(self._loop.time()) or None

    def own(self) -> Own | None:
        """What other processes are told; None while nothing is in flight, and nobody waits."""
        if not (self._line or self.in_flight):
            return None
        now = self._loop.time()
        found, at = self._gain.settled or (self._gain.value, None)
        claims = tuple(bucket.claim for bucket in self._buckets)
        counts = (self._requests.used, self._requests.sent - self._requests.used)
        stance, used = self._gain.stance(now), self._meter.recent(now) / self._gain.value
        return Own(used, self._meter.waited(now), found, claims, at, stance, counts)

    def take(self, ratio: float, found: tuple[float, float] | None, *, alone: bool) -> None:
        """Take so many times the part of the limits, and what another process found to be granted, and when."""
        now = self._loop.time()
        if alone:
            self._requests.fill(full=True)
        for bucket in self._buckets:
            bucket.scale(ratio)
        if found is not None:
            self._gain.adopt(*found, self._requests.sent, now)
        if found is not None or ratio != 1:
            self._meter.restart(now)
        self._pump()

    def follow(self, stance: Stance, *, slowed: bool) -> None:
        """Go as fast as another process, which finds the pace."""
        self._gain.follow(stance, self._loop.time(), self._requests.sent if slowed else None)
        self._pump()

    def lead(self, refusal: Refusal | None, counts: tuple[float, ...]) -> None:
        """Find the pace, also for others: one of them was refused, and as many requests of theirs more are counted."""
        self._gain.lead(*counts)
        if refusal is not None:
            self._gain.row.add(self._requests.sent, now := self._loop.time())
            self._slow_down(now, refusal.until + now - refusal.at)

    def _slow_down(self, now: float, until: float) -> None:
        """Find a slower pace after a 429; until then the provider has nothing left."""
        found = self._meter.emptied(now, until, self._answers.heavy, varied=self._unknown, again=self._gain.row.again)
        self._gain.refused(now, found, self._meter.recent(now) or self._gain.value)
        if self._shared is not None:
            self._shared.slowed()
        if self._late:
            self._draining = max(1, int(self.in_flight * UNPAID))

    def _claimed(self, before: list[float]) -> None:
        """Go on as fast as before at the limits that headers claim."""
        now = self._loop.time()
        rate = before[0] * self._gain.value
        if self._unknown:
            self._unknown, self._gain.claimed = False, True
            if not self._requests.told:
                self._requests.forget()
            self._gain.start(max(SOFT, rate / self._requests.claim if self._requests.claim else SOFT))
        else:
            falls = [
                old / bucket.claim for old, bucket in zip(before, self._buckets, strict=True) if old and bucket.claim
            ]
            self._gain.value *= max(falls, default=1.0)
        self._gain.arrive(PACE, now)
        self._gain.top = PACE * min(bucket.top for bucket in self._buckets)

    def _overdone(self) -> None:
        """Slow down to what is granted when the provider's count falls while more than it claims is used."""
        self._gain.blind = not any(bucket.varies for bucket in self._buckets)
        self._gain.low = any(bucket.low for bucket in self._buckets)
        if self._unknown or self._gain.value <= PACE or self._gain.follows:
            for bucket in self._buckets:
                bucket.watch()
            return
        found = [granted for bucket in self._buckets if (granted := bucket.granted()) is not None]
        if found:
            self._gain.exceeded(min(found), self._loop.time())
            for bucket in self._buckets:
                bucket.watch()

    def _used(self, usage: Usage) -> tuple[float, ...]:
        total = usage.input_tokens + usage.output_tokens
        if not self.allowed.split:
            return (1, total)
        return (1, total, usage.input_tokens - usage.cached_input_tokens, usage.output_tokens)

    def _settle(self, permit: Permit, used: tuple[float, ...]) -> None:
        for bucket, asked, came, mark in zip(self._buckets, permit.amounts, used, permit.marks, strict=True):
            if asked != came:
                bucket.give(asked - came, mark)

    def _end(self, now: float) -> None:
        self._width.flew(self.in_flight, now)
        self.in_flight -= 1
        if self.allowed.split:
            self._pend()
        self._meter.tick(now)
        if self._line:
            self._pump()

    def _delay(self, amounts: tuple[float, ...], now: float) -> float:
        """Seconds until the next may pass; infinite while only a leaving one makes room."""
        width = self._width.value
        if (width and self.in_flight >= width) or (self._shared is not None and self._shared.over):
            return float("inf")
        if self._draining is not None:
            if self.in_flight > self._draining:
                return float("inf")
            self._draining = None
        delay = max(self._paused_until - now, 0.0)
        if self._invited:
            return delay
        gain = self._gain.gain(now)
        for bucket, amount in zip(self._buckets, amounts, strict=True):
            if wait := bucket.wait(amount, now, gain):
                delay = max(delay, wait)
        return delay

    def _grant(self, permit: Permit, now: float) -> None:
        permit.granted, self._invited, permit.at = True, False, now
        permit.counted = tuple([bucket.counted for bucket in self._buckets])
        permit.marks = tuple(
            [bucket.take(amount) for bucket, amount in zip(self._buckets, permit.amounts, strict=True)]
        )
        self._width.flew(self.in_flight, now)
        self.in_flight += 1
        if self._shared is not None:
            self._shared.wake()
        if self.allowed.split:
            self._pend()

    @property
    def _late(self) -> bool:
        """Whether what is in flight will be counted when it ends, against a limit that nobody knows."""
        return self.allowed.split and not self._buckets[-1].claim

    def _pend(self) -> None:
        self._buckets[-1].pending = self.in_flight * self._answers.mean
        self._requests.pending = float(self.in_flight) if self._late else 0.0

    def _pump(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        now = self._loop.time()
        while self._line:
            permit, turn = self._line[0]
            delay = self._delay(permit.amounts, now)
            if delay:
                endless = delay == float("inf")
                if not endless:
                    self._timer = self._loop.call_later(delay, self._pump)
                self._meter.waits(now, saturated=not endless or self._draining is not None)
                return
            self._line.popleft()
            if not turn.done():
                self._grant(permit, now)
                turn.set_result(None)
        self._meter.waits(now, saturated=False)
