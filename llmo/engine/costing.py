"""What an answer is to be booked at: reported, else tokens and uses at their prices, else what was held."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from llmo.config.kinds import KINDS
from llmo.types.format import dollars
from llmo.types.money import DEAREST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.catalog.prices import Price
    from llmo.engine.response import ResponseBuilder
    from llmo.routing.plan import Candidate
    from llmo.types.events import Usage
    from llmo.types.messages import CostSource
    from llmo.types.money import Pico

CHEAPER = frozenset({"batch", "batches", "flex"})
"""Service tiers that are sold for waiting: the standard price is more than theirs."""
SEARCH = "web_search"


class Bill(NamedTuple):
    """
    Picodollars and how they are known, with what is to be said of them.

    A source of `unknown` makes the cost the part of it that is known, a lower bound; None is no part.
    """

    cost: Pico | None
    source: CostSource
    remarks: tuple[str, ...] = ()


def bill(answer: ResponseBuilder, candidate: Candidate, asked: str | None) -> Bill:
    """The bill of an answer of a candidate; `asked` is the service tier of the request, if it was to be another."""
    facts, price, reported = candidate.facts, candidate.facts.model.price, answer.reported
    if facts.billing != "metered":
        return Bill(0, "local" if facts.billing == "local" else "subscription")
    if reported is not None and not (reported.derived and price is not None):
        return Bill(reported.cost, "computed" if reported.derived else "reported")
    if price is None:
        return Bill(None, "unknown")
    if answer.usage is None:
        found = Bill(candidate.worst, "estimated")
    else:
        found = tokens(price, answer.usage, told=answer.served.service_tier, asked=asked)
    if found.cost is not None and found.cost > DEAREST:
        said = f"the tokens that {candidate.target} counted would cost {dollars(found.cost)}, ignored"
        found = Bill(candidate.worst, "estimated", (said,))
    uses = _uses(answer.uses, candidate) if facts.searching else answer.uses
    return _with_uses(found, uses, candidate) if uses else found


def tokens(price: Price, usage: Usage, *, told: str | None, asked: str | None) -> Bill:
    """
    What tokens cost in the service tier that the provider told, else in the dearer of standard and what was asked for.

    A tier without a price costs what the dearest known tier does: an estimate, or a lower bound where only the
    standard price is known.
    """
    tier = told or asked
    if (own := price.tier(tier)) is not None:
        cost = own.cost(usage)
        if own is not price and not told:
            cost = max(cost, price.cost(usage))
        return Bill(cost, "estimated" if price.source == "limit" else "computed")
    standard = price.cost(usage)
    dearest = max([standard, *(one.cost(usage) for one in price.service.values())])
    known = dearest > standard or (tier or "").lower() in CHEAPER
    named = (tier or "")[:40]
    remark = f"the price of service tier {named} is unknown: the cost is {'an estimate' if known else 'a lower bound'}"
    return Bill(dearest, "estimated" if known else "unknown", (remark,))


def _uses(reported: Mapping[str, int | None], candidate: Candidate) -> Mapping[str, int | None]:
    """What a model that searches by itself used, at least: it charges for searches and counts none."""
    price = candidate.facts.model.price
    return {**reported, SEARCH: 1} if SEARCH not in reported and price is not None and not price.request else reported


def _with_uses(found: Bill, uses: Mapping[str, int | None], candidate: Candidate) -> Bill:
    """The bill with uses at their prices; one without a price leaves it a lower bound."""
    price = candidate.facts.model.price
    published = KINDS[candidate.facts.kind].use_prices
    rates = {**published, **(price.uses if price is not None else {})}
    known = sum(number * rates[name] for name, number in uses.items() if number is not None and name in rates)
    unknown = [name for name, number in uses.items() if number is None or name not in rates]
    cost = known if found.cost is None else found.cost + known
    if not unknown:
        return found._replace(cost=None if found.cost is None else cost)
    said = ", ".join(name if (number := uses[name]) is None else f"{name} ({number:,})" for name in unknown)
    remark = f"{candidate.target} charges for {said} at an unknown price: the cost is a lower bound"
    return Bill(cost, "unknown", (*found.remarks, remark))
