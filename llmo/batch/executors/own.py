"""Rows sent by an engine of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmo.ledger.grouped import GroupedAccount
from llmo.types.dataclass import replace

if TYPE_CHECKING:
    from collections.abc import Collection, Coroutine

    from llmo.batch.executors.executor import Answered, Stopping
    from llmo.batch.executors.row import RowExecutor
    from llmo.batch.job import BatchJob
    from llmo.batch.resume.feed import Work
    from llmo.engine.engine import Engine
    from llmo.providers.provider import Provider
    from llmo.routing.plan import Plan
    from llmo.types.money import Pico


class OwnCrew:
    """A `Crew`: one engine; `asked` are the providers that rows may go to, `together` where each row goes to all."""

    def __init__(
        self, engine: Engine, rows: RowExecutor, asked: Collection[str], *, together: bool, of: int = 1
    ) -> None:
        """It is one `of` so many that share the money."""
        self._engine, self._rows = engine, rows
        self._asked, self._together, self._of = asked, together, of

    def __call__(self, work: Work, plan: Plan | None = None) -> Coroutine[Any, Any, Answered]:
        """Send a row."""
        return self._rows(work, plan)

    @property
    def used(self) -> float | None:
        """The share of the providers' limits that is used, None without limits."""
        return self._engine.rate_limits.used()

    @property
    def held(self) -> Pico:
        """Picodollars that are reserved for what is in flight."""
        return self._engine.account.held

    def width(self) -> int:
        """How many rows are worth having in flight at once; what is left of the limits is shared out among these."""
        width = self._engine.rate_limits.width(self._asked, together=self._together)
        account = self._engine.account
        if isinstance(account, GroupedAccount):
            account.width = width * self._of
        return width


def guarded(engine: Engine, stopping: Stopping) -> Engine:
    """The same engine, which pays for nothing whose answer could not be kept."""
    providers = engine.providers

    def kept(name: str) -> Provider:
        # The last instant before a request leaves.
        stopping.guard()
        return providers(name)

    return replace(engine, providers=kept)


def asked(job: BatchJob) -> set[str]:
    """The providers that the first rows may go to."""
    return {candidate.target.provider for first in job.head.first for candidate in job.plan(first).ranked}
