"""
The part of a provider's limits that this process takes, of all that use the same key on this machine.

Each says twice a second what it uses and what it found to be granted, and hears the same of the others. Who is silent
for `LEASE_S` is gone. Nobody waits for this: what can't be told or heard, or only late, changes nothing.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Protocol

from llmo.engine.pace_notice import LEASE_S, Refusal, Said, Stance, alike, fraction, leader, newest
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llmo.types.clock import Clock

TELL_S, FIRST_S = 0.5, 0.2
"""Seconds between notices, and between the first two."""
ALONE = 2
"""How many times nobody must have been heard to be alone."""
NEAR = 0.02
"""How much the part that others leave must change to be taken."""
LATER_S = 0.2
"""Seconds that another finding must be later to count; clocks are no more exact."""


@dataclass(frozen=True, slots=True)
class Heard:
    """
    What others say, and the part of all limits that is left to this process.

    The part is taken until it is heard again, or leased until `until` (the loop's time): nothing may pass then.
    """

    others: Sequence[Said]
    part: float
    until: float = math.inf


class PaceExchange(Protocol):
    """Tells other processes."""

    @property
    def leases(self) -> bool:
        """Whether nothing may pass before a part is heard: somebody shares them out."""
        ...

    def now(self) -> float:
        """The wall clock's time, which all of them have."""
        ...

    def __call__(self, mine: Said, heard: Callable[[Heard], None]) -> None:
        """Tell them, and have `heard` called in the event loop with what they say: now, later or never. Never waits."""
        ...


class Swaps(Protocol):
    """Where notices are left."""

    def swap(self, mine: bytes) -> list[bytes]:
        """Leave one and return those of others. Raises `OSError`."""
        ...


class ThreadedExchange:
    """Tells others through files, in a thread: a disk may be slow, or gone."""

    leases = False

    def __init__(self, notices: Swaps, clock: Clock) -> None:
        self._notices, self.now = notices, clock.now
        self._busy = False

    def __call__(self, mine: Said, heard: Callable[[Heard], None]) -> None:
        """Do nothing while the last time is not over."""
        if self._busy:
            return
        self._busy = True
        loop = asyncio.get_running_loop()

        def done(others: Sequence[Said]) -> None:
            self._busy = False
            heard(Heard(others, fraction(others)))

        def swap() -> None:
            others: list[Said] = []
            with suppress(OSError):
                now = self.now()
                said = (Said.decoded(notice, now) for notice in self._notices.swap(mine.encoded()))
                others = [one for one in said if one is not None]
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(done, others)

        try:
            Thread(target=swap, daemon=True, name="llmo-rates").start()
        except RuntimeError:  # no more threads
            self._busy = False


@dataclass(frozen=True, slots=True)
class Own:
    """What this process has to say: `Said` of its part, without the time; `found_at` is the loop's, None before."""

    used: float
    waits: bool
    gain: float
    claims: tuple[float, ...]
    found_at: float | None
    stance: Stance
    counts: tuple[float, ...]


class Sharer(Protocol):
    """Who takes a part of the limits of a provider; times are the loop's."""

    def own(self) -> Own | None:
        """What it has to say; None while it has nothing to do with the provider."""
        ...

    def take(self, ratio: float, found: tuple[float, float] | None, *, alone: bool) -> None:
        """
        Take so many times the part of all limits, and a gain that somebody else found to be granted, and when.

        Once, where nobody else was heard, it is told that it is `alone`.
        """
        ...

    def follow(self, stance: Stance, *, slowed: bool) -> None:
        """Go as fast as who leads, who may have `slowed` down since it was heard last."""
        ...

    def lead(self, refusal: Refusal | None, counts: tuple[float, ...]) -> None:
        """Find the pace, also for others: one of them was refused, and as many requests of theirs more are counted."""
        ...


class SharedPace:
    """
    Tells and hears twice a second, as long as there is something to say; `part` is what is taken of all limits.

    `rank` sets apart those who begin at the same moment.
    """

    def __init__(self, exchange: PaceExchange, sharer: Sharer, rank: float) -> None:
        self._exchange, self._sharer = exchange, sharer
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.Handle | None = None
        self._own: Own | None = None
        self._until = -math.inf if exchange.leases else math.inf
        self.part, self._rounds = 1.0, 0
        self._rank, self._slowed_at = exchange.now() + rank, 0.0
        self._refusal: Refusal | None = None
        self._counts: dict[float, tuple[float, ...]] = {}

    @property
    def over(self) -> bool:
        """Whether what was leased is over, so that nothing may pass."""
        return self._loop.time() >= self._until

    def wake(self) -> None:
        """Begin to tell, unless it has begun."""
        if self._timer is None:
            self._timer = self._loop.call_soon(self._tell)

    def slowed(self) -> None:
        """Tell at once that this process, which leads, has slowed down."""
        self._slowed_at = self._exchange.now()
        self._hurry()

    def refused(self, until: float) -> None:
        """Tell at once of a 429, after which the provider has something left again at `until`."""
        now = self._exchange.now()
        self._refusal = Refusal(now, now + until - self._loop.time(), self._slowed_at)
        self._hurry()

    def _hurry(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_soon(self._tell)

    def _tell(self) -> None:
        self._timer = None
        self._own = own = self._sharer.own()
        if own is None:
            return
        # First: what is heard may wake it.
        self._timer = self._loop.call_later(TELL_S if self._rounds else FIRST_S, self._tell)
        self._exchange(self._saying(own), self._heard)

    def _saying(self, own: Own) -> Said:
        wall = self._exchange.now()
        return Said(
            until=wall + LEASE_S,
            used=min(1.0, own.used) * self.part,
            waits=own.waits,
            gain=own.gain,
            claims=tuple(claim / self.part for claim in own.claims),
            found_at=0.0 if own.found_at is None else wall - (self._loop.time() - own.found_at),
            rank=self._rank,
            stance=own.stance,
            slowed_at=self._slowed_at,
            refusal=self._refusal,
            counts=own.counts,
        )

    def _heard(self, heard: Heard) -> None:
        own = self._own
        if own is None:
            return
        self._until = heard.until if heard.part > 0 else -math.inf
        mine = self._saying(own)
        others = alike(heard.others, mine.claims)
        said = newest(others, mine.found_at + LATER_S)
        before, part = self.part, heard.part
        # Whoever keeps a little more than was leased passes the limit of all.
        near = 0.0 if self._exchange.leases and part < before else NEAR
        if part > 0 and abs(part - before) > near * before:
            self.part = part
        self._rounds += 1
        alone = self._rounds == ALONE and self.part == 1
        ahead = self._exchange.now() - self._loop.time()
        found = None if said is None else (said.gain, said.found_at - ahead)
        self._sharer.take(self.part / before, found, alone=alone)
        self._go_along(mine, [one for one in others if one.rank], ahead)

    def _go_along(self, mine: Said, others: Sequence[Said], ahead: float) -> None:
        first = leader([mine, *others])
        if first is not None and first is not mine and first.stance is not None:
            slowed, self._slowed_at = first.slowed_at != self._slowed_at, first.slowed_at
            self._counts = {}
            self._sharer.follow(first.stance, slowed=slowed)
            return
        # What was sent before the last time that all slowed down tells nothing new.
        news = [one.refusal for one in others if one.refusal and one.refusal.slowed_at >= self._slowed_at]
        counts = {one.rank: one.counts for one in others}
        more = [
            tuple(max(0.0, now - then) for now, then in zip(one, self._counts[rank], strict=True))
            for rank, one in counts.items()
            if rank in self._counts
        ]
        self._counts = counts
        told = min(news, default=None)
        if told is not None:
            told = told._replace(at=told.at - ahead, until=told.until - ahead)
        self._sharer.lead(told, tuple(map(sum, zip(*more, strict=True))) if more else (0.0, 0.0))
