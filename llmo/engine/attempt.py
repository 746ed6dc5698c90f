"""One attempt: the hold and the permit around a request to a provider, and what came of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from llmo.engine import output_limits, request_adapter
from llmo.engine.breakers import Breakers
from llmo.engine.costing import bill
from llmo.engine.deadlines import Deadline, Deadlines
from llmo.engine.output_lengths import OutputLengths
from llmo.engine.progress import ignore
from llmo.engine.response import ResponseBuilder
from llmo.errors import (
    Incomplete,
    LlmoError,
    OutOfTime,
    ProviderError,
    RateLimited,
    Refused,
    TimedOut,
    Unbounded,
    Unfinished,
    Withheld,
)
from llmo.ledger.accounts import UNSETTLED
from llmo.ledger.records import Call, Settlement
from llmo.ledger.refusals import OverBudget
from llmo.routing.plan import secluded
from llmo.routing.tokens import estimate
from llmo.types.attempts import AttemptRecord
from llmo.types.dataclass import dataclass, field, maker
from llmo.types.events import RateInfo
from llmo.types.ids import ulid
from llmo.types.messages import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.engine.job import Job
    from llmo.engine.permit import Permit
    from llmo.engine.progress import EmitProgress
    from llmo.engine.rate_limits import RateLimits
    from llmo.ledger.accounts import Account, Hold
    from llmo.providers.provider import Provider
    from llmo.routing.plan import Candidate
    from llmo.types.clock import Clock
    from llmo.types.events import Event
    from llmo.types.messages import CostSource


SILENT_S = 30.0
"""Seconds without a word after which the end of the user's time is the provider's failure too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """
    What all attempts share.

    `providers` finds one by its name. `breakers` are told how attempts end. `output_lengths` is how long answers are,
    so that output limits fit them. `deadlines` end those that take too long.
    """

    providers: Callable[[str], Provider]
    account: Account
    rate_limits: RateLimits
    clock: Clock
    breakers: Breakers = field(default_factory=Breakers)
    output_lengths: OutputLengths = field(default_factory=OutputLengths)
    deadlines: Deadlines = field(default_factory=Deadlines)


class Attempt:
    """The money and the permit around one request to one target."""

    timed = True
    """Whether the time until `close` is that of the answer; what came in a batch says nothing of its target's speed."""

    def __init__(
        self,
        resources: Resources,
        job: Job,
        candidate: Candidate,
        number: int,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.resources, self.job, self.candidate = resources, job, candidate
        target, self.began_at = candidate.target, resources.clock.now()
        self.answer = ResponseBuilder()
        self.answer.target = target
        self.answer.warnings.extend(candidate.notes)
        self.call = maker(Call)(
            id=ulid(self.began_at),
            run=job.run,
            provider=target.provider,
            model=target.model,
            task=job.plan.task.name,
            tags=job.tags,
            billing=candidate.facts.billing,
            row=job.row,
            attempt=number,
            prices=candidate.facts.model.priced_by,
        )
        self.limited = resources.account.limited(self.call)
        self.hold: Hold | None = None
        self.sent = False
        self.secluded = secluded(job.plan.requirements, target)
        self.loop = loop or asyncio.get_running_loop()
        self.began = self.ended = self.loop.time()
        self.queued = 0.0
        self.outcome: tuple[LlmoError | None, int | None, CostSource] = (None, 0, candidate.source)
        self.in_doubt = 0

    async def open(self, deadline: float) -> None:
        """Take the hold, for as long an answer as there is money for. Raises `BudgetExceeded`."""
        job, candidate, account = self.job, self.candidate, self.resources.account
        need, asked = job.plan.requirements, candidate.max_output
        if self.secluded and not candidate.facts.local:
            raise Withheld(f"{candidate.target} is not on this machine, but the request is private")
        if candidate.unpriced and not account.allow_unpriced and self.limited:
            raise Unbounded(candidate.unpriced, candidate.target)
        candidate = self.resources.output_lengths.limited(candidate, need, account.share(self.call))
        while self.hold is None:
            self.candidate = candidate
            least = candidate.worst_of(output_limits.least(candidate, need))
            patience = job.timeout if job.queues else max(0.0, deadline - self.loop.time())
            try:
                self.hold = await account.hold(self.call, candidate.worst, least=least, patience=patience)
            except OverBudget as refusal:
                candidate = self._shorter(refusal)
        self.answer.reserved = candidate.worst or 0
        if self.limited:
            self.answer.chosen = output_limits.chosen(candidate, need)
        if need.max_output is not None and (limit := candidate.max_output) < asked:
            self.answer.warnings.append(f"the budget buys {limit:,} of the {asked:,} requested output tokens (--fit)")

    def _shorter(self, refusal: OverBudget) -> Candidate:
        """Lower the output limit to what the refusal says is left. Raises it when that is too little."""
        need = self.job.plan.requirements
        found = output_limits.shorter(self.candidate, need, refusal.status.left or 0) if refusal.shortens else None
        if found is None:
            raise output_limits.explained(refusal, self.candidate, need)
        return found

    async def send(self, deadline: Callable[[], float], emit: EmitProgress) -> None:
        """
        Send the request and take in what comes back, until the job's `deadline`. Raises `LlmoError`.

        The deadline moves by what `emit` takes: a slow reader is no silence of the provider.
        """
        request, resources, provider = self.request(), self.resources, self.candidate.target.provider
        size = (self.job.plan.requirements.input_estimate, request.params.max_tokens)
        if self.job.queues:
            # In a batch, waiting for a place takes none of the job's time.
            permit = await resources.rate_limits.acquire(provider, *size)
            self.queued = self.loop.time() - self.began
        else:
            try:
                with Deadline(resources.deadlines, deadline(), self.loop):
                    permit = await resources.rate_limits.acquire(provider, *size)
            except TimeoutError:
                raise _no_permit(provider, self.job.timeout) from None
        try:
            sender = resources.providers(provider)
            self.sent = True
            await self._answered(sender, request, permit, deadline, emit)
            self.judge()
        except RateLimited as error:
            permit.refuse(error.retry_after)
            raise
        finally:
            permit.release(self.answer.usage)

    async def _answered(
        self,
        provider: Provider,
        request: Request,
        permit: Permit,
        deadline: Callable[[], float],
        emit: EmitProgress,
    ) -> None:
        listening, answer, time = emit is not ignore, self.answer, self.loop.time
        limit = Deadline(self.resources.deadlines, deadline() + self.queued, self.loop)

        def take(event: Event) -> None:
            if isinstance(event, RateInfo):
                permit.learn(event)
                return
            answer.take(event, time)
            if listening:
                emit(event)
                limit.move(deadline() + self.queued)

        try:
            with limit:
                await provider.send(request, self.candidate.target.model, take)
        except TimeoutError:
            total, silent_s = self.job.timeout, time() - self.began - self.queued
            kind = TimedOut if self.answer.first_at is None and silent_s >= SILENT_S else OutOfTime
            raise kind(f"no complete answer within {total:g} s", hint="--timeout sets the total time") from None

    def judge(self) -> None:
        """Raise when the stream ended well on the wire and is no answer all the same."""
        finish = self.answer.finish
        if finish is None:
            raise Incomplete("the stream ended early")
        if finish.reason == "refusal":
            raise Refused("the model refused to answer", may_be_billed=True)
        if finish.reason == "content_filter":
            raise Refused("the provider's content filter stopped the answer", may_be_billed=True)

    def request(self) -> Request:
        """The request as this target can take it."""
        need, candidate, private = self.job.plan.requirements, self.candidate, self.secluded
        request = request_adapter.expressed(self.job.request, candidate)
        limit, ceiling = request.params.max_tokens or need.max_output, None
        if self.limited:
            limit, ceiling = candidate.max_output, candidate.ceiling
        if "max_tokens" not in candidate.facts.parameters or "max_tokens" in candidate.dropped:
            limit = None
        now = (request.params.max_tokens, request.ceiling, request.strategy, request.private)
        if (limit, ceiling, need.strategy, private) == now:
            return request
        params = request_adapter.limited(request.params, limit)
        return Request(
            request.messages, params, request.schema, request.stream, need.strategy, ceiling, private, request.body
        )

    async def close(self, error: LlmoError | None) -> None:
        """
        Settle or release, and tell other processes what was learned.

        If the ledger fails, warn: the answer is paid for, so it is still returned.
        """
        self.ended = self.loop.time()
        self._remember(error)
        if self.hold is None:
            self.outcome = (error, 0, self.candidate.source)
            return
        if error is not None and self._free(error):
            self.outcome = (error, 0, self.candidate.source)
            end = self.hold.release(error.kind)
        else:
            end = self.hold.settle(self._settlement(error))
        try:
            await (asyncio.shield(end) if self.resources.account.waits else end)
        except LlmoError as exc:
            self.answer.warnings.append(f"{exc.message}; {UNSETTLED}")

    def _free(self, error: LlmoError) -> bool:
        """Whether the attempt surely cost nothing: it was stopped in line, or refused before any work."""
        answer = self.answer
        refused = isinstance(error, ProviderError) and not error.may_be_billed
        return (refused and not answer.begun and not answer.billed) or not self.sent

    def _remember(self, error: LlmoError | None) -> None:
        """Spare others, and the next process, the same failure."""
        breakers = self.resources.breakers
        if not self.sent:
            breakers.released(self.candidate)
        elif error is None:
            breakers.answered(self.candidate, self.began_at)
        else:
            breakers.failed(self.candidate, error, self.began_at)

    def _received(self, cost: int | None, source: CostSource) -> int | None:
        """
        What the part of an answer that came is worth, None when it is known what the call cost.

        Counts that come before the terminal marker need not be the last ones.
        """
        price, need = self.candidate.facts.model.price, self.job.plan.requirements
        if self.answer.finish or source == "reported" or price is None or not self.candidate.worst:
            return None
        tokens = estimate(self.answer.reasoning.getvalue() + self.answer.text.getvalue())
        spent = price.charge(need.input_estimate, service_tier=need.service_tier).of(tokens) if tokens else 0
        counted = cost or 0 if self.answer.usage is not None else 0
        return max(min(spent, self.candidate.worst), counted)

    def _excess(self, cost: int | None) -> str | None:
        """What to say of a cost above the hold: it is booked all the same, and the budget may be passed by it."""
        held, used = self.candidate.worst, self.answer.usage
        if cost is None or held is None or cost <= held or not self.limited:
            return None
        why = "the provider charges more than its price"
        if used is not None and used.output_tokens > self.candidate.max_output:
            why = "the provider exceeded the output limit"
        elif used is not None and used.input_tokens > self.job.plan.requirements.input_bound:
            why = "the provider counted more input tokens than possible"
        return f"{self.candidate.target} cost more than its reservation, so a budget may be exceeded: {why}"

    def _settlement(self, error: LlmoError | None) -> Settlement:
        """What is booked, see `llmo.engine.costing`."""
        answer, candidate = self.answer, self.candidate
        cost, source, remarks = bill(answer, candidate, self.job.plan.requirements.service_tier)
        answer.warnings.extend(remarks)
        if error is None:
            if answer.usage is not None and answer.finish is not None:
                cut = answer.finish.reason == "length"
                self.resources.output_lengths.learn(candidate.target, answer.usage.output_tokens, cut=cut)
        # A turn that the model paused has ended, and its bill is the last one.
        elif not isinstance(error, Unfinished) and (received := self._received(cost, source)) is not None:
            source = "unknown" if source == "unknown" else "estimated"
            cost, self.in_doubt = received, max(0, (candidate.worst or 0) - received)
        if excess := self._excess(cost):
            answer.warnings.append(excess)
        self.outcome = (error, cost, source)
        began, first = self.began + self.queued, answer.first_at
        return maker(Settlement)(
            cost=cost,
            source=source,
            in_doubt=self.in_doubt,
            usage=answer.usage,
            served_model=answer.served.model,
            request_id=answer.served.request_id,
            service_tier=answer.served.service_tier,
            outcome=error.kind if error else "ok",
            duration_s=self.ended - began if self.timed else None,
            first_token_s=None if first is None or not self.timed else first - began,
        )

    def record(self) -> AttemptRecord:
        """What is told of this attempt."""
        error, cost, source = self.outcome
        return maker(AttemptRecord)(
            id=self.call.id,
            provider=self.call.provider,
            model=self.call.model,
            outcome=error.kind if error else "ok",
            error=error.message if error else None,
            cost_pico=cost,
            cost_source=source,
            in_doubt_pico=self.in_doubt,
            duration_s=self.ended - self.began - self.queued if self.timed else 0.0,
        )


def _no_permit(provider: str, timeout: float) -> RateLimited:
    return RateLimited(
        f"no free slot for {provider} within {timeout:g} s", hint="raise --timeout or the provider's limits"
    )
