"""One row through the engine: planned, sent, patient with a provider that says wait."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from llmo import router
from llmo.batch.outcome import FATAL
from llmo.batch.runner import Answered
from llmo.engine import Job, collect
from llmo.errors import CredentialsError, LlmoError, RateLimited
from llmo.result import unsent
from llmo.structured import Structured

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llmo.batch.feed import Work
    from llmo.batch.intents import Intents
    from llmo.batch.tally import Tally
    from llmo.engine import Engine
    from llmo.result import Result
    from llmo.router import Plan
    from llmo.structured import Validator
    from llmo.types import Json

PATIENCE = 6
"""Times that a row comes back to the line after its retries ended in a rate limit."""
BREAK_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is the same for all rows."""

    run: str
    tags: Mapping[str, str]
    retries: int
    timeout: float
    validator: Validator | None = None
    repair: int = 1


class Sender:
    """Sends rows; `stopping` says when waiting is no longer worth it."""

    def __init__(
        self, engine: Engine, plan: Callable[[Work], Plan], terms: Terms, *, tally: Tally, intents: Intents
    ) -> None:
        self._engine, self._plan, self._terms = engine, plan, terms
        self._tally, self._intents = tally, intents
        self.stopping: Callable[[], bool] = lambda: False

    async def __call__(self, work: Work) -> Answered:
        """Send a row, with retries and fallbacks; failures are in the result."""
        try:
            plan = self._plan(work)
            router.require(plan)
        except CredentialsError as exc:
            return Answered(unsent(work.name, exc), fatal=True)
        except LlmoError as exc:
            # This row's own: it holds private data, or fits no model. What all rows share was checked before.
            return Answered(unsent(work.name, exc))
        self._tally.private += bool(plan.need.private_kinds)
        self._intents.sending(work.name)
        return await self._patiently(work, plan)

    async def _patiently(self, work: Work, plan: Plan) -> Answered:
        before: Result | None = None
        for turn in range(1, PATIENCE + 1):
            result, data = await self._once(work, plan)
            result = before = _joined(before, result)
            error = result.error
            if not isinstance(error, RateLimited) or turn == PATIENCE or self.stopping():
                break
            # The gate holds all rows of the provider once; this one goes back into its line.
            cooling = max(self._engine.limiter.cooling(c.target.provider) for c in plan.ranked)
            await asyncio.sleep(max(cooling, BREAK_S * turn))
        if not any(attempt.cost != 0 for attempt in result.attempts) and isinstance(error, FATAL):
            self._intents.unsent(work.name)
        return Answered(result, data, fatal=isinstance(error, FATAL))

    async def _once(self, work: Work, plan: Plan) -> tuple[Result, Json]:
        terms = self._terms
        job = Job(
            request=work.request,
            plan=plan,
            run=terms.run,
            tags=terms.tags,
            retries=terms.retries,
            timeout=terms.timeout,
            row=work.name,
            restart=True,
            queues=True,
        )
        if terms.validator is None:
            return await collect(self._engine.start(job)), None
        answer = Structured(self._engine, job, terms.validator, repair=terms.repair)
        async for _ in answer.events():
            pass
        assert answer.result is not None
        return answer.result, answer.data


def _joined(before: Result | None, now: Result) -> Result:
    """The last result with all attempts."""
    if before is None:
        return now
    known = before.cost is not None and now.cost is not None
    return replace(
        now,
        attempts=(*before.attempts, *now.attempts),
        cost=(before.cost or 0) + (now.cost or 0) if known else None,
        total_s=before.total_s + now.total_s,
    )
