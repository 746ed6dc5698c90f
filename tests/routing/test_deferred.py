"""Who carries out a plan in batches, and what that costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.catalog.prices import Price, Rates, batch_price
from llmo.errors import UsageError
from llmo.routing.deferred import NO_SERVICE, deferred, unserved
from llmo.types.dataclass import replace
from llmo.types.events import Usage
from tests.fakes import A, B, C, candidate, plan, quoted

if TYPE_CHECKING:
    from llmo.routing.plan import Candidate
    from llmo.types.messages import Target


def of(target: Target, rank: int, kind: str) -> Candidate:
    """A candidate of a provider type."""
    made = candidate(target, rank)
    return replace(made, facts=replace(made.facts, kind=kind))


def test_a_batch_costs_half_where_the_table_says_nothing() -> None:
    """
    Rounded up, so that no hold is too small; a fee for a request stays, and so do the prices of tools.
    """
    tiers = ((100, Rates(input=9, output=3)),)
    price = Price(input=3, output=8, cached_input=1, request=7, tiers=tiers, uses={"web_search": 5})
    found = batch_price(price)

    assert (found.input, found.output, found.cached_input, found.cache_write) == (2, 4, 1, None)
    assert (found.request, found.uses["web_search"], found.tiers[0][1].input) == (7, 5, 5)
    assert found.cost(Usage(10, 10)) == 7 + 20 + 40


def test_a_price_of_the_table_is_taken_as_it_is() -> None:
    """
    Whatever tier the answer names: batches report their own, the standard one, or none.
    """
    price = Price(input=10, output=10, service={"batch": Price(input=3, output=4), "flex": Price(input=1, output=1)})
    found = batch_price(price)

    assert [7, 7, 7] == [found.cost(Usage(1, 1), service_tier=tier) for tier in (None, "batch", "default")]
    assert found.tier("flex") is None


def test_only_services_of_vendors_carry_out_batches() -> None:
    """
    The first of the plan that has one; nobody steps in for it.
    """
    local, first, second = of(A, 1, "ollama"), of(B, 2, "openai"), of(C, 3, "anthropic")
    found = deferred(plan(local, first, second))

    assert [B] == [one.target for one in found.ranked]
    assert {A: NO_SERVICE, C: "not used: a batch has one model"} == {
        one.target: one.why for one in found.candidates if one.rank is None
    }

    nobody = unserved(deferred(plan(local)))
    assert isinstance(nobody, UsageError)
    assert "no batch service at a/m" in nobody.message
    assert "openai and anthropic" in (nobody.hint or "")


def test_what_is_held_is_the_batch_price() -> None:
    """
    Also for a plan that grows later.
    """
    standard = plan(quoted(of(B, 1, "openai")))
    found = deferred(standard)

    assert found.ranked[0].worst is not None
    assert standard.ranked[0].worst is not None
    assert 2 * found.ranked[0].worst == standard.ranked[0].worst
    assert 2 * (found.extended(100, 10).ranked[0].worst or 0) == standard.extended(100, 10).ranked[0].worst
