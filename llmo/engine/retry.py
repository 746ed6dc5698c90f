"""
Whether, where and when to try again; reads only errors, counts and time.

The order is: once more where the failure is over in a moment (a gateway's 502 or 503, a Retry-After of at most 2 s),
every other candidate before any longer sleep, then the one that may be tried soonest, last those that breakers guard.
Delays are full jitter, `uniform(0, min(8, 0.5·2ⁿ))` seconds (AWS, "Exponential Backoff and
Jitter"); a provider's own Retry-After wins, plus up to a quarter so that waiters spread.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

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

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BASE = 0.5
CAP = 8.0
BREAK = 2.0
MOMENT_S = 2.0
"""The longest Retry-After that is waited for although others could be asked at once."""
PASSING = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE)
"""What a gateway says while a server behind it is replaced."""
SHARE, A_SECOND, SAVED = 0.2, 10.0, 100.0
"""Retries at a provider: for each request, beside that in a second, and as many as are saved up."""
ELSEWHERE = (Broken, ContextTooLong, ModelNotFound, QuotaExhausted, Unauthorized, Withheld)
"""Failures of one target that say nothing about another."""


def delay(error: ProviderError, failures: int, rand: Callable[[], float], *, crowd: bool = False) -> float:
    """
    Seconds before the same target may be tried again after its `failures`-th failure.

    One of a `crowd` that was too fast waits longer: the others go on asking meanwhile.
    """
    if error.retry_after:  # zero is no time to come back at: all who are told so would
        return error.retry_after * (1 + 0.25 * rand())
    if crowd and isinstance(error, RateLimited):
        return BREAK * failures * (1 + 0.25 * rand())
    return rand() * min(CAP, BASE * 2.0 ** (failures - 1))


class _Standing(NamedTuple):
    """How a candidate has fared; the smallest `turn` is next."""

    failures: int
    ready_at: float
    turn: tuple[int, float]
    paced: bool


SOON, FIRST, AGAIN = 0, 1, 2
_FRESH = _Standing(0, 0.0, (FIRST, 0.0), paced=False)


class Schedule:
    """
    Which candidate comes next; candidates are numbered as in the plan.

    `retries` is how often one candidate is tried again. An answer that broke off may begin anew:
    whoever has shown a part of it must `stop`. `crowd` says that many such schedules ask one provider.
    """

    def __init__(self, count: int, retries: int, *, rand: Callable[[], float], crowd: bool = False) -> None:
        self._crowd = crowd
        self._standings: list[_Standing | None] = [_FRESH] * count
        self._retries = retries
        self._rand = rand

    def next(self, now: float, rests: Sequence[bool] | None = None) -> tuple[int, float] | None:
        """The next candidate and the seconds to wait for it, one that `rests` last; None when nobody is left."""
        rests = rests or [False] * len(self._standings)
        left = [(rests[n], one.turn, n, one.ready_at) for n, one in enumerate(self._standings) if one is not None]
        if not left:
            return None
        _, _, number, ready_at = min(left)
        return number, max(0.0, ready_at - now)

    def repeats(self, number: int) -> bool:
        """Whether candidate `number` failed before, other than by being asked too fast: that waits in line anyway."""
        standing = self._standings[number]
        return standing is not None and standing.failures > 0 and not standing.paced

    def failed(self, number: int, error: LlmoError, now: float) -> None:
        """Take note of a failure of candidate `number`."""
        before = self._standings[number]
        failures = 1 if before is None else before.failures + 1
        cut = isinstance(error, Incomplete) and not isinstance(error, Unfinished)
        again = isinstance(error, ProviderError) and (error.temporary or cut)
        if not again and not isinstance(error, ELSEWHERE):
            self.stop()
        elif not again or failures > self._retries:
            self.drop(number)
        elif isinstance(error, ProviderError):
            ready_at = now + delay(error, failures, self._rand, crowd=self._crowd)
            soon = failures == 1 and not self._crowd and _passes(error)
            turn = (SOON, 0.0) if soon else (AGAIN, ready_at)
            self._standings[number] = _Standing(failures, ready_at, turn, paced=isinstance(error, RateLimited))

    def drop(self, number: int) -> None:
        """Take a candidate out."""
        self._standings[number] = None

    def stop(self) -> None:
        """Take all out."""
        self._standings = [None] * len(self._standings)


def _passes(error: ProviderError) -> bool:
    """Whether waiting for the same target takes no longer than it takes to settle in with another."""
    if error.retry_after:
        return error.retry_after <= MOMENT_S
    return error.status in PASSING


class RetryBudget:
    """
    Retries of a process at one provider, so that they do not double the load of one that is failing.

    As Finagle's: each request adds a fifth of a retry, each second ten. One that the budget does not cover waits until
    it does.
    """

    def __init__(self) -> None:
        self._at, self._saved = 0.0, SAVED

    def sent(self) -> None:
        """Count a request that is no retry."""
        self._saved = min(SAVED, self._saved + SHARE)

    def wait(self, now: float) -> float:
        """Take a retry; the seconds until it may be sent."""
        self._saved = min(SAVED, self._saved + max(0.0, now - self._at) * A_SECOND) - 1
        self._at = now
        return max(0.0, -self._saved / A_SECOND)


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
