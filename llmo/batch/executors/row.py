"""One row through the engine: planned, sent, with no more attempts and no more time than the flags say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from llmo.batch.executors.executor import Answered
from llmo.batch.output.appended import OutputLost
from llmo.batch.output.records import FATAL
from llmo.engine import output_limits
from llmo.engine.job import Job
from llmo.engine.results import together, unsent
from llmo.engine.structured import Structured
from llmo.errors import CredentialsError, LlmoError
from llmo.routing.refusals import require_candidates
from llmo.types.dataclass import dataclass, maker, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from llmo.batch.resume.feed import Work
    from llmo.batch.resume.intents import Intents
    from llmo.batch.spec import BatchSpec
    from llmo.batch.stats import RunStats
    from llmo.engine.engine import Engine
    from llmo.engine.results import Result
    from llmo.requests.validator import Validator
    from llmo.routing.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSettings:
    """What is the same for all rows."""

    run: str
    tags: Mapping[str, str]
    retries: int
    timeout: float
    validator: Validator | None = None
    repair: int = 1

    @classmethod
    def of(cls, spec: BatchSpec, run: str, validator: Validator | None) -> RowSettings:
        """Those of a run of that name."""
        return cls(
            run=run,
            tags=spec.selection.tags,
            retries=spec.retries,
            timeout=spec.timeout,
            validator=validator,
            repair=spec.repair,
        )


class RowExecutor:
    """Sends rows."""

    def __init__(
        self, engine: Engine, plan: Callable[[Work], Plan], settings: RowSettings, *, stats: RunStats, intents: Intents
    ) -> None:
        self._engine, self._plan, self._settings = engine, plan, settings
        self._stats, self._intents = stats, intents

    async def __call__(self, work: Work, plan: Plan | None = None) -> Answered:
        """Send a row, with retries and fallbacks, by its plan if there is one; failures are in the result."""
        try:
            if work.fault is not None:
                raise work.fault
            plan = plan or self._plan(work)
            require_candidates(plan)
            self._intents.sending(work.name)
        except (CredentialsError, OutputLost) as exc:
            return Answered(unsent(work.name, exc), fatal=True)
        except LlmoError as exc:
            # This row's own: it holds private data, or fits no model. What all rows share was checked before.
            return Answered(unsent(work.name, exc))
        self._stats.private += bool(plan.requirements.private_kinds)
        answered = _answered(await self._asked(work, plan, 0.0))
        if answered.fatal and not any(one.cost != 0 or one.in_doubt for one in answered.result.attempts):
            self._intents.unsent(work.name)
        if output_limits.lowered(answered.result):
            answered = await self._longer(work, plan, answered)
            self._stats.cut += output_limits.lowered(answered.result)
        return answered

    async def _longer(self, work: Work, plan: Plan, cut: Answered) -> Answered:
        """
        Ask again where the money left had lowered the output limit too far, with all that it allows now.

        What was cut is paid for, and kept unless a longer answer comes.
        """
        try:
            again = output_limits.again(plan, cut.result)
            more = _answered(await self._asked(work, again, cut.result.total_s))
        except asyncio.CancelledError:
            # The run was told to end at once: a paid answer is written all the same.
            return cut
        sent = any(one.outcome != "budget_exceeded" for one in more.result.attempts)
        self._stats.again += sent
        # Its first attempt is counted there, and is no retry after a failure.
        self._stats.retries -= sent
        kept = more if more.result.error is None or more.result.finish == "length" else cut
        return replace(kept, result=_joined(cut.result, more.result, kept.result))

    def _asked(self, work: Work, plan: Plan, spent: float) -> Coroutine[Any, Any, Result]:
        """Ask once, with so many seconds of the row's time gone."""
        settings = self._settings
        job = maker(Job)(
            request=work.request,
            plan=plan,
            run=settings.run,
            tags=settings.tags,
            retries=settings.retries,
            timeout=settings.timeout,
            row=work.name,
            restart=True,
            queues=True,
            spent=spent,
        )
        if settings.validator is None:
            return self._engine.run(job)
        return Structured(self._engine, job, settings.validator, repair=settings.repair).run()


def _answered(result: Result) -> Answered:
    return Answered(result, result.data, fatal=isinstance(result.error, FATAL))


def _joined(first: Result, second: Result, kept: Result) -> Result:
    """One of two results with the attempts, the cost and the time of both."""
    cost, source = together(first, second)
    return replace(
        kept,
        attempts=(*first.attempts, *second.attempts),
        cost=cost,
        cost_source=source,
        total_s=first.total_s + second.total_s,
    )
