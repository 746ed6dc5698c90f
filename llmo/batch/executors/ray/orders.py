"""What the workers of a run are told, and what they tell."""

from __future__ import annotations

import copyreg
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from llmo.batch.executors.executor import Answered
    from llmo.batch.spec import BatchSpec
    from llmo.config.profile import Profile
    from llmo.engine.engine import Engine
    from llmo.engine.shared_pace import PaceExchange, Swaps
    from llmo.ledger.backend import Ledger
    from llmo.routing.planner import Planner
    from llmo.types.money import Pico


def _mapping(content: dict[str, Any]) -> MappingProxyType[str, Any]:
    return MappingProxyType(content)


def _travels(mapping: MappingProxyType[str, Any]) -> tuple[Any, ...]:
    return _mapping, (dict(mapping),)


# The defaults of requests are such mappings, which do not travel as they are.
copyreg.pickle(MappingProxyType, _travels)

SIGN = "run"
"""A file beside the parts, by which a worker knows that it sees the same directory."""


class Facts(Protocol):
    """What rows are planned with."""

    @property
    def profile(self) -> Profile:
        """The profile of the run."""
        ...

    @property
    def planner(self) -> Planner:
        """Plans requests of that profile."""
        ...


class WorkerSession(Protocol):
    """The engine of a worker; `close` settles what is in flight."""

    @property
    def runtime(self) -> Facts:
        """What rows are planned with."""
        ...

    @property
    def engine(self) -> Engine:
        """Runs jobs."""
        ...

    async def close(self) -> None:
        """Settle what is in flight and close connections."""
        ...


class OpensSessions(Protocol):
    """Opens what a run needs in other processes; it travels there."""

    def ledger(self) -> Ledger:
        """The ledger of the run, for the broker."""
        ...

    def notices(self, key: str) -> Swaps:
        """Where other runs of this user on this machine say how they use a key, for the broker."""
        ...

    def session(
        self,
        ledger: Ledger,
        member: tuple[int, int],
        leases: Callable[[str], PaceExchange],
        tell: Callable[[str], None],
    ) -> WorkerSession:
        """The session of one worker (its number, and how many there are); `tell` gets lines for the user."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """
    One run, the same for all workers.

    `directory` is where its parts are, and `sign` is in a file there. `asked` are the providers that rows may go to.
    """

    run: str
    spec: BatchSpec
    opens: OpensSessions
    directory: Path
    sign: str
    asked: frozenset[str]
    version: str


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """
    What a worker tells: rows by their turns, with what came back, numbered up to `upto`.

    `counts` are counters of its `RunStats` since it began; `told` are lines for the user.
    """

    answers: tuple[tuple[int, Answered], ...]
    upto: int
    used: float | None
    held: Pico
    width: int
    counts: tuple[int, ...]
    told: tuple[str, ...]


COUNTED = ("private", "again", "cut", "retries")
"""Counters of `RunStats` that the row executor counts itself."""
