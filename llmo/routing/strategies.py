"""
How a strategy orders the candidates of a chain: by expected cost, by measured time, or by both.

What a target's calls were like comes from the ledger; a target without any goes behind those that have some, and where
nothing is known the chain stays as written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from llmo.types.format import dollars, span

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llmo.ledger.records import Latency
    from llmo.types.messages import Strategy
    from llmo.types.money import Pico

EXPECTED_OUTPUT = 500
"""Output tokens that an estimate expects of a model that has not answered yet, when the limit allows that many."""

_LAST = (1, 0.0)


class Choice(Protocol):
    """What an order is made of: expected cost (None when unknown), output limit in tokens, and what is on record."""

    @property
    def estimate(self) -> Pico | None: ...
    @property
    def max_output(self) -> int: ...
    @property
    def latency(self) -> Latency | None: ...


def expected_output(latency: Latency | None, limit: int) -> int:
    """Output tokens to expect: the median of the model's calls, or `EXPECTED_OUTPUT`; never more than its limit."""
    usual = None if latency is None else latency.output_tokens_p50
    return min(limit, EXPECTED_OUTPUT if usual is None else round(usual))


def time_to_finish(one: Choice) -> float | None:
    """
    Seconds until the expected answer is complete, None when none was measured.

    First token, then as many tokens as the model usually writes at its usual speed; of calls that were not streamed,
    their median duration.
    """
    latency = one.latency
    if latency is None:
        return None
    if latency.first_token_p50_s is None or latency.tokens_per_s_p50 is None:
        return latency.duration_p50_s
    return latency.first_token_p50_s + expected_output(latency, one.max_output) / latency.tokens_per_s_p50


def order(strategy: Strategy, able: Sequence[Choice]) -> Callable[[Choice], Any]:
    """
    The sort key of a strategy; equal keys keep the chain's order.

    `balanced` adds the expected cost, as a share of the highest among the candidates, to the time to finish, as a share
    of the longest; what is unknown counts as the highest.
    """
    if strategy == "cheapest":
        return lambda c: _LAST if c.estimate is None else (0, c.estimate)
    if strategy == "fastest":
        return lambda c: _LAST if (took := time_to_finish(c)) is None else (0, took)
    if strategy == "balanced":
        most = max((c.estimate or 0 for c in able), default=0)
        longest = max((time_to_finish(c) or 0.0 for c in able), default=0.0)
        return lambda c: _share(c.estimate, most) + _share(time_to_finish(c), longest)
    return lambda c: 0  # noqa: ARG005 - sorting is stable: the chain as written


def _share(value: float | None, most: float) -> float:
    if value is None:
        return 1.0
    return value / most if most else 0.0


def why(strategy: Strategy, one: Choice) -> str:
    """What a strategy knew of a candidate, and from how many calls."""
    latency = one.latency
    calls = "" if latency is None else f" ({latency.samples} call{'s' * (latency.samples != 1)})"
    took = time_to_finish(one)
    speed = "speed unknown" if took is None else f"{span(took)} to finish{calls}"
    cost = "price unknown" if one.estimate is None else f"{dollars(one.estimate)} expected{calls}"
    known = {"cheapest": cost, "fastest": speed, "balanced": f"{cost}, {speed}"}
    return f"ordered by {strategy}: {known[strategy]}"
