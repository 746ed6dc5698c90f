"""What a job emits while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from llmo.types.dataclass import dataclass
from llmo.types.events import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.types.attempts import AttemptRecord
    from llmo.types.messages import Target


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """A request is about to be sent."""

    target: Target
    number: int
    waited_s: float


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """An attempt is over and booked."""

    attempt: AttemptRecord


Progress: TypeAlias = Event | AttemptStarted | AttemptEnded
EmitProgress: TypeAlias = "Callable[[Progress], None]"


def ignore(event: Progress) -> None:
    """Take no notice: for callers who want only the result."""
