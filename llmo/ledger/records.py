"""The words of the ledger: calls, what came of them, limits."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, TypeAlias

from llmo.config import patterns
from llmo.config.profile import MATCHED
from llmo.errors import ConfigError
from llmo.types.money import parse_usd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.config.profile import BudgetConfig, Window
    from llmo.types.events import Usage
    from llmo.types.messages import Billing, CostSource
    from llmo.types.money import Pico

LOST = "lost"
"""The outcome of a call whose process died: nobody knows what came of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """
    One attempt at one target, before it is sent.

    `prices` is the origin of its price (table and date, or profile).
    """

    id: str
    run: str
    provider: str
    model: str
    task: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    attempt: int = 1
    billing: Billing = "metered"
    row: str | None = None
    prices: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """
    What came of a call; a cost of None books the held amount, `outcome` is "ok" or an error's kind.

    `in_doubt` is the part of the hold that may be billed beyond `cost`: it counts against every limit
    until it is resolved.
    """

    cost: Pico | None
    source: CostSource
    in_doubt: Pico = 0
    outcome: str = "ok"
    usage: Usage | None = None
    served_model: str | None = None
    request_id: str | None = None
    service_tier: str | None = None
    duration_s: float | None = None
    first_token_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A hard limit over a calendar window; None is no limit of that kind, 0 lets nothing pass."""

    name: str
    usd: Pico | None = None
    calls: int | None = None
    window: Window = "total"
    match: Mapping[str, str] = field(default_factory=dict)
    key: str = field(init=False)
    """The match in one spelling: limits with equal keys count the same calls."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", spelled(self.match))
        for key, pattern in self.match.items():
            tag = key.startswith("tag.")
            if key not in MATCHED and not tag:
                known = ", ".join((*MATCHED, "tag.KEY"))
                raise ConfigError(f"budget {self.name}: unknown key in match: {key}", hint=f"known keys: {known}")
            if why := patterns.wrong(pattern, free=tag):
                raise ConfigError(f"budget {self.name}: match.{key}: {why}: {pattern}")

    @classmethod
    def of(cls, config: BudgetConfig) -> Limit:
        """The limit that a profile declares."""
        return cls(
            name=config.name,
            usd=None if config.limit_usd is None else parse_usd(config.limit_usd),
            calls=config.limit_calls,
            window=config.window,
            match=dict(config.match),
        )

    def counts(self, call: Call) -> bool:
        """Whether a call counts."""
        return counts(self.key, call.provider, call.model, call.task, spelled(call.tags))


@dataclass(frozen=True, slots=True)
class Held:
    """Ask for money before a call; limits that don't count the call are ignored."""

    call: Call
    worst: Pico | None
    limits: tuple[Limit, ...] = ()
    allow_unpriced: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """Book what a call cost."""

    id: str
    settlement: Settlement


@dataclass(frozen=True, slots=True)
class Released:
    """Give back the hold of a call that surely cost nothing; `outcome` is the error's kind."""

    id: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A call that may have cost more than is booked: `spent` for sure, up to `in_doubt` beyond it."""

    id: str
    run: str
    provider: str
    model: str
    request_id: str | None
    ended_at: float
    spent: Pico
    in_doubt: Pico


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """What a call in doubt turned out to cost; a cost of None is all of its hold, no usage leaves what is known."""

    cost: Pico | None
    source: CostSource = "estimated"
    usage: Usage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedCall:
    """
    A call of another ledger, with its times in microseconds.

    `end` is what came of it, the outcome of a release, or None of one that was still held.
    """

    call: Call
    worst: Pico | None
    held_at: int
    ended_at: int | None
    end: Settlement | str | None

    @property
    def certainty(self) -> int:
        """How much is known of what came of it: nothing, a part (the rest is in doubt), or all."""
        if self.end is None or isinstance(self.end, str):
            return 0 if self.end is None else 2
        return 0 if self.end.outcome == LOST else 1 if self.end.in_doubt else 2


Entry: TypeAlias = Held | Settled | Released


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetStatus:
    """
    How much of a limit is used in the current window; `calls` counts those in flight too.

    `live` is what living processes hold of `held`: they will settle it. None where nobody asked.
    """

    name: str
    window: Window
    limit_usd: Pico | None
    spent: Pico
    held: Pico
    in_doubt: Pico = 0
    limit_calls: int | None
    calls: int
    resets_at: str | None
    live: Pico | None = None

    @property
    def settled(self) -> BudgetStatus:
        """The same when living processes have settled what they hold, if it cost them nothing."""
        return replace(self, held=self.held - (self.live or 0), live=0)

    @property
    def left(self) -> Pico | None:
        """Dollars that can still be held."""
        return None if self.limit_usd is None else self.limit_usd - self.spent - self.held - self.in_doubt

    @property
    def left_calls(self) -> int | None:
        """Calls that can still be held."""
        return None if self.limit_calls is None else self.limit_calls - self.calls

    @property
    def percent(self) -> int:
        """How much of it is spent or in doubt, or taken by calls, whichever is more; a limit of 0 counts as nothing."""
        of = [(self.spent + self.in_doubt, self.limit_usd), (self.calls, self.limit_calls)]
        return max((used * 100 // limit for used, limit in of if limit), default=0)

    @property
    def used_up(self) -> bool:
        """Whether nothing more can pass."""
        return (self.left is not None and self.left <= 0) or (self.left_calls is not None and self.left_calls <= 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """What past calls of a target took, at the median."""

    first_token_p50_s: float
    tokens_per_s_p50: float | None
    samples: int


class Sums(Protocol):
    """What counts against a limit."""

    @property
    def spent(self) -> Pico:
        """What calls have cost."""

    @property
    def held(self) -> Pico:
        """What calls in flight may cost."""

    @property
    def in_doubt(self) -> Pico:
        """What ended calls may still be billed."""

    @property
    def calls(self) -> int:
        """How many calls there are."""


MOST = 2**62
"""Picodollars: a sum of two still fits SQLite's integers."""


def passes(limit: Limit, sums: Sums, held: Held) -> bool:
    """Whether a hold fits; limits are inclusive, and a flat plan or own hardware needs no dollars."""
    if limit.calls is not None and sums.calls + 1 > limit.calls:
        return False
    if limit.usd is None or held.call.billing != "metered":
        return True
    if held.worst is None:
        return held.allow_unpriced
    needed = sums.spent + sums.held + sums.in_doubt + held.worst
    return needed <= limit.usd and needed < MOST


MAX_COST = "--max-cost"
"""The name of the limit that the flag sets."""


def spelled(tags: Mapping[str, str]) -> str:
    """Tags, or a match, as they are stored."""
    return _spelled(tuple(tags.items()))


@lru_cache(maxsize=4096)
def _spelled(items: tuple[tuple[str, str], ...]) -> str:
    return json.dumps(dict(items), sort_keys=True, ensure_ascii=False)


@lru_cache(maxsize=4096)
def counts(key: str, provider: str, model: str, task: str, tags: str) -> bool:
    """Whether a match counts a call, see `llmo.config.patterns`; `model` also in the form `provider/model`."""
    labels = {f"tag.{name}": value for name, value in json.loads(tags).items()}
    facts = {**labels, "provider": provider, "task": task}
    for name, pattern in json.loads(key).items():
        if name == "model":
            met = patterns.means_model(pattern, provider, model)
        else:
            met = name in facts and patterns.matches(pattern, facts[name])
        if not met:
            return False
    return True
