"""The seams of one attempt, written down: an account, rate limits and a memory of output lengths in one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from llmo.engine.breakers import Breakers
from llmo.engine.engine import Engine
from llmo.engine.job import Job
from llmo.ledger.records import Call, Settlement
from llmo.types.events import Finish, Text, Usage
from tests import virtual
from tests.fakes import HELLO, A, Scripted, candidate, plan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llmo.engine.results import Result
    from llmo.errors import LlmoError
    from llmo.ledger.breakers import Breaker, Circuit
    from llmo.routing.plan import Candidate
    from llmo.types.messages import Target

IN, OUT = 10**6, 10 * 10**6
"""Picodollars of a token in and out."""
WORST = 10**9
"""What a candidate of `tests.fakes` holds."""
GOOD: list[Any] = [Text("hi"), Usage(10, 2), Finish("stop")]
COST = 10 * IN + 2 * OUT


@dataclass
class Desk:
    """An account, rate limits and a memory of output lengths that write down all that they are told."""

    clock: virtual.VirtualClock = field(default_factory=virtual.VirtualClock)
    waits: bool = True
    line_s: float = 0.0
    budgeted: bool = False
    allow_unpriced: bool = False
    fails: LlmoError | None = None
    held: list[tuple[Call, int | None, Mapping[str, Any]]] = field(default_factory=list)
    ends: list[Settlement | str] = field(default_factory=list)
    asked: list[tuple[str, int, int | None]] = field(default_factory=list)
    slots: list[Usage | None] = field(default_factory=list)
    told: list[object] = field(default_factory=list)
    pauses: list[tuple[str, float]] = field(default_factory=list)
    guarded: dict[Circuit, Breaker | None] = field(default_factory=dict)
    lengths: list[tuple[Target, int, bool]] = field(default_factory=list)

    def share(self, call: Call) -> int | None:
        assert isinstance(call, Call)
        return 77

    def limited(self, call: Call | Candidate, *rest: Any) -> Any:
        """Of the account: is it budgeted; of the lengths: the candidate as it is."""
        if isinstance(call, Call):
            return self.budgeted
        assert rest[1:] == (77,)
        return call

    async def hold(self, call: Call, worst: int | None, **asked: Any) -> Desk:
        self.held.append((call, worst, asked))
        return self

    async def settle(self, settlement: Settlement) -> None:
        self.ends.append(settlement)
        if self.fails:
            raise self.fails

    async def release(self, outcome: Any) -> None:
        """Of the hold: an outcome."""
        self.ends.append(outcome)

    async def acquire(self, provider: str, input_tokens: int, max_tokens: int | None) -> Slot:
        self.asked.append((provider, input_tokens, max_tokens))
        await asyncio.sleep(self.line_s)
        return Slot(self, provider)

    def breaker(self, circuit: Circuit) -> Breaker | None:
        return self.guarded.get(circuit)

    def change_breaker(self, circuit: Circuit, change: Callable[[Breaker | None], Breaker | None]) -> Breaker | None:
        self.guarded[circuit] = after = change(self.guarded.get(circuit))
        return after

    def learn(self, target: Target, tokens: int, *, cut: bool) -> None:
        self.lengths.append((target, tokens, cut))

    def play(self, *scripts: list[Any], of: Candidate | None = None, **changes: Any) -> tuple[Result, Scripted]:
        """One job with a single target; what came of it, and the provider."""
        provider, need = Scripted(*scripts), changes.pop("need", {})
        found = plan(of or candidate(A, 1))
        found = replace(found, requirements=replace(found.requirements, **need))
        job = Job(**{"request": HELLO, "plan": found, "run": "R", "timeout": 60.0, "retries": 0, **changes})

        async def main() -> Result:
            engine = Engine(
                providers={"a": provider}.__getitem__,
                account=self,  # type: ignore[arg-type]
                rate_limits=self,  # type: ignore[arg-type]
                clock=self.clock,
                breakers=Breakers(self, now=self.clock.now, rand=lambda: 0.0),
                output_lengths=self,  # type: ignore[arg-type]
                rand=lambda: 1.0,
            )
            return await engine.run(job)

        return virtual.run(main(), self.clock), provider


@dataclass
class Slot:
    desk: Desk
    provider: str

    def release(self, usage: Usage | None) -> None:
        self.desk.slots.append(usage)

    def refuse(self, retry_after: float | None) -> None:
        self.desk.pauses.append((self.provider, retry_after or 0.0))

    def learn(self, info: object) -> None:
        self.desk.told.append(info)
