"""
Which targets others are asked before, in this process and, by the ledger, in all: see `llmo.ledger.breakers`.

A breaker orders, it never refuses: whom nobody can stand in for is asked all the same. A refused key counts for this
process only, so that a corrected one works at once.
"""

from __future__ import annotations

import random
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from llmo.errors import (
    Incomplete,
    LlmoError,
    OutOfTime,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    TimedOut,
    Unauthorized,
    Unavailable,
    Unfinished,
    Withheld,
)
from llmo.ledger.breakers import IN_A_ROW, Breaker, Circuit, Failure, answered, failed, probing, unprobed

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.routing.plan import Candidate

QUOTA_S = 600.0
"""Seconds for which others are asked before a target without credit, at least."""
WORTH_S = 1.0
"""Shorter waits are over before another process could know of them."""
LEASE_S = 300.0
"""The longest time that one request is trusted to find out whether a target works again."""
TOLD_S = 1.0
"""Answers of a target that failed of late are stored this many seconds apart: there may be thousands."""


class BreakerStore(Protocol):
    """Where breakers are kept between processes, as `llmo.ledger.backend.Ledger` does."""

    def change_breaker(
        self, circuit: Circuit, change: Callable[[Breaker | None], Breaker | None]
    ) -> Breaker | None: ...


class Breakers:
    """
    The breakers of one process, over those of all.

    Without a `store`, or while that can't be used, it knows of itself only. `now` are seconds since the epoch.
    """

    def __init__(
        self,
        store: BreakerStore | None = None,
        *,
        now: Callable[[], float] = time.time,
        rand: Callable[[], float] = random.random,
    ) -> None:
        self._store, self._now, self._rand = store, now, rand
        self._known: dict[Circuit, Breaker | None] = {}
        self._told: dict[Circuit, float] = {}
        self._refused: set[Circuit] = set()
        self._works: set[Circuit] = set()
        self._mine: set[Circuit] = set()

    def learn(self, candidate: Candidate) -> None:
        """Take what the plan knew of a candidate, if nothing newer is known here."""
        circuit, found = candidate.circuit, candidate.facts.breaker
        if circuit not in self._known or (found is not None and found.at > self._told.get(circuit, 0.0)):
            self._known[circuit] = found
            self._told[circuit] = found.at if found is not None else 0.0

    def rests(self, candidate: Candidate, *, crowd: bool = False) -> bool:
        """
        Whether others are to be asked before it.

        A `crowd` that was too fast is slowed down in line, see `llmo.engine.gate`, and does not go elsewhere.
        """
        circuit = candidate.circuit
        found = self._known.get(circuit)
        if circuit in self._refused:
            return True
        if found is None or (crowd and found.reason == RateLimited.kind):
            return False
        return found.open_s(self._now()) > 0

    def claim(self, candidate: Candidate, lease: float) -> bool:
        """
        Whether a candidate may be asked now: of those that could find out if it works, one may.

        That one has `lease` seconds, and ends with `failed`, `answered` or `released`.
        """
        circuit = candidate.circuit
        found = self._known.get(circuit)
        if found is None or circuit in self._refused:
            return True
        now = self._now()
        if not found.half_open(now):
            return True
        claimed = False

        def take(before: Breaker | None) -> Breaker | None:
            nonlocal claimed
            claimed = before is None or not before.known(now) or before.half_open(now)
            return probing(before, min(lease, LEASE_S), now) if before is not None and claimed else before

        self._change(circuit, take)
        if claimed:
            self._mine.add(circuit)
        return claimed

    def failed(self, candidate: Candidate, error: LlmoError, began: float) -> None:
        """Take note of how a request failed that `began` so many seconds since the epoch."""
        circuit = candidate.circuit
        if isinstance(error, Unauthorized):
            self._refused.add(circuit)
        failure = _failure(error, works=circuit in self._works)
        if failure is not None:
            self._works.discard(circuit)
            self._mine.discard(circuit)
            known, now = self._known.get(circuit), self._now()
            if known is not None and known.until > now + (failure.wait or 0.0) - WORTH_S:
                return  # nothing new: others found the same before, or nobody else could be asked
            self._change(circuit, lambda before: failed(before, failure, now, self._rand()))
        elif _responded(error):
            self.answered(candidate, began)
        else:
            self.released(candidate)

    def answered(self, candidate: Candidate, began: float) -> None:
        """Take note that the target works; the request `began` so many seconds since the epoch."""
        circuit = candidate.circuit
        self._works.add(circuit)
        self._refused.discard(circuit)
        self._mine.discard(circuit)
        found = self._known.get(circuit)
        if found is None:
            return
        now = self._now()
        after = answered(found, began, now)
        if after is found:
            return
        told = self._told.get(circuit, 0.0)
        if not (found.failures or found.trips or after is None or now - told >= TOLD_S):
            self._known[circuit] = after
            return

        def close(before: Breaker | None) -> Breaker | None:
            news = before is not None and before.at > told
            return answered(before, began, now) if before is not None and news else after

        self._change(circuit, close)

    def released(self, candidate: Candidate) -> None:
        """Let others find out, as this request did not."""
        circuit = candidate.circuit
        if circuit in self._mine:
            now = self._now()
            self._mine.discard(circuit)
            self._change(circuit, lambda before: None if before is None else unprobed(before, now))

    def _change(self, circuit: Circuit, change: Callable[[Breaker | None], Breaker | None]) -> None:
        after: Breaker | None = None
        stored = False
        if self._store is not None:
            with suppress(LlmoError):  # it is only advice
                after = self._store.change_breaker(circuit, change)
                stored = True
        if not stored:
            after = change(self._known.get(circuit))
        self._known[circuit], self._told[circuit] = after, self._now()


def _failure(error: LlmoError, *, works: bool) -> Failure | None:
    """What an error says of its target, None when it says nothing against it."""
    if not isinstance(error, ProviderError):
        return None
    if isinstance(error, QuotaExhausted):
        return Failure(reason=error.kind, wait=max(QUOTA_S, error.retry_after or 0.0))
    if error.retry_after is not None and error.retry_after >= WORTH_S:
        return Failure(reason=error.kind, wait=error.retry_after, probed=False)
    if isinstance(error, (RateLimited, OutOfTime, Unfinished)) or not isinstance(
        error, (Unavailable, TimedOut, Incomplete)
    ):
        return None
    unreached = not error.may_be_billed and error.status is None
    # Nobody takes the connection: whoever asks next would find the same. In a crowd it may be an accident.
    return Failure(reason=error.kind, weight=IN_A_ROW if unreached and not works else 1)


def _responded(error: LlmoError) -> bool:
    """Whether a failure shows that the target works: it said no, to this request or to its pace."""
    return isinstance(error, ProviderError) and not isinstance(error, (Withheld, OutOfTime, Unauthorized))
