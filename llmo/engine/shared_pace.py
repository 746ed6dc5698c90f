"""
The part of a provider's limits that this process takes, of all that use the same key on this machine.

Each says twice a second what it uses and what it found to be granted, and hears the same of the others. Who is silent
for `LEASE_S` is gone. Nobody waits for this: what can't be told or heard, or only late, changes nothing.
"""

from __future__ import annotations

import asyncio
import json
import math
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Protocol

from llmo.types import jsontext
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llmo.types.clock import Clock

TELL_S, FIRST_S, LEASE_S = 0.5, 0.2, 2.5
"""Seconds between notices, between the first two, and for which one holds."""
ALONE = 2
"""How many times nobody must have been heard to be alone."""
NEAR = 0.02
"""How much the part that others leave must change to be taken."""
LATER_S = 0.2
"""Seconds that another finding must be later to count; clocks are no more exact."""
ROOM, LITTLE = 1.25, 0.02
"""What is left to a process that does not use its part: so many times what it uses, and a little."""


@dataclass(frozen=True, slots=True)
class Said:
    """
    What one process says of one provider; times are the wall clock's.

    `used` is the part of all limits that it uses, `waits` whether it would use more. `gain` is what it found to be
    granted, as times of `claims`, at `found_at`.
    """

    until: float
    used: float
    waits: bool
    gain: float
    claims: tuple[float, ...]
    found_at: float

    def encoded(self) -> bytes:
        """As one JSON object."""
        from dataclasses import asdict

        return jsontext.write(asdict(self)).encode()

    @classmethod
    def decoded(cls, notice: bytes, now: float) -> Said | None:
        """What another process says now; None if it is over, or nothing that could be said."""
        try:
            found = json.loads(notice)
            numbers = [float(found[name]) for name in ("until", "used", "gain", "found_at")]
            claims = tuple(float(claim) for claim in found["claims"])
            waits = bool(found["waits"])
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
            return None
        until, used, gain, found_at = numbers
        if not all(map(math.isfinite, (*numbers, *claims))) or not now < until <= now + LEASE_S + 1:
            return None
        if used < 0 or gain <= 0 or found_at > now + 1:
            return None
        return cls(until, min(1.0, used), waits, gain, claims, found_at)


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


def fraction(others: Sequence[Said]) -> float:
    """
    The part of the limits that is left to this process.

    At least an equal one; and an equal one of what those leave who do not need theirs.
    """
    fair = 1 / (len(others) + 1)
    needed = sum(min(fair, one.used * ROOM + LITTLE) for one in others if not one.waits)
    return max(fair, (1 - needed) / (1 + sum(one.waits for one in others)))


def newest(others: Sequence[Said], claims: Sequence[float], since: float) -> Said | None:
    """Who found later than `since` what the same claims are worth; None where nobody did."""
    alike = [
        one
        for one in others
        if one.found_at > since
        and len(one.claims) == len(claims)
        and all(math.isclose(a, b, rel_tol=0.01) for a, b in zip(one.claims, claims, strict=True))
    ]
    return max(alike, key=lambda one: one.found_at, default=None)


@dataclass(frozen=True, slots=True)
class Own:
    """What this process has to say: `Said` of its part, without the time; `found_at` is the loop's, None before."""

    used: float
    waits: bool
    gain: float
    claims: tuple[float, ...]
    found_at: float | None


class Sharer(Protocol):
    """Who takes a part of the limits of a provider."""

    def own(self) -> Own | None:
        """What it has to say; None while it has nothing to do with the provider."""
        ...

    def take(self, ratio: float, found: tuple[float, float] | None, *, alone: bool) -> None:
        """
        Take so many times the part of all limits, and a gain that somebody else found to be granted, and when.

        Once, where nobody else was heard, it is told that it is `alone`.
        """
        ...


class SharedPace:
    """Tells and hears twice a second, as long as there is something to say; `part` is what is taken of all limits."""

    def __init__(self, exchange: PaceExchange, sharer: Sharer) -> None:
        self._exchange, self._sharer = exchange, sharer
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.Handle | None = None
        self._own: Own | None = None
        self._until = -math.inf if exchange.leases else math.inf
        self.part, self._rounds = 1.0, 0

    @property
    def over(self) -> bool:
        """Whether what was leased is over, so that nothing may pass."""
        return self._loop.time() >= self._until

    def wake(self) -> None:
        """Begin to tell, unless it has begun."""
        if self._timer is None:
            self._timer = self._loop.call_soon(self._tell)

    def _tell(self) -> None:
        self._timer = None
        self._own = own = self._sharer.own()
        if own is None:
            return
        # First: what is heard may wake it.
        self._timer = self._loop.call_later(TELL_S if self._rounds else FIRST_S, self._tell)
        wall = self._exchange.now()
        at = 0.0 if own.found_at is None else wall - (self._loop.time() - own.found_at)
        claims = tuple(claim / self.part for claim in own.claims)
        used = min(1.0, own.used) * self.part
        self._exchange(Said(wall + LEASE_S, used, own.waits, own.gain, claims, at), self._heard)

    def _heard(self, heard: Heard) -> None:
        own, others = self._own, heard.others
        if own is None:
            return
        self._until = heard.until if heard.part > 0 else -math.inf
        ahead = self._exchange.now() - self._loop.time()
        since = LATER_S + (0.0 if own.found_at is None else own.found_at + ahead)
        said = newest(others, [claim / self.part for claim in own.claims], since)
        before, part = self.part, heard.part
        # Whoever keeps a little more than was leased passes the limit of all.
        near = 0.0 if self._exchange.leases and part < before else NEAR
        if part > 0 and abs(part - before) > near * before:
            self.part = part
        self._rounds += 1
        alone = self._rounds == ALONE and self.part == 1
        found = None if said is None else (said.gain, said.found_at - ahead)
        self._sharer.take(self.part / before, found, alone=alone)
