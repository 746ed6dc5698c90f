"""
The line in front of one provider: paced buckets, permits and one shared pause.

First in, first out; every attempt of every row passes it, so a large row can't starve and one `Retry-After` holds all
rows once. Time is the event loop's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from llmo.engine.gain import PACE, SHORT_S, Gain
from llmo.engine.token_bucket import Remaining, TokenBucket
from llmo.routing.plan import EXPECTED_OUTPUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.engine.provider_limits import ProviderLimits
    from llmo.types.events import RateInfo, Usage

FIRST = 8.0
"""Requests at once, and a second, at a provider that nothing is known of."""
SOFT = 0.1
"""The part of a limit that a soft start begins with, and how many seconds it takes to double."""
DOUBLE_S = 1.0
SAMPLES = 50
"""Answers over which their length is averaged."""
IDLE = 0.1
"""The part of the pace that may be left unused in what counts as a measurement of the limit."""
RECENT_S = 2.0
"""Seconds after which a snapshot of what was used is replaced."""
DROP = 0.1
"""The part of its limit that a provider's count must fall by to show that it does not grant more."""
LATE_S = 10.0
"""The shortest time in which a limit is measured where a part of what is in flight is not counted yet."""
ENDLESS = 1e6
"""A pace without a limit: so many requests a second."""


class Permit:
    """One attempt's place at the provider; it is given back with `release`, once."""

    __slots__ = ("_gate", "amounts", "at", "granted", "marks", "refused")

    def __init__(self, gate: ProviderGate, amounts: tuple[float, ...]) -> None:
        self._gate = gate
        self.amounts = amounts
        self.marks: tuple[float, ...] = ()
        self.at = 0.0
        self.granted = self.refused = False

    def release(self, usage: Usage | None = None) -> None:
        """Make room; `usage` is what stays charged, all that was asked for when it is not known."""
        self._gate.leave(self, usage)

    def refuse(self, retry_after: float | None) -> None:
        """Take note of a 429, before the release; all rows wait for `retry_after` seconds."""
        self._gate.refused(self, retry_after or 0.0)

    def learn(self, info: RateInfo) -> None:
        """Take the limits that the answer to this very request states."""
        self._gate.learn(info, self.marks, self.at)


class ProviderGate:
    """The line in front of one provider."""

    def __init__(self, allowed: ProviderLimits, *, jitter: Callable[[], float], share: float = 1.0) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = now = self._loop.time()
        self.allowed = allowed
        self.in_flight = self.refusals = 0
        self._share, self._jitter = share, jitter
        given = (allowed.rpm, allowed.tpm, allowed.itpm, allowed.otpm)[: 4 if allowed.split else 2]
        self._buckets = tuple(TokenBucket(limit, now, floor=float(n == 0)) for n, limit in enumerate(given))
        self._requests = self._buckets[0]
        self._gain = Gain(PACE, now)
        self._unknown = not any(given)
        if self._unknown:
            self._requests.suppose(1.0, FIRST)
            self._gain.top, self._gain.claimed = ENDLESS, False
            self._gain.start(FIRST)
        self._output, self._outputs = float(EXPECTED_OUTPUT), 0
        self._line: deque[tuple[Permit, asyncio.Future[None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._paused_until = now
        self._invited = False
        self._free, self._free_since = 0.0, now
        self._saturated = False
        self._short = LATE_S if allowed.split else SHORT_S
        self._emptied: _UseSoFar | None = None
        self._recent = self._older = _UseSoFar(now, self._buckets, 0.0)
        self._before: list[float | None] = []

    def permit(self, input_tokens: int, max_tokens: int | None) -> Permit:
        """
        A permit for a request of that size, charged as the provider charges.

        Anthropic counts input at once and output as it comes, whatever its limit. Others count the limit, or the input
        when that is more; without a limit, what answers are like.
        """
        output = self._output if max_tokens is None else min(self._output, max_tokens)
        if self.allowed.split:
            return Permit(self, (1, input_tokens + output, input_tokens, output))
        return Permit(self, (1, input_tokens + output if max_tokens is None else max(input_tokens, max_tokens)))

    def admit(self, permit: Permit) -> bool:
        """Let `permit` through if nobody waits and everything allows it."""
        if self._line or self._delay(permit.amounts):
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
                self._settle(permit, (0,) * len(permit.amounts))
                self._end(permit)
            else:
                self._line.remove((permit, turn))
                self._pump()
            raise

    def leave(self, permit: Permit, usage: Usage | None) -> None:
        """End an attempt; None keeps its estimate charged."""
        if not permit.refused:
            now = self._loop.time()
            least = 0.0 if self._unknown else DOUBLE_S
            self._gain.answered(permit.marks[0], self._requests.sent, now, least=least)
            if self._gain.starting:
                self._gain.arrive(ENDLESS if self._unknown else PACE, now)
            if usage is not None:
                self._settle(permit, self._used(usage))
        self._end(permit)

    def refused(self, permit: Permit, seconds: float) -> None:
        """Hold the whole line after a 429, and slow down unless it is one of many that tell the same."""
        permit.refused = True
        now = self._loop.time()
        self.refusals += 1
        self._settle(permit, (0,) * len(permit.amounts))
        for bucket in self._buckets:
            bucket.drain()
        if self._gain.news(permit.marks[0]):
            found = self._measured(self._emptied, now)
            if self._emptied is None or now - self._emptied.at >= self._short:
                self._emptied = self._snapshot(now)
            self._gain.refused(self._requests.sent, now, found, self._gauge(self._older, now)[0] or self._gain.value)
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

    def learn(self, info: RateInfo, marks: tuple[float, ...] = (), at: float | None = None) -> None:
        """Anchor to the provider's own count; without marks, as of now."""
        refilled = 0.0 if at is None else (self._loop.time() - at) * max(1.0, self._gain.value)
        marks = marks or tuple(bucket.sent for bucket in self._buckets)
        claims = [bucket.claim for bucket in self._buckets]
        told = (
            (info.limit_requests, info.remaining_requests, info.reset_requests),
            (info.limit_tokens, info.remaining_tokens, info.reset_tokens),
            (info.limit_input, info.remaining_input, info.reset_input),
            (info.limit_output, info.remaining_output, info.reset_output),
        )
        for bucket, mark, (limit, remaining, reset) in zip(self._buckets, marks, told, strict=False):
            if limit and remaining is not None:
                spare = limit * (1 - self._share)
                bucket.anchor(Remaining(limit - spare, remaining - spare, reset), mark, refilled)
        if claims != [bucket.claim for bucket in self._buckets]:
            self._claimed(claims)
        self._overdone()

    def used(self) -> float | None:
        """Share of the tighter limit used since the beginning, None without limits."""
        if self._unknown:
            return None
        return self._gauge(None, self._loop.time())[0] or None

    def _claimed(self, before: list[float]) -> None:
        """Go on as fast as before at the limits that headers claim."""
        now = self._loop.time()
        rate = before[0] * self._gain.value
        if self._unknown:
            self._unknown, self._gain.claimed = False, True
            if self._requests.told is None:
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
        """Go back to what is claimed when the provider's count falls while faster is tried."""
        tried = self._gain.trying
        if tried is None or tried < PACE or self._unknown:
            self._before = []
            return
        told = [bucket.told for bucket in self._buckets]
        if not self._before:
            self._before = told
        for old, new in zip(self._before, told, strict=True):
            if old is not None and new is not None and old - new >= DROP:
                self._gain.exceeded(PACE, self._loop.time())
                self._before = []
                return

    def _used(self, usage: Usage) -> tuple[float, ...]:
        self._outputs = min(self._outputs + 1, SAMPLES)
        self._output += (usage.output_tokens - self._output) / self._outputs
        total = usage.input_tokens + usage.output_tokens
        if not self.allowed.split:
            return (1, total)
        return (1, total, usage.input_tokens - usage.cached_input_tokens, usage.output_tokens)

    def _settle(self, permit: Permit, used: tuple[float, ...]) -> None:
        for bucket, asked, came, mark in zip(self._buckets, permit.amounts, used, permit.marks, strict=True):
            if asked != came:
                bucket.give(asked - came, mark)

    def _end(self, permit: Permit) -> None:
        self.in_flight -= 1
        if self.allowed.split:
            self._buckets[-1].pending -= permit.amounts[-1]
        now = self._loop.time()
        if now - self._recent.at >= RECENT_S:
            self._older, self._recent = self._recent, self._snapshot(now)
        if self._line:
            self._pump()

    def _gauge(self, since: _UseSoFar | None, now: float) -> tuple[float, float]:
        """The gain that was used since then, and the part of it that was left unused, both of the tighter limit."""
        passed = now - (self._began if since is None else since.at)
        if passed <= 0:
            return 0.0, 0.0
        found = [(0.0, 0.0)]
        for number, bucket in enumerate(self._buckets):
            if bucket.claim:
                used, spare = (0.0, 0.0) if since is None else since.amounts[number]
                scale = bucket.claim * passed
                found.append(((bucket.used - bucket.pending - used) / scale, (bucket.spare - spare) / scale))
        return max(found)

    def _measured(self, since: _UseSoFar | None, now: float) -> float | None:
        if since is None or now - since.at < self._short:
            return None
        used, spare = self._gauge(since, now)
        free = self._freed(now) - since.free
        return used if used and (spare <= IDLE * used or free <= IDLE * (now - since.at)) else None

    def _snapshot(self, now: float) -> _UseSoFar:
        return _UseSoFar(now, self._buckets, self._freed(now))

    def _freed(self, now: float) -> float:
        """Seconds in which nobody waited for the provider: the line was empty, or waited for a place."""
        return self._free if self._saturated else self._free + now - self._free_since

    def _waits(self, *, saturated: bool) -> None:
        if saturated is not self._saturated:
            now = self._loop.time()
            if saturated:
                self._free += now - self._free_since
            self._saturated, self._free_since = saturated, now

    def _delay(self, amounts: tuple[float, ...]) -> float:
        """Seconds until the next may pass; infinite while only a leaving one makes room."""
        if self.allowed.concurrency and self.in_flight >= self.allowed.concurrency:
            return float("inf")
        now = self._loop.time()
        delay = self._paused_until - now
        if self._invited:
            return max(delay, 0.0)
        gain = self._gain.gain(now)
        for bucket, amount in zip(self._buckets, amounts, strict=True):
            wait = bucket.wait(amount, now, gain)
            delay = max(delay, wait)
        return max(delay, 0.0)

    def _grant(self, permit: Permit) -> None:
        permit.granted, self._invited = True, False
        permit.at = self._loop.time()
        permit.marks = tuple(
            [bucket.take(amount) for bucket, amount in zip(self._buckets, permit.amounts, strict=True)]
        )
        self.in_flight += 1
        if self.allowed.split:
            self._buckets[-1].pending += permit.amounts[-1]

    def _pump(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while self._line:
            permit, turn = self._line[0]
            delay = self._delay(permit.amounts)
            if delay:
                endless = delay == float("inf")
                if not endless:
                    self._timer = self._loop.call_later(delay, self._pump)
                self._waits(saturated=not endless)
                return
            self._line.popleft()
            if not turn.done():
                self._grant(permit)
                turn.set_result(None)
        self._waits(saturated=False)


class _UseSoFar:
    """What was used, and left unused, of each bucket at a moment."""

    __slots__ = ("amounts", "at", "free")

    def __init__(self, at: float, buckets: tuple[TokenBucket, ...], free: float) -> None:
        self.at, self.free = at, free
        self.amounts = [(bucket.used - bucket.pending, bucket.spare) for bucket in buckets]
