"""Where a program's questions are asked: on one event loop, over the engine and the ledger of the command line."""

from __future__ import annotations

import logging
from contextlib import aclosing
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from llmo.client import answers
from llmo.client.pool import ProviderPool
from llmo.client.runtime import Runtime
from llmo.engine.job import Job
from llmo.engine.output_limits import decided
from llmo.engine.rate_limits import RateOverrides, limits
from llmo.engine.structured import Structured
from llmo.errors import UsageError
from llmo.ledger.allowance import Allowance
from llmo.ledger.capped import CappedAccount
from llmo.requests.validator import checked
from llmo.routing.planner import Planner
from llmo.routing.refusals import require_candidates
from llmo.types.events import Text
from llmo.types.messages import Target

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from llmo.client.answers import Answer, Estimate, Limits
    from llmo.client.question import Question
    from llmo.client.runtime import Runtime
    from llmo.engine.engine import Engine
    from llmo.ledger.accounts import Account
    from llmo.ledger.records import Limit
    from llmo.routing.plan import Plan


FRESH_S = 15.0
"""Seconds for which a planner may remember who is ready, cooling or fast."""


class Session:
    """
    Takes questions; every method but `__init__` runs on one loop.

    With `concurrency` above 1 it is wired as a batch is: a transport for many connections, bookings in groups,
    and waiting in line is no part of a question's time.
    """

    def __init__(self, around: Runtime, *, concurrency: int | None, max_cost: str | None, allow_unpriced: bool) -> None:
        self.around = around
        self._limits = around.limits(max_cost)
        self._capped = max_cost is not None
        self._allow_unpriced = allow_unpriced
        self._wish = RateOverrides(concurrency=concurrency)
        self.busy = concurrency is not None and concurrency > 1
        self._wired: Wiring | None = None
        self._planner: tuple[float, Planner] | None = None

    def ask(self, question: Question, *, shown: bool) -> RunningQuestion:
        """Prepare a question; `shown` when pieces of the answer are, so that it can't begin anew."""
        return RunningQuestion(self, question, shown=shown)

    def plan(self, question: Question) -> Plan:
        """Who may answer."""
        choice, capped = question.choice, question.choice.capped or self._capped
        choice = replace(choice, capped=capped, allow_unpriced=self._allow_unpriced)
        return self._plans().plan(question.request, choice)

    async def estimate(self, question: Question) -> Estimate:
        """Who would answer and for how much; sends nothing."""
        around = self.around
        money = Allowance(
            limits=self._limits,
            statuses=around.ledger.status(self._limits, around.run_id, live=True),
            allow_unpriced=self._allow_unpriced,
            run=around.run_id,
            tags=question.tags,
        )
        return answers.estimate(decided(self.plan(question), money))

    async def limits(self) -> Limits:
        """What may still be spent, and how fast."""
        around = self.around
        statuses = around.ledger.status(self._limits, around.run_id)
        return answers.Limits(
            budgets=tuple(map(answers.budget, statuses)),
            providers={name: self._pace(name) for name in around.profile.providers},
        )

    async def close(self) -> None:
        """Book what is on its way, close connections and the ledger."""
        wired, self._wired = self._wired, None
        if wired is not None:
            await wired.close()
        self.around.ledger.close()

    def start(self, question: Question, plan: Plan, *, shown: bool) -> Structured:
        """Hand a planned question to the engine."""
        profile = self.around.profile
        # One whole body is cheaper for many; a stream keeps what came before a failure.
        request = replace(question.request, stream=shown or not self.busy)
        job = Job(
            request=request,
            plan=plan,
            run=self.around.run_id,
            tags=question.tags,
            retries=profile.retries if question.retries is None else question.retries,
            timeout=question.timeout or profile.timeout,
            restart=not shown,
            queues=self.busy,
        )
        validator = None if request.schema is None else checked(request.schema)
        return Structured(self._engine(question), job, validator)

    def _engine(self, question: Question) -> Engine:
        engine = self._wiring().engine
        if question.cap is None:
            return engine
        # The same engine with another till: what it learns of servers is shared.
        capped = copy(engine)
        capped.till = CappedAccount(engine.till, question.cap)
        return capped

    def _wiring(self) -> Wiring:
        if self._wired is None:
            self._wired = Wiring(
                self.around,
                self._limits,
                allow_unpriced=self._allow_unpriced,
                wish=self._wish,
                width=self._wish.concurrency if self.busy else None,
            )
            # A library tells in the log; the command line would tell its user.
            self._wired.till.warn = logging.getLogger("llmo").warning
            self._wired.till.tell = logging.getLogger("llmo").info
        return self._wired

    def _plans(self) -> Planner:
        now = self.around.clock.now()
        if self._planner is None or not 0 <= now - self._planner[0] < FRESH_S:
            around = self.around
            self._planner = (now, Planner(around.profile, around.env, around.catalog, around.ledger))
        return self._planner[1]

    def _pace(self, name: str) -> answers.Pace:
        from llmo.config.credentials import ready

        around = self.around
        config = around.profile.providers[name]
        allowed = limits(config, self._wish)
        here = self._wired.limiter.cooling(name) if self._wired else 0.0
        return answers.Pace(
            rpm=allowed.rpm,
            tpm=allowed.tpm,
            concurrency=allowed.concurrency,
            cooling_s=max(here, around.ledger.cooling(Target(name, ""))),
            not_ready=ready(name, config, around.env),
        )


class RunningQuestion:
    """One question; `answer` when `pieces` has ended, however it ended."""

    def __init__(self, desk: Session, question: Question, *, shown: bool) -> None:
        self._desk, self._question, self._shown = desk, question, shown
        self._plan: Plan | None = None
        self._running: Structured | None = None

    async def pieces(self) -> AsyncGenerator[str]:
        """
        Yield the text as it comes; with a schema in one piece, when it has been found to meet it.

        Raises the error that the answer ended with. Closed early or cancelled, it books what was received.
        """
        self._plan = plan = self._desk.plan(self._question)
        require_candidates(plan)
        whole = self._question.request.schema is not None
        self._running = running = self._desk.start(self._question, plan, shown=self._shown)
        async with aclosing(running.events()) as events:
            async for event in events:
                if isinstance(event, Text) and not whole:
                    yield event.text
        answer = self.answer
        if whole:
            yield answer.text

    @property
    def answer(self) -> Answer:
        """The answer, partial when it was closed early. Raises the error that it ended with, if any."""
        running, plan = self._running, self._plan
        if running is None or plan is None or running.result is None:
            raise UsageError("there is no answer yet", hint="read the stream to its end, or close it")
        return answers.answer(running.result, data=running.data, task=plan.task.name)


class Wiring:
    """An engine with all that must be closed after it."""

    def __init__(
        self,
        around: Runtime,
        limits: Iterable[Limit],
        *,
        allow_unpriced: bool = False,
        wish: RateOverrides | None = None,
        width: int | None = None,
    ) -> None:
        """`width` wires for so many requests at once; call it where the event loop runs."""
        from llmo.engine.engine import Engine
        from llmo.engine.rate_limits import RateLimits
        from llmo.ledger.accounts import DirectAccount
        from llmo.ledger.grouped import GroupedAccount

        self.links = ProviderPool(around, busy=width is not None)
        book = around.ledger
        self.till: Account = (
            DirectAccount(book, limits, allow_unpriced=allow_unpriced)
            if width is None
            else GroupedAccount(book, limits, allow_unpriced=allow_unpriced, width=width)
        )
        self.limiter = RateLimits(around.profile.providers, wish)
        self.engine = Engine(providers=self.links, till=self.till, limiter=self.limiter, clock=around.clock)
        self.engine.cool = lambda target, seconds, reason: around.ledger.set_cooling(
            target, around.clock.now() + seconds, reason
        )

    async def close(self) -> None:
        """Book what is on its way, close connections."""
        await self.till.close()
        await self.links.close()
