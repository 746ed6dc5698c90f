"""Asks questions: an engine over the ledger and the providers of a profile."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeAlias

from llmo.client.pool import ProviderPool
from llmo.ledger.allowance import Allowance
from llmo.routing.refusals import require_candidates
from llmo.types.dataclass import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llmo.client.question import Question
    from llmo.client.runtime import Runtime
    from llmo.engine.engine import Engine
    from llmo.engine.progress import Progress
    from llmo.engine.provider_limits import RateOverrides
    from llmo.engine.rate_limits import RateLimits
    from llmo.engine.results import Result
    from llmo.engine.shared_pace import PaceExchange
    from llmo.engine.structured import Structured
    from llmo.ledger.accounts import Account
    from llmo.ledger.records import BudgetStatus
    from llmo.routing.plan import Plan
    from llmo.routing.planner import Planner

FRESH_S = 15.0
"""Seconds for which a planner may reuse its facts about targets: ready, breakers, latency."""


@dataclass(frozen=True, slots=True)
class QuestionEnded:
    """The last event of a question, with its result, which is partial if asking was cancelled."""

    result: Result


Emit: TypeAlias = "Callable[[Progress | QuestionEnded], None]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """
    The settings of a session.

    `run` is its name in the ledger; `max_cost` caps all that it spends, in dollars. `width` tunes it for that many
    concurrent requests, as in a batch: a transport for many connections, holds taken in groups, and timeouts without
    the time spent waiting for budgets or rate limits. `warn` receives warnings about low budgets, `tell` messages
    about waits.
    """

    run: str
    max_cost: str | None = None
    allow_unpriced: bool = False
    rates: RateOverrides | None = None
    width: int | None = None
    warn: Callable[[str], None] | None = None
    tell: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class CrewMember:
    """One `of` several sessions, on any machines, that carry out a run; `leases` shares out a provider's limits."""

    number: int
    of: int
    leases: Callable[[str], PaceExchange]


class Session:
    """
    An engine and everything that must be closed with it, created on first use.

    Planning and `allowance` need no event loop; the rest must run on one.
    """

    def __init__(
        self,
        runtime: Runtime,
        terms: Terms,
        *,
        planner: Planner | None = None,
        crew: CrewMember | None = None,
    ) -> None:
        """
        Without a `planner`, the session creates its own and replaces it when its facts are stale.

        It shares the providers' limits with other processes of this machine, or with the `crew` that it belongs to.
        """
        self.runtime = runtime
        self._crew = crew
        self.terms = terms
        self.limits = runtime.limits(terms.max_cost)
        self._planner = planner
        self._planned: tuple[float, Planner] | None = None

    def plan(self, question: Question) -> Plan:
        """Plan which targets may answer. Raises `ConfigError` for unknown models, providers and tasks."""
        terms, choice = self.terms, question.choice
        capped = choice.capped or terms.max_cost is not None
        choice = replace(choice, capped=capped, allow_unpriced=terms.allow_unpriced)
        return self._plans().plan(question.request, choice)

    async def run(self, question: Question, emit: Emit, *, plan: Plan | None = None) -> Result:
        """
        Ask a question and emit events as they arrive, `QuestionEnded` last; a failure is part of the result.

        Pass the question's `plan` if it has been made already. Raises `LlmoError` if the plan has no candidates. When
        cancelled, or when `emit` raises, settles what was received and emits `QuestionEnded` before that propagates.
        """
        if plan is None:
            plan = self.plan(question)
        require_candidates(plan)
        running = self._start(question, plan)
        try:
            await running.run(emit)
        finally:
            result = running.result
            if result is not None:
                emit(QuestionEnded(result))
        assert result is not None
        return result

    def allowance(self, tags: Mapping[str, str]) -> Allowance:
        """Return what may be spent now by calls with these tags."""
        return Allowance(
            limits=self.limits,
            statuses=self.statuses(live=True),
            allow_unpriced=self.terms.allow_unpriced,
            run=self.terms.run,
            tags=tags,
        )

    def statuses(self, *, live: bool = False) -> list[BudgetStatus]:
        """Return the status of every limit; with `live`, including what running processes hold."""
        return self.runtime.ledger.status(self.limits, self.terms.run, live=live)

    async def close(self) -> None:
        """Settle what is still in flight; close connections and the ledger."""
        made = vars(self)
        if "account" in made:
            await self.account.close()
        if "providers" in made:
            await self.providers.close()
        self.runtime.ledger.close()

    @cached_property
    def providers(self) -> ProviderPool:
        """Return the providers of the profile."""
        return ProviderPool(self.runtime, busy=self.terms.width is not None)

    @cached_property
    def account(self) -> Account:
        """Return the account that holds are taken from."""
        from llmo.ledger.accounts import DirectAccount
        from llmo.ledger.grouped import GroupedAccount

        terms = self.terms
        make = DirectAccount if terms.width is None else partial(GroupedAccount, width=terms.width)
        return make(
            self.runtime.ledger,
            self.limits,
            allow_unpriced=terms.allow_unpriced,
            warn=terms.warn,
            tell=terms.tell,
        )

    @cached_property
    def rate_limits(self) -> RateLimits:
        """Return the rate limits of the providers."""
        from llmo.engine.rate_limits import RateLimits

        providers, rates = self.runtime.profile.providers, self.terms.rates
        if self._crew is not None:
            member = (self._crew.number, self._crew.of)
            return RateLimits(providers, rates, exchange=self._crew.leases, member=member)
        if self.terms.width is None:
            return RateLimits(providers, rates)
        from llmo.engine.shared_pace import ThreadedExchange

        runtime = self.runtime
        return RateLimits(providers, rates, exchange=lambda key: ThreadedExchange(runtime.notices(key), runtime.clock))

    @cached_property
    def engine(self) -> Engine:
        """Return the engine that runs plans."""
        from llmo.engine.breakers import Breakers
        from llmo.engine.engine import Engine

        runtime = self.runtime
        return Engine(
            providers=self.providers,
            account=self.account,
            rate_limits=self.rate_limits,
            clock=runtime.clock,
            breakers=Breakers(runtime.ledger, now=runtime.clock.now),
        )

    def _start(self, question: Question, plan: Plan) -> Structured:
        from llmo.engine.job import Job
        from llmo.engine.structured import Structured
        from llmo.requests.validator import checked

        profile, schema = self.runtime.profile, question.request.schema
        job = Job(
            request=question.request,
            plan=plan,
            run=self.terms.run,
            tags=question.tags,
            retries=profile.retries if question.retries is None else question.retries,
            timeout=question.timeout or profile.timeout,
            restart=question.restart,
            queues=self.terms.width is not None,
        )
        return Structured(self._engine(question), job, None if schema is None else checked(schema))

    def _engine(self, question: Question) -> Engine:
        if question.cap is None:
            return self.engine
        from llmo.ledger.capped import CappedAccount

        return self.engine.with_account(CappedAccount(self.account, question.cap))

    def _plans(self) -> Planner:
        if self._planner is not None:
            return self._planner
        now = self.runtime.clock.now()
        if self._planned is None or not 0 <= now - self._planned[0] < FRESH_S:
            self._planned = (now, self.runtime.new_planner())
        return self._planned[1]
