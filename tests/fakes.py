"""Fakes at the two seams of the engine: a scripted provider and an account that writes down what it is told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from llmo.catalog.catalog import Model
from llmo.catalog.prices import Charge, Price
from llmo.engine.engine import Engine, Execution
from llmo.engine.job import Job
from llmo.errors import BudgetExceeded, LlmoError
from llmo.routing.plan import Candidate, Plan, TargetFacts, Task
from llmo.routing.quote import FREE, Quote, quote
from llmo.routing.requirements import Requirements
from llmo.types.messages import Message, Params, Request, Target
from tests import virtual

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmo.catalog.listing import ListedModel
    from llmo.ledger.records import Call, Settlement
    from llmo.providers.provider import Provider
    from llmo.types.events import Emit, Event, Usage

A, B, C = Target("a", "m"), Target("b", "m"), Target("c", "m")
HELLO = Request((Message("user", "hello"),))


class Scripted:
    """Plays one script per call: events are emitted, errors raised, numbers slept."""

    def __init__(self, *scripts: Sequence[Event | LlmoError | float]) -> None:
        self.scripts = list(scripts)
        self.requests: list[Request] = []
        self.names: list[str] = []
        self.closed = 0

    async def send(self, request: Request, model: str, emit: Emit) -> None:
        self.requests.append(request)
        self.names.append(model)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        try:
            for step in script:
                if isinstance(step, LlmoError):
                    raise step
                if isinstance(step, int | float):
                    await asyncio.sleep(step)
                    continue
                emit(step)
        finally:
            self.closed += 1

    async def models(self) -> Sequence[ListedModel]:
        return []

    async def check(self) -> str:
        return "scripted"

    async def close(self) -> None:
        return None


@dataclass
class Note:
    """An account that passes everything up to `limit` calls and logs."""

    log: list[str]
    limit: int | None = None
    budgeted: bool = False
    holds: int = 0
    waits: bool = True

    def share(self, call: Call) -> int | None:
        return None

    async def hold(self, call: Call, worst: int | None, **_: Any) -> Held:
        self.holds += 1
        if self.limit is not None and self.holds > self.limit:
            raise BudgetExceeded("budget x is used up")
        self.log.append(f"hold {call.provider}")
        return Held(self.log, call)

    def limited(self, call: Call) -> bool:
        return self.budgeted


@dataclass
class Held:
    log: list[str]
    call: Call

    async def settle(self, settlement: Settlement) -> None:
        doubt = f", in doubt {settlement.in_doubt}" if settlement.in_doubt else ""
        said = f"settle {self.call.provider} {settlement.cost} {settlement.source} {settlement.outcome}{doubt}"
        self.log.append(said)

    async def release(self, outcome: str) -> None:
        self.log.append(f"release {self.call.provider} {outcome}")


@dataclass
class Open:
    """Rate limits that let everything through."""

    log: list[str] = field(default_factory=list)
    asked: list[tuple[int, int | None]] = field(default_factory=list)

    async def acquire(self, provider: str, input_tokens: int, max_tokens: int | None) -> Pass:
        self.asked.append((input_tokens, max_tokens))
        return Pass(self.log, provider)


@dataclass
class Pass:
    log: list[str]
    provider: str

    def release(self, usage: Usage | None) -> None:
        return None

    def refuse(self, retry_after: float | None) -> None:
        if retry_after:
            self.log.append(f"pause {self.provider} {retry_after:g}")

    def learn(self, info: object) -> None:
        self.log.append(f"learn {self.provider}")


NEED = Requirements(input_estimate=5, input_bound=20)
HELD = Quote((Charge(0, 10**7),), expected=1)
"""Ten dollars a million tokens out and nothing for the prompt: a tenth of a cent for the 100 tokens of `candidate`."""


def price(dollars_in: int = 1, dollars_out: int = 10) -> Price:
    """So many dollars per million tokens."""
    return Price(input=dollars_in * 10**6, output=dollars_out * 10**6)


def candidate(target: Target, rank: int, **facts: Any) -> Candidate:
    """A ready candidate that costs 1 $/M in and 10 $/M out."""
    model = facts.pop("model", Model(id=target.model, price=price()))
    return Candidate(
        target=target,
        tier="explicit",
        rank=rank,
        why="test",
        facts=TargetFacts(kind="openai", model=model, billing=facts.pop("billing", "metered"), local=False, **facts),
        max_output=100,
        quote=HELD,
        source="computed",
    )


def quoted(one: Candidate, need: Requirements = NEED) -> Candidate:
    """The candidate with the quote of its own price."""
    if one.facts.billing != "metered":
        return replace(one, quote=FREE)
    price = one.facts.model.price
    return replace(one, quote=quote(price, need, expected_output=1) if price else None)


def plan(*candidates: Candidate) -> Plan:
    """A plan with these in order."""
    task = Task(name="general", reason="test", scores={})
    return Plan(task=task, requirements=NEED, candidates=candidates)


@dataclass
class Stage:
    """An engine over scripted providers in virtual time."""

    providers: Mapping[Target, Provider]
    account: Note = field(default_factory=lambda: Note([]))
    rate_limits: Open = field(default_factory=Open)
    clock: virtual.VirtualClock = field(default_factory=virtual.VirtualClock)

    @property
    def log(self) -> list[str]:
        return self.account.log

    def job(self, **changes: Any) -> Job:
        ranked = [candidate(target, rank) for rank, target in enumerate(self.providers, 1)]
        return Job(**{"request": HELLO, "plan": plan(*ranked), "run": "R", "timeout": 60.0, **changes})

    def engine(self) -> Engine:
        by_name = {target.provider: provider for target, provider in self.providers.items()}
        return Engine(
            providers=by_name.__getitem__,
            account=self.account,  # type: ignore[arg-type]
            rate_limits=self.rate_limits,  # type: ignore[arg-type]
            clock=self.clock,
            rand=lambda: 1.0,
        )

    def play(self, **changes: Any) -> tuple[list[Any], Execution]:
        """Run a job to its end; its events and the execution."""

        async def main() -> tuple[list[Any], Execution]:
            events: list[Any] = []
            execution = self.engine().start(self.job(**changes), events.append)
            await execution.run()
            return events, execution

        return virtual.run(main(), self.clock)


__all__ = ["HELLO", "A", "B", "C", "Note", "Open", "Params", "Scripted", "Stage", "candidate", "plan", "price"]
