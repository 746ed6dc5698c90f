"""One row through the engine: planned, sent, with no more attempts and no more time than the flags say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmo import router
from llmo.batch.outcome import FATAL
from llmo.batch.runner import Answered
from llmo.engine import Job, collect
from llmo.errors import CredentialsError, LlmoError
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
    from llmo.types import Json
    from llmo.validator import Validator


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
    """Sends rows."""

    def __init__(
        self, engine: Engine, plan: Callable[[Work], Plan], terms: Terms, *, tally: Tally, intents: Intents
    ) -> None:
        self._engine, self._plan, self._terms = engine, plan, terms
        self._tally, self._intents = tally, intents

    async def __call__(self, work: Work) -> Answered:
        """Send a row, with retries and fallbacks; failures are in the result."""
        try:
            if work.fault is not None:
                raise work.fault
            plan = self._plan(work)
            router.require(plan)
        except CredentialsError as exc:
            return Answered(unsent(work.name, exc), fatal=True)
        except LlmoError as exc:
            # This row's own: it holds private data, or fits no model. What all rows share was checked before.
            return Answered(unsent(work.name, exc))
        self._tally.private += bool(plan.need.private_kinds)
        self._intents.sending(work.name)
        return await self._asked(work, plan)

    async def _asked(self, work: Work, plan: Plan) -> Answered:
        result, data = await self._once(work, plan)
        error = result.error
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
