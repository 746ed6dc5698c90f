"""
Run a plan: hold, permit, provider, retry, fallback.

The only owner of retries and fallback. Every attempt takes a hold first (a job that cannot be
paid for must not wait in line), ends in exactly one of settled or released, and is recorded.
Once the caller has seen words of one model, no other model's words follow.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from llmo.engine import request_adapter
from llmo.engine.attempt import Attempt, Resources
from llmo.engine.progress import AttemptEnded, AttemptStarted, ignore
from llmo.engine.response import ResponseBuilder
from llmo.engine.retry import RetryBudget, Schedule, verdict
from llmo.errors import BudgetExceeded, Cancelled, ContextTooLong, LlmoError, TimedOut
from llmo.types.dataclass import dataclass, field, replace
from llmo.types.ids import ulid

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from llmo.engine.job import Job
    from llmo.engine.progress import EmitProgress, Progress
    from llmo.engine.results import Result
    from llmo.ledger.accounts import Account
    from llmo.routing.plan import Candidate
    from llmo.types.attempts import AttemptRecord
    from llmo.types.messages import Parameter, Target


class _EmitFailed(BaseException):
    """Carries what `emit` raised through a provider: no `Exception`, which it would take for a failure of its own."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine(Resources):
    """Runs jobs; one engine serves all jobs of a process."""

    rand: Callable[[], float] = random.random
    refused: dict[Target, frozenset[Parameter]] = field(default_factory=dict)
    """What servers turned out not to take, so that only their first request asks."""
    retry_budgets: defaultdict[str, RetryBudget] = field(default_factory=lambda: defaultdict(RetryBudget))
    """By provider."""

    def with_account(self, account: Account) -> Engine:
        """The same engine with holds taken on another account; what is learned of servers is shared."""
        return replace(self, account=account)

    def run(self, job: Job, emit: EmitProgress = ignore) -> Coroutine[Any, Any, Result]:
        """
        Carry out a job: events are emitted as they come, a failure is in the result.

        Canceled, or when `emit` raises, it books the attempt and lets that pass. Whoever wants the partial result then
        keeps what `start` returns.
        """
        return self.start(job, emit).run()

    def start(self, job: Job, emit: EmitProgress = ignore) -> Execution:
        """Prepare a job; nothing happens until it is run."""
        return Execution(self, job, emit)


class Execution:
    """One job in progress; `result` is set when `run` has ended, however it ended."""

    def __init__(self, engine: Engine, job: Job, emit: EmitProgress) -> None:
        self.engine = engine
        self.job = job
        # A row has a name of its own.
        self.id = ulid(engine.clock.now()) if job.row is None else job.row
        self.result: Result | None = None
        self._listener = emit
        self._emit = emit if emit is ignore else self._pass_on
        self._answer: ResponseBuilder | None = None
        self._attempts: list[AttemptRecord] = []
        self._loop: asyncio.AbstractEventLoop
        self._time: Callable[[], float]
        self._began = self._ends = 0.0
        self._queued = 0.0
        self._listened = 0.0
        ranked = job.plan.ranked
        self._ranked = [self._known(candidate) for candidate in ranked] if engine.refused else list(ranked)

    async def run(self) -> Result:
        """Do what `Engine.run` says."""
        # Asked for once: until Python 3.12 each time costs a system call.
        self._loop = asyncio.get_running_loop()
        self._time = self._loop.time
        self._began = self._time()
        self._ends = self._began + self.job.timeout - self.job.spent
        error: LlmoError | None = None
        not_taken: Exception | None = None
        try:
            await self._try()
        except LlmoError as exc:
            error = exc
        except _EmitFailed as exc:
            error, not_taken = Cancelled(), exc.error
        except BaseException:
            self.result = self._result(Cancelled())
            raise
        self.result = self._result(error)
        if not_taken is not None:
            raise not_taken
        return self.result

    def _pass_on(self, event: Progress) -> None:
        """Emit an event; the job's clock stands still meanwhile."""
        began = self._time()
        try:
            self._listener(event)
        except Exception as exc:
            raise _EmitFailed(exc) from exc
        self._listened += self._time() - began

    async def _try(self) -> None:
        """Make attempts until one succeeds. Raises the error that the job ends with when none does."""
        job, breakers, ranked = self.job, self.engine.breakers, self._ranked
        schedule = Schedule(len(ranked), job.retries, rand=self.engine.rand, crowd=job.queues)
        errors: list[LlmoError] = []
        for candidate in ranked:
            breakers.learn(candidate)
        while (step := self._next(schedule, now := self._time(), deadline := self._deadline())) is not None:
            number, wait = step
            if now + wait >= deadline:
                breakers.released(ranked[number])
                errors.append(_out_of_time(errors, wait, job.timeout))
                break
            if wait:
                await asyncio.sleep(wait)
            try:
                await self._attempt(ranked[number], wait)
            except LlmoError as exc:
                self._ended()
                if self._adapted(number, exc):
                    continue
                errors.append(exc)
                self._note(schedule, exc, number)
            else:
                self._learn(ranked[number])
                self._ended()
                return
        raise verdict(errors)

    def _ended(self) -> None:
        if self._listener is not ignore:
            self._emit(AttemptEnded(self._attempts[-1]))

    def _next(self, schedule: Schedule, now: float, deadline: float) -> tuple[int, float] | None:
        """Who is asked next, and the seconds to wait before; None when nobody is left."""
        breakers, ranked, crowd = self.engine.breakers, self._ranked, self.job.queues
        while True:
            # Whoever is alone is asked all the same.
            rests = [breakers.rests(one, crowd=crowd) for one in ranked] if len(ranked) > 1 else None
            step = schedule.next(now, rests)
            if step is None:
                return None
            candidate = ranked[step[0]]
            if not breakers.claim(candidate, deadline - now):
                continue  # another request has just begun to find out: now it rests
            budget = self.engine.retry_budgets[candidate.target.provider]
            if schedule.repeats(step[0]):
                return step[0], max(step[1], budget.wait(now))
            budget.sent()
            return step

    def _known(self, candidate: Candidate) -> Candidate:
        refused, lenient = self.engine.refused.get(candidate.target), self.job.plan.requirements.lenient
        return request_adapter.known(candidate, refused, self.job.request, lenient=lenient) if refused else candidate

    def _adapted(self, number: int, error: LlmoError) -> bool:
        """Whether the candidate can be asked again at once without what its server refused; that cost nothing."""
        job, candidate = self.job, self._ranked[number]
        if self._begun:
            return False
        parameter = request_adapter.refused(error, job.request, candidate, lenient=job.plan.requirements.lenient)
        if parameter is None:
            return False
        self._ranked[number] = request_adapter.adapted(candidate, parameter)
        return True

    def _learn(self, candidate: Candidate) -> None:
        """Remember what its server refused: without that, it answered."""
        if candidate.learned:
            known = self.engine.refused.get(candidate.target, frozenset())
            self.engine.refused[candidate.target] = known.union(candidate.learned)

    def _note(self, schedule: Schedule, error: LlmoError, failed: int) -> None:
        """Note a failure, and drop the candidates that could do no better."""
        need, ranked = self.job.plan.requirements, self.job.plan.ranked
        if isinstance(error, BudgetExceeded) and need.when_budget_ends == "local":
            for number, other in enumerate(ranked):
                if other.facts.billing != "local" or number == failed:
                    schedule.drop(number)
            return
        schedule.failed(failed, error, self._time())
        if self._begun and not self.job.restart:
            schedule.stop()
        if isinstance(error, ContextTooLong):
            had = ranked[failed].facts.model.context
            for number, other in enumerate(ranked):
                size = other.facts.model.context
                if had and size and size <= had:
                    schedule.drop(number)

    async def _attempt(self, candidate: Candidate, waited: float) -> None:
        """One request to one target: held before, settled or released after, whatever happens."""
        attempt = Attempt(self.engine, self.job, candidate, len(self._attempts) + 1, loop=self._loop)
        self._answer = attempt.answer
        try:
            await attempt.open(self._deadline())
            if self._listener is not ignore:
                self._emit(AttemptStarted(candidate.target, len(self._attempts) + 1, waited))
            await attempt.send(self._deadline, self._emit)
        except LlmoError as exc:
            await attempt.close(exc)
            raise
        except BaseException:
            await attempt.close(Cancelled())
            raise
        else:
            await attempt.close(None)
        finally:
            self._queued += attempt.queued
            self._attempts.append(attempt.record())

    @property
    def _begun(self) -> bool:
        """Whether a word of the last answer has been passed on."""
        return self._answer is not None and self._answer.begun

    def _deadline(self) -> float:
        """When the job's time is over; waiting in line does not count, nor does a slow `emit`."""
        return self._ends + self._queued + self._listened

    def _result(self, error: LlmoError | None) -> Result:
        now = self._time()
        return (self._answer or ResponseBuilder()).result(
            identifier=self.id,
            error=error,
            attempts=tuple(self._attempts),
            total_s=now - self._began - self._queued,
            began=self._began + self._queued,
        )


def _out_of_time(errors: list[LlmoError], wait: float, timeout: float) -> LlmoError:
    """The error to add when waiting would pass the total clock."""
    if not errors:
        return TimedOut(f"--timeout {timeout:g} expired before anything was sent", may_be_billed=False)
    last = errors[-1]
    last.hint = f"the next retry is in {wait:.0f} s, after --timeout {timeout:g}"
    return last
