"""
One process of a crowd that spends from one cap: `python -m tests.crowd LEDGER NAME CALLS WIDTH COST…`.

Sends CALLS jobs, WIDTH at once, through the engine and the grouped account, to a provider that reports one of COST
(picodollars, in turn), or breaks off where that is `BROKEN`. Every call holds `HELD`, the cap is ten of them. Prints what
passed, what was refused and what it cost, an answer that broke off at the most.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from llmo.catalog.catalog import Model
from llmo.catalog.prices import Charge, Price
from llmo.engine.engine import Engine
from llmo.engine.job import Job
from llmo.errors import Incomplete
from llmo.ledger.grouped import GroupedAccount
from llmo.ledger.records import Limit
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.routing.quote import Quote
from llmo.types.clock import SystemClock
from llmo.types.events import Finish, ReportedCost, Text
from llmo.types.messages import Target
from tests.fakes import HELLO, Open, candidate, plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmo.catalog.listing import ListedModel
    from llmo.types.events import Emit
    from llmo.types.messages import Request

HELD = 1000
CAP = 10 * HELD
LIMITS = (Limit(name="cap", usd=CAP), Limit(name="day", usd=CAP, window="day", match={"provider": "up"}))
UP = Target("up", "m")
PAUSE_S = 0.01
BROKEN = -1


@dataclass
class Upstream:
    """Bills what it is told to, and counts."""

    costs: itertools.cycle[int]
    sent: int = 0
    billed: int = 0

    async def send(self, request: Request, model: str, emit: Emit) -> None:
        self.sent += 1
        cost = next(self.costs)
        self.billed += HELD if cost == BROKEN else cost
        await asyncio.sleep(PAUSE_S * (1 + self.sent % 3))
        emit(Text("hi"))
        if cost == BROKEN:
            raise Incomplete("gone")
        emit(ReportedCost(cost))
        emit(Finish("stop"))

    async def models(self) -> Sequence[ListedModel]:
        return []

    async def check(self) -> str:
        return "up"

    async def close(self) -> None:
        return None


async def crowd(path: Path, name: str, calls: int, width: int, costs: Sequence[int]) -> tuple[int, int, int]:
    """How many passed, how many were refused, and what upstream billed."""
    upstream = Upstream(itertools.cycle(costs))
    account = GroupedAccount(SQLiteLedger(path, SystemClock(), "UTC"), LIMITS)
    engine = Engine(
        providers={"up": upstream}.__getitem__,
        account=account,
        rate_limits=Open(),  # type: ignore[arg-type]
        clock=SystemClock(),
    )
    one = candidate(UP, 1, model=Model(id="m", price=Price(input=1, output=2)))
    ready = plan(replace(one, quote=Quote((Charge(HELD, 0),), expected=1)))
    numbers = iter(range(calls))
    kinds: list[str] = []

    async def worker() -> None:
        for number in numbers:
            job = Job(request=HELLO, plan=ready, run=name, row=str(number), retries=0, queues=True)
            result = await engine.run(job)
            kinds.append("ok" if result.error is None else result.error.kind)

    await asyncio.gather(*(worker() for _ in range(width)))
    await account.close()
    assert set(kinds) <= {"ok", "incomplete", "budget_exceeded"}, kinds
    refused = kinds.count("budget_exceeded")
    return len(kinds) - refused, refused, upstream.billed


def main() -> None:
    """Wait for a line, then run."""
    path, name, calls, width, *costs = sys.argv[1:]
    sys.stdin.readline()
    print(*asyncio.run(crowd(Path(path), name, int(calls), int(width), [int(cost) for cost in costs])))


if __name__ == "__main__":
    main()
