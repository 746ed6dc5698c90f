"""
Whether, where and when to try again; reads only errors, counts and time.

The order is: every other candidate before any sleep, then the one that may be tried soonest.
Delays are full jitter, `uniform(0, min(8, 0.5·2ⁿ))` seconds (AWS, "Exponential Backoff and
Jitter"); a provider's own Retry-After wins, plus up to a quarter so that waiters spread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.errors import (
    Broken,
    BudgetExceeded,
    ContextTooLong,
    Incomplete,
    LlmoError,
    ModelNotFound,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Unauthorized,
    Unfinished,
    Withheld,
)
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BASE = 0.5
CAP = 8.0
BREAK = 2.0
ELSEWHERE = (Broken, ContextTooLong, ModelNotFound, QuotaExhausted, Unauthorized, Withheld)
"""Failures of one target that say nothing about another."""


def delay(error: ProviderError, failures: int, rand: Callable[[], float], *, crowd: bool = False) -> float:
    """
    Seconds before the same target may be tried again after its `failures`-th failure.

    One of a `crowd` that was too fast waits longer: the others go on asking meanwhile.
    """
    if error.retry_after is not None:
        return error.retry_after * (1 + 0.25 * rand())
    if crowd and isinstance(error, RateLimited):
        return BREAK * failures * (1 + 0.25 * rand())
    return rand() * min(CAP, BASE * 2.0 ** (failures - 1))


@dataclass(slots=True)
class _Standing:
    failures: int = 0
    ready_at: float = 0.0
    out: bool = False


class Schedule:
    """
    Which candidate comes next; candidates are numbered as in the plan.

    `retries` is how often one candidate is tried again. An answer that broke off may begin anew:
    whoever has shown a part of it must `stop`. `crowd` says that many such schedules ask one provider.
    """

    def __init__(self, count: int, retries: int, *, rand: Callable[[], float], crowd: bool = False) -> None:
        self._crowd = crowd
        self._standings = [_Standing() for _ in range(count)]
        self._retries = retries
        self._rand = rand

    def next(self, now: float) -> tuple[int, float] | None:
        """The next candidate and the seconds to wait for it; None when nobody is left."""
        live = [(n, s) for n, s in enumerate(self._standings) if not s.out]
        if not live:
            return None
        for number, standing in live:
            if standing.failures == 0:
                return number, 0.0
        number, standing = min(live, key=lambda item: item[1].ready_at)
        return number, max(0.0, standing.ready_at - now)

    def failed(self, number: int, error: LlmoError, now: float) -> None:
        """Take note of a failure of candidate `number`."""
        standing = self._standings[number]
        standing.failures += 1
        cut = isinstance(error, Incomplete) and not isinstance(error, Unfinished)
        again = isinstance(error, ProviderError) and (error.temporary or cut)
        if not again and not isinstance(error, ELSEWHERE):
            self.stop()
        elif not again or standing.failures > self._retries:
            standing.out = True
        elif isinstance(error, ProviderError):
            standing.ready_at = now + delay(error, standing.failures, self._rand, crowd=self._crowd)

    def drop(self, number: int) -> None:
        """Take a candidate out."""
        self._standings[number].out = True

    def stop(self) -> None:
        """Take all out."""
        for standing in self._standings:
            standing.out = True


def verdict(errors: Sequence[LlmoError]) -> LlmoError:
    """
    The failure to end with when all candidates failed.

    One that a retry may mend wins (exit 5 says "later"); else the last that is not about a
    key, since a missing key of a fallback explains nothing about the target that was wanted. A
    budget that ended explains why whoever stepped in was asked.
    """
    for error in errors:
        if isinstance(error, ProviderError) and error.temporary:
            return error
    for error in errors:
        if isinstance(error, BudgetExceeded):
            return error
    return next((e for e in reversed(errors) if not isinstance(e, Unauthorized)), errors[-1])
