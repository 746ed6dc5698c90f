"""
Circuit breakers: which targets fail, how long others are asked before them, and who finds out that they work again.

Three failures in a row or five of the last ten answers open a breaker, at once when nobody even took the connection:
for 30 s, then twice as long each time up to 5 min, less up to a quarter by chance so that those who wait spread.
When that is over it is half-open: one request tries, and the others see it as open until that one has ended. What a
provider says itself, a Retry-After or an account without credit, holds for as long as it says.

Pure functions over values; instants are seconds since the epoch.
"""

from __future__ import annotations

from typing import NamedTuple

from llmo.types.dataclass import dataclass, replace

IN_A_ROW = 3
"""Failures after each other that open a breaker."""
WINDOW = 10
"""The last answers that count; half of so many failed open a breaker."""
OPEN_S, MOST_S = 30.0, 300.0
"""Seconds for which a breaker opens the first time, and at the most."""
STALE_S, FORGOTTEN_S = 600.0, 86_400.0
"""Seconds after which failures that opened nothing no longer count, and after which an open breaker is forgotten."""
FAILED, ANSWERED = "x", "-"


class Circuit(NamedTuple):
    """What a breaker guards: a model, asked with one key (`llmo.config.credentials.key_print`)."""

    provider: str
    model: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """
    One failure of a target, by the name of its error.

    `wait` are the seconds for which the provider is to be left alone by its own word, None when it gave none. `weight`
    is how many failures in a row it counts for. `probed` says that one request must succeed before others follow.
    """

    reason: str
    wait: float | None = None
    weight: int = 1
    probed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """
    What is remembered of a target that failed.

    `last` are the last answers, `FAILED` or `ANSWERED` each. It is open until `until`, since `opened_at`; `trips` is
    how often it opened without an answer between. When it is `probed`, one request must then succeed before others
    follow: somebody's, until `probe_until`. `at` is the instant of the last change.
    """

    at: float
    reason: str = ""
    failures: int = 0
    last: str = ""
    trips: int = 0
    opened_at: float = 0.0
    until: float = 0.0
    probed: bool = False
    probe_until: float = 0.0

    def open_s(self, now: float) -> float:
        """Seconds for which others come first; 0 when it may be asked, perhaps by one request only."""
        if not self.known(now):
            return 0.0
        return max(0.0, self.until - now, self.probe_until - now if self.probed else 0.0)

    def half_open(self, now: float) -> bool:
        """Whether one request has to find out if it works again, and nobody's does so now."""
        return self.probed and self.known(now) and not self.open_s(now)

    def known(self, now: float) -> bool:
        """Whether it still says something. A clock that was set back forgets it."""
        return max(self.at, self.opened_at) <= now + STALE_S and now < max(
            self.at + STALE_S, self.until + FORGOTTEN_S * bool(self.trips)
        )


def failed(before: Breaker | None, failure: Failure, now: float, chance: float) -> Breaker:
    """A breaker after one more failure; `chance` is from 0 to 1."""
    old = before if before is not None and before.known(now) else Breaker(at=now)
    if failure.wait is not None:
        return replace(
            old,
            at=now,
            reason=failure.reason,
            opened_at=max(old.opened_at, now),
            until=max(old.until, now + failure.wait),
            trips=max(old.trips, int(failure.probed)),
            probed=failure.probed or (old.probed and old.open_s(now) > 0),
            probe_until=0.0,
        )
    last, row = (old.last + FAILED)[-WINDOW:], old.failures + failure.weight
    new = replace(old, at=now, reason=failure.reason, failures=row, last=last)
    if old.until > now:
        return new  # opened by a request that was under way with this one
    if not (old.probed or row >= IN_A_ROW or last.count(FAILED) * 2 >= WINDOW):
        return new
    seconds = min(MOST_S, OPEN_S * 2.0**old.trips) * (1 - 0.25 * chance)
    return replace(new, trips=old.trips + 1, opened_at=now, until=now + seconds, probed=True, probe_until=0.0)


def answered(before: Breaker, began: float, now: float) -> Breaker | None:
    """A breaker after an answer to a request that began then; None when nothing of note is left."""
    if before.until > now and began < before.opened_at:
        return before
    last = (before.last + ANSWERED)[-WINDOW:]
    if not before.known(now) or FAILED not in last:
        return None
    return Breaker(at=now, reason=before.reason, last=last)


def probing(before: Breaker, lease: float, now: float) -> Breaker:
    """A half-open breaker that one request tries, which has ended in `lease` seconds."""
    return replace(before, at=now, probe_until=now + lease)


def unprobed(before: Breaker, now: float) -> Breaker:
    """The same after that request ended without finding out."""
    return replace(before, at=now, probe_until=0.0)
