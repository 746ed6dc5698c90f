"""Results of the Python API: answers, estimates and limits, with money as exact decimal dollars."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from llmo.engine import output_limits
from llmo.errors import Cancelled
from llmo.types.dataclass import dataclass, field
from llmo.types.money import decimal, usd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.config.profile import Window
    from llmo.engine import results
    from llmo.errors import LlmoError
    from llmo.ledger.records import BudgetStatus
    from llmo.routing import plan as router
    from llmo.types.attempts import AttemptRecord
    from llmo.types.events import FinishReason, ToolCall, Usage
    from llmo.types.jsontext import Json
    from llmo.types.messages import CostSource, Target
    from llmo.types.money import Pico


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    An answer and everything known about it.

    `data` is the parsed JSON if a schema was given. `cost` is the total of all attempts in dollars, None if unknown,
    and `cost_source` says how it is known; up to `in_doubt` may be billed on top. `usage` is None if the provider
    reported none. `complete` is False if the token limit cut off the answer or the stream was closed early.
    `tool_calls` are calls that the model makes of the tools in `extra`; llmo does not run them.
    """

    id: str
    text: str
    data: Json
    reasoning: str = field(repr=False)
    target: Target | None
    served_model: str | None
    task: str
    finish_reason: FinishReason | None
    complete: bool
    usage: Usage | None
    cost: Decimal | None
    cost_source: CostSource
    in_doubt: Decimal
    duration_s: float
    first_token_s: float | None
    attempts: tuple[AttemptRecord, ...]
    warnings: tuple[str, ...]
    tool_calls: tuple[ToolCall, ...] = ()

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTarget:
    """A candidate; `rank` is None if it was ruled out, and `why` gives the reason. Costs are in dollars."""

    target: Target
    rank: int | None
    tier: str
    why: str
    local: bool
    expected: Decimal | None
    worst: Decimal | None
    cost_source: CostSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """
    Which models would answer, and what the first of them would cost.

    `expected` is an estimate, `worst` the amount that a budget reserves; both in dollars, None if the price is unknown
    or no model can answer.
    """

    task: str
    task_reason: str
    private: bool
    input_tokens: int
    candidates: tuple[PlannedTarget, ...]

    @property
    def ranked(self) -> tuple[PlannedTarget, ...]:
        """Return the candidates that will be tried, in order."""
        return tuple(c for c in self.candidates if c.rank is not None)

    @property
    def expected(self) -> Decimal | None:
        """Return the estimated cost of the first candidate."""
        return self.ranked[0].expected if self.ranked else None

    @property
    def worst(self) -> Decimal | None:
        """Return the highest possible cost of the first candidate."""
        return self.ranked[0].worst if self.ranked else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit and its use in the current window; `calls` includes those in flight."""

    name: str
    window: Window
    limit: Decimal | None
    spent: Decimal
    held: Decimal
    in_doubt: Decimal
    left: Decimal | None
    limit_calls: int | None
    calls: int
    left_calls: int | None
    resets_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Rate limits of a provider, None where unknown; `cooling_s` is how long it asked to wait."""

    rpm: float | None
    tpm: float | None
    concurrency: int | None
    cooling_s: float
    not_ready: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is left of each budget, and the rate limits of each provider."""

    budgets: tuple[Budget, ...]
    providers: Mapping[str, Pace]


def dollars(amount: Pico | None) -> Decimal | None:
    """Return exact dollars, None if unknown."""
    return None if amount is None else decimal(amount)


def answer(result: results.Result, *, task: str) -> Answer:
    """Return the answer of a result. Raises its error, with the attempts and the text received so far."""
    if result.error is not None and not isinstance(result.error, Cancelled):
        raise _told(result.error, result.attempts, result.text)
    cut = output_limits.cut(result)
    warnings = result.warnings if cut is None else (*result.warnings, cut)
    return Answer(
        id=result.id,
        text=result.text,
        data=result.data,
        reasoning=result.reasoning,
        target=result.target,
        served_model=result.served.model,
        task=task,
        finish_reason=result.finish,
        complete=result.complete,
        usage=result.usage,
        cost=dollars(result.cost),
        cost_source=result.cost_source,
        in_doubt=decimal(result.in_doubt),
        duration_s=result.total_s,
        first_token_s=result.first_token_s,
        attempts=result.attempts,
        warnings=warnings,
        tool_calls=result.tool_calls,
    )


def _told(error: LlmoError, attempts: tuple[AttemptRecord, ...], text: str) -> LlmoError:
    error.attempts, error.text = attempts, text
    return error


def estimate(plan: router.Plan) -> Estimate:
    """Return a plan as an estimate."""
    return Estimate(
        task=plan.task.name,
        task_reason=plan.task.reason,
        private=plan.requirements.private,
        input_tokens=plan.requirements.input_estimate,
        candidates=tuple(map(_candidate, plan.candidates)),
    )


def _candidate(one: router.Candidate) -> PlannedTarget:
    return PlannedTarget(
        target=one.target,
        rank=one.rank,
        tier=one.tier,
        why=one.why,
        local=one.facts.local,
        expected=dollars(one.estimate),
        worst=dollars(one.worst),
        cost_source=one.source,
    )


def budget(status: BudgetStatus) -> Budget:
    """Return the status of a limit."""
    return Budget(
        name=status.name,
        window=status.window,
        limit=dollars(status.limit_usd),
        spent=Decimal(usd(status.spent)),
        held=Decimal(usd(status.held)),
        in_doubt=Decimal(usd(status.in_doubt)),
        left=dollars(status.left),
        limit_calls=status.limit_calls,
        calls=status.calls,
        left_calls=status.left_calls,
        resets_at=status.resets_at,
    )
