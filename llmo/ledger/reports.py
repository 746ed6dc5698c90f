"""What a report asks of the ledger, and what it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from llmo.ledger.periods import FOREVER, Period
from llmo.types.dataclass import dataclass, fields

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(slots=True)
class Spending:
    """
    The sums of a group of calls; amounts are in picodollars.

    `unpriced` counts calls that may have cost an unknown amount: `cost` is then a lower bound. `in_flight` calls hold
    `held`. For `doubtful` calls up to `in_doubt` may still be billed beyond `cost`. Released attempts cost nothing and
    are in no other count.
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
        """Add the sums of another group."""
        for one in SUMMED:
            setattr(self, one, getattr(self, one) + getattr(other, one))


SUMMED = tuple(field.name for field in fields(Spending) if field.name != "group")
"""The summed fields, in order."""


def total(groups: Iterable[Spending]) -> Spending:
    """The sums over all groups."""
    found = Spending()
    for group in groups:
        found.add(group)
    return found


class Times(NamedTuple):
    """Quantiles, in seconds, over the last successful calls of a target; None where nothing was measured."""

    target: tuple[str, str]
    samples: int
    total_p50: float | None
    total_p95: float | None
    first_token_p50: float | None


class Filter(NamedTuple):
    """Selects calls held from `since` up to, not including, `until` (microseconds), of one run, with all these tags."""

    since: int | None = None
    until: int | None = None
    run: str | None = None
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def span(self) -> Period:
        """The selected span of time, unbounded where no bound is given."""
        return Period(*(edge if given is None else given for given, edge in zip(self[:2], _ENDS, strict=True)))


_ENDS = (-FOREVER, FOREVER)
