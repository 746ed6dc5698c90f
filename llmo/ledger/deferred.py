"""The account for rows of batches: their holds are taken many in one transaction, and outlive this process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from llmo.errors import Locked
from llmo.ledger.accounts import CHUNK, POLL_S, SETTLE_S, SLICE_S, Account, Hold, deliver
from llmo.ledger.allowance import Allowance
from llmo.types.dataclass import KW_ONLY, dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmo.ledger.records import Call, Entry, Held, Released, Settled
    from llmo.ledger.refusals import OverBudget
    from llmo.types.money import Pico


@dataclass(eq=False)
class DeferredAccount(Account):
    """
    For rows that go into batches.

    All holds that are asked for in one turn of the loop are one transaction. A refused one is refused at once: the
    answers that would settle others come in hours. Settlements are stored by `flush`.
    """

    _: KW_ONLY
    left: int = 1
    """Rows that are still to be held; the money left is shared out between them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._holds: list[tuple[Held, asyncio.Future[OverBudget | None]]] = []
        self._ends: list[Settled | Released] = []
        self._turn: asyncio.Handle | None = None
        self._run = ""
        self._held = 0
        self._money: Allowance | None = None

    @property
    def held(self) -> Pico:
        """Picodollars that this process has held and not ended."""
        return self._held

    def share(self, call: Call) -> Pico | None:
        """An equal part of what the tightest limit leaves; None when no dollar limit applies."""
        if self._money is None:
            self._money = Allowance(limits=self.limits, statuses=self.ledger.status(self.limits, call.run))
        left = self._money.left(call)
        return None if left is None else max(0, left // max(1, self.left))

    async def hold(self, call: Call, worst: Pico | None, *, least: Pico | None = None, patience: float = 0.0) -> Hold:
        """Reserve the worst-case cost of a call."""
        del least, patience
        loop = asyncio.get_running_loop()
        done: asyncio.Future[OverBudget | None] = loop.create_future()
        self._holds.append((replace(self.entry(call, worst), deferred=True), done))
        self._turn = self._turn or loop.call_soon(self._start)
        self._run = call.run
        refused = await done
        if refused is not None:
            raise refused
        self._held += worst or 0
        return Hold(call.id, self)

    def _start(self) -> None:
        self._turn = self._money = None
        holds, self._holds = self._holds, []
        try:
            results = self.ledger.apply([held for held, _ in holds])
        except Exception as exc:  # noqa: BLE001 - whoever waits gets it
            results = [exc] * len(holds)
        for (_, done), result in zip(holds, results, strict=True):
            deliver(result, done)

    async def end(self, entry: Settled | Released) -> None:
        """Settle or release a hold with the next `flush`."""
        self._ends.append(entry)
        if len(self._ends) >= CHUNK:
            await self.flush()

    async def flush(self) -> None:
        """Store settlements and releases. Raises `Locked` or `ConfigError`; then they can be asked for again."""
        ends, self._ends = self._ends, []
        if ends:
            await self._stored(ends)
        for line in self.warnings(self.ledger, self._run):
            if self.warn:
                self.warn(line)

    async def _stored(self, entries: Sequence[Entry]) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + SETTLE_S
        while True:
            try:
                failed = [one for one in self.ledger.apply(entries, patience=SLICE_S) if one is not None]
            except Locked:
                if loop.time() >= until:
                    raise
                await asyncio.sleep(POLL_S * self.rand())
            else:
                if failed:
                    raise failed[0]
                return

    async def close(self) -> None:
        """Store what was asked for, and close the ledger."""
        await self.flush()
        self.ledger.close()
