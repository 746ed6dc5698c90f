"""What all steps of a deferred run share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.batch.executors.deferred.rows import appended, mend
from llmo.batch.output.appended import written
from llmo.batch.output.journal import Journal, encoded
from llmo.errors import UsageError
from llmo.types.dataclass import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llmo.batch.executors.deferred.state import RunFolder, RunState, Shard
    from llmo.engine.engine import Engine
    from llmo.ledger.deferred import DeferredAccount
    from llmo.providers.batches import BatchService
    from llmo.routing.plan import TargetFacts
    from llmo.types.clock import Clock
    from llmo.types.jsontext import Json
    from llmo.types.messages import Target


@dataclass(slots=True, kw_only=True)
class DeferredContext:
    """
    A run that is being worked on: its folder is locked by its own journal.

    `name` is its name in the ledger. `services` finds a provider's batch service by the provider's name, `facts` what
    is known of a target, at the batch price. `enqueued` is how many tokens may wait at a provider, where the profile
    says so. `others` are batches of other runs of this machine. `tell` gets a line for the user. `in_doubt` is how many
    picodollars may be billed beyond the cost of the rows that this process has taken.
    """

    name: str
    folder: RunFolder
    state: RunState
    engine: Engine
    account: DeferredAccount
    services: Callable[[str], BatchService]
    facts: Callable[[Target], TargetFacts]
    clock: Clock
    enqueued: Mapping[str, int] = field(default_factory=dict)
    others: Callable[[], frozenset[str]] = frozenset
    tell: Callable[[str], None] = lambda _: None
    in_doubt: int = 0
    lines: Journal = field(init=False)

    def __post_init__(self) -> None:
        """Raises `UsageError` when another process works on the run."""
        try:
            self.lines = Journal(self.folder.lines)
        except UsageError as exc:
            if "another run" not in exc.message:
                raise
            raise UsageError(f"another llmo works on the run {self.name}", hint="wait until it has ended") from None
        for path in (self.folder.copies, self.folder.failed):
            mend(path)

    def service(self, shard: Shard) -> BatchService:
        """The service that a shard is sent to."""
        return self.services(shard.provider)

    def allowed(self, target: Target) -> int | None:
        """How many tokens may wait at a target, by the profile or by what the provider said; None: nobody knows."""
        own, told = self.enqueued.get(target.provider), self.state.allowed.get(str(target))
        return min((one for one in (own, told) if one is not None), default=None)

    def save(self) -> None:
        """Store the state. Raises `LlmoError`."""
        self.folder.save(self.state)

    def put(self, line: Mapping[str, Json], apart: Mapping[str, Json] | str) -> None:
        """Write the line of a row, after the row itself where it failed: what has its line is not looked at again."""
        if line["error"] is not None:
            content = {"id": line["id"], "key": line["key"], "row": apart}
            with appended(self.folder.failed) as file:
                written(file, encoded(content))
        self.lines.append(encoded(line))

    def close(self) -> None:
        """Give the lock back."""
        self.lines.close()
