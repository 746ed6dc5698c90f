"""What a job came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from llmo.types.dataclass import KW_ONLY, dataclass, field
from llmo.types.events import ServedBy

if TYPE_CHECKING:
    from llmo.errors import LlmoError
    from llmo.types.attempts import AttemptRecord
    from llmo.types.events import FinishReason, ToolCall, Usage
    from llmo.types.jsontext import Json
    from llmo.types.messages import CostSource, Target
    from llmo.types.money import Pico

Repair: TypeAlias = Literal["local", "model"]
"""How an answer came to match its schema: read without fences and the like, or asked for again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenLimit:
    """
    An output limit that nobody but llmo chose, because a budget needs one.

    `full` is the limit that the budget may have kept it from, the model's own if that is `known`; `needed`
    is what had to be held for it, in picodollars.
    """

    limit: int
    full: int
    known: bool
    needed: int | None


@dataclass(frozen=True, slots=True)
class Result:
    """
    The answer with everything that is known of it; partial when there is an `error`.

    `cost` is picodollars over all attempts, None when unknown; `reserved` what the last attempt
    held. `finish` is None unless the answer reached its terminal marker. `chosen` is the output limit when
    llmo chose it. `data` is the JSON of an answer that matches its schema, `repaired` what it took for that;
    `repairs` is how often it was asked for again.
    """

    id: str
    error: LlmoError | None
    text: str
    reasoning: str
    _: KW_ONLY
    target: Target | None
    served: ServedBy
    finish: FinishReason | None
    usage: Usage | None
    cost: int | None
    cost_source: CostSource
    reserved: int
    total_s: float
    first_token_s: float | None
    attempts: tuple[AttemptRecord, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    tool_calls: tuple[ToolCall, ...] = ()
    chosen: ChosenLimit | None = None
    data: Json = None
    repaired: Repair | None = None
    repairs: int = 0

    @property
    def complete(self) -> bool:
        """Whether the answer reached its terminal marker and was not cut by the token limit."""
        return self.finish is not None and self.finish != "length"

    @property
    def in_doubt(self) -> int:
        """What may be billed beyond the cost, over all attempts."""
        return sum(one.in_doubt_pico for one in self.attempts)

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.error is None


def weakest(*sources: CostSource) -> CostSource:
    """How a sum is known: as well as the part of it that is known least."""
    return max(sources, key=_STRENGTH.index)


_STRENGTH: list[CostSource] = ["cached", "subscription", "local", "reported", "computed", "estimated", "unknown"]


def together(before: Result, now: Result) -> tuple[Pico | None, CostSource]:
    """What two results cost, and how that is known; one that cost nothing says nothing of it."""
    if before.cost is None or now.cost is None:
        return None, "unknown"
    paid = [one.cost_source for one in (before, now) if one.cost] or [now.cost_source]
    return before.cost + now.cost, weakest(*paid)


def unsent(identifier: str, error: LlmoError | None, target: Target | None = None) -> Result:
    """What came of a request that nobody was sent."""
    return Result(
        id=identifier,
        error=error,
        text="",
        reasoning="",
        target=target,
        served=ServedBy(),
        finish=None,
        usage=None,
        cost=0,
        cost_source="unknown",
        reserved=0,
        total_s=0.0,
        first_token_s=None,
    )


def calls(of: tuple[ToolCall, ...]) -> list[dict[str, Json]]:
    """Calls of tools as JSON names them."""
    return [{"id": one.id, "name": one.name, "arguments": one.arguments} for one in of]


def tokens(used: Usage | None) -> dict[str, int] | None:
    """Tokens as JSON names them; None when the provider gave none, never zeros."""
    if used is None:
        return None
    return {
        "input_tokens": used.input_tokens,
        "cached_input_tokens": used.cached_input_tokens,
        "cache_write_tokens": used.cache_write_tokens,
        "output_tokens": used.output_tokens,
        "reasoning_tokens": used.reasoning_tokens,
    }
