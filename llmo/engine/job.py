"""What the engine is asked to carry out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.types.dataclass import dataclass, field, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.engine.results import Result
    from llmo.routing.plan import Plan
    from llmo.types.messages import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """
    One request with its plan.

    `timeout` is seconds for everything: waiting, retries, fallbacks, but not for what a slow reader of the events
    takes. `restart` allows an answer that ended early to start over, for callers who show nothing before the end.
    `queues` is for batches: waiting for money and for a permit is no part of the time then. `spent` seconds of it
    went to earlier requests for the same answer.
    """

    request: Request
    plan: Plan
    run: str
    tags: Mapping[str, str] = field(default_factory=dict)
    retries: int = 2
    timeout: float = 120.0
    row: str | None = None
    restart: bool = False
    queues: bool = False
    spent: float = 0.0

    def after(self, result: Result) -> Job | None:
        """The same with the time that is left when an answer took its own; None when none is."""
        spent = self.spent + result.total_s
        return replace(self, spent=spent) if spent < self.timeout else None
