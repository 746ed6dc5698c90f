"""
What one process tells others that use the same key: what it uses of the limits, and how fast it goes.

All of them go as fast as one, the leader. It alone tries for faster; a 429 of any of them is told to it, and slows all
of them down once.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, NamedTuple

from llmo.types import jsontext
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

LEASE_S = 2.5
"""Seconds for which a notice holds: who is silent for so long is gone."""
ROOM, LITTLE = 1.25, 0.02
"""What is left to a process that does not use its part: so many times what it uses, and a little."""
SAME = 0.01
"""How near two claims are of which a pace means the same."""


class Stance(NamedTuple):
    """How far a process is in finding what is granted, from where another can continue; gains are `Gain`'s."""

    gain: float
    found: float = 0.0
    level: int = 0
    claimed: bool = False
    starting: bool = False

    @classmethod
    def checked(cls, found: list[float]) -> Stance:
        """The same from JSON. Raises `ValueError` where that can't be one."""
        gain, limit, level, claimed, starting = map(float, found)
        if not (0 < gain < math.inf and 0 <= limit < math.inf and 0 <= level < math.inf):
            raise ValueError
        return cls(gain, limit, int(level), bool(claimed), bool(starting))


class Refusal(NamedTuple):
    """A 429: when it came, when the provider has something left again, and `slowed_at` of who was refused."""

    at: float
    until: float
    slowed_at: float


@dataclass(frozen=True, slots=True)
class Said:
    """
    What one process says of one provider; times are the wall clock's.

    `used` is the part of all limits that it uses, `waits` whether it would use more. `gain` is what it found to be
    granted, as times of `claims`, at `found_at`.

    `rank` is when it began, the lowest leads; who has none stands for several and takes no part in that. `slowed_at` is
    the last time that whoever leads slowed down, `refusal` its own last 429, `counts` how many of its requests were
    admitted, and how many refused.
    """

    until: float
    used: float
    waits: bool
    gain: float
    claims: tuple[float, ...]
    found_at: float
    rank: float = 0.0
    stance: Stance | None = None
    slowed_at: float = 0.0
    refusal: Refusal | None = None
    counts: tuple[float, ...] = (0.0, 0.0)

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
            rank, slowed_at = float(found.get("rank", 0.0)), float(found.get("slowed_at", 0.0))
            stance = Stance.checked(given) if (given := found.get("stance")) else None
            refusal = Refusal(*map(float, given)) if (given := found.get("refusal")) else None
            answered, refused = map(float, found.get("counts", (0.0, 0.0)))
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError, AttributeError):
            return None
        until, used, gain, found_at = numbers
        every = (*numbers, *claims, rank, slowed_at, answered, refused, *(refusal or ()))
        if not all(map(math.isfinite, every)) or not now < until <= now + LEASE_S + 1:
            return None
        if used < 0 or gain <= 0 or max(found_at, slowed_at) > now + 1:
            return None
        counts = (answered, refused)
        return cls(until, min(1.0, used), waits, gain, claims, found_at, rank, stance, slowed_at, refusal, counts)

    @property
    def knows(self) -> bool:
        """Whether its pace is what limits it, or was found out: not what a soft start has come to."""
        tested = self.waits or self.found_at or self.slowed_at
        return bool(self.rank and self.stance and not self.stance.starting and tested)


def fraction(others: Sequence[Said]) -> float:
    """
    The part of the limits that is left to this process.

    At least an equal one; and an equal one of what those leave who do not need theirs.
    """
    fair = 1 / (len(others) + 1)
    needed = sum(min(fair, one.used * ROOM + LITTLE) for one in others if not one.waits)
    return max(fair, (1 - needed) / (1 + sum(one.waits for one in others)))


def alike(others: Sequence[Said], claims: Sequence[float]) -> list[Said]:
    """Those for whom a pace means the same."""
    return [
        one
        for one in others
        if len(one.claims) == len(claims)
        and all(math.isclose(a, b, rel_tol=SAME) for a, b in zip(one.claims, claims, strict=True))
    ]


def newest(others: Sequence[Said], since: float) -> Said | None:
    """Who, standing for several, found later than `since` what is granted; None where nobody did."""
    found = [one for one in others if one.found_at > since and not one.rank]
    return max(found, key=lambda one: one.found_at, default=None)


def leader(everybody: Sequence[Said]) -> Said | None:
    """Who leads: of those that know a pace the first who waits for it, else the first; None where nobody knows one."""
    return min((one for one in everybody if one.knows), key=lambda one: (not one.waits, one.rank), default=None)
