"""What a report asks, and what it gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from llmo.ledger.periods import FOREVER, Period
from llmo.ledger.sqlite import daily
from llmo.ledger.sqlite.counters import ENDED

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Spending:
    """
    What a group of calls came to.

    `unpriced` are calls that surely or perhaps cost money and nobody knows how much: `cost` is then a
    lower bound. `in_flight` calls hold `held`. Up to `in_doubt` may still be billed for `doubtful` calls, beyond
    `cost`. Released attempts cost nothing and are in no other count.
    """

    group: tuple[str, ...] = ()
    calls: int = 0
    cost: int = 0
    unpriced: int = 0
    estimated: int = 0
    local: int = 0
    subscription: int = 0
    in_flight: int = 0
    held: int = 0
    doubtful: int = 0
    in_doubt: int = 0
    released: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0

    def add(self, other: Spending) -> None:
        """Take another group in."""
        for name in _OF_CALLS:
            setattr(self, name, getattr(self, name) + getattr(other, name))


_OF_CALLS = {
    "calls": "count(*) FILTER (WHERE state <> 'released')",
    "cost": "coalesce(sum(cost), 0)",
    "unpriced": f"count(*) FILTER (WHERE state IN {ENDED} AND (cost IS NULL OR source = 'unknown'))",
    "estimated": f"count(*) FILTER (WHERE state IN {ENDED} AND source = 'estimated')",
    "local": "count(*) FILTER (WHERE state <> 'released' AND billing = 'local')",
    "subscription": "count(*) FILTER (WHERE state <> 'released' AND billing = 'subscription')",
    "in_flight": "count(*) FILTER (WHERE state = 'held')",
    "held": "coalesce(sum(worst) FILTER (WHERE state = 'held'), 0)",
    "doubtful": "count(*) FILTER (WHERE state = 'in_doubt')",
    "in_doubt": "coalesce(sum(in_doubt), 0)",
    "released": "count(*) FILTER (WHERE state = 'released')",
    **{name: f"coalesce(sum({name}), 0)" for name in daily.TOKENS},
}


class Filter(NamedTuple):
    """Which calls: held from `since` up to, not including, `until` (microseconds), of one run, with all these tags."""

    since: int | None = None
    until: int | None = None
    run: str | None = None
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def span(self) -> Period:
        """As one span, for ever where there is no bound."""
        return Period(*(edge if given is None else given for given, edge in zip(self[:2], _ENDS, strict=True)))

    def clauses(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Conditions beside the time."""
        if self.run is not None:
            yield "run = ?", (self.run,)
        for key, value in self.tags:
            yield f"{_TAG} = ?", (key, value)


_TAG = "(SELECT value FROM json_each(tags) WHERE key = ?)"


_ENDS = (-FOREVER, FOREVER)
