"""What a provider emits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.errors import LlmoError

if TYPE_CHECKING:
    from llmo.providers.provider import Provider
    from llmo.types.events import Event
    from llmo.types.messages import Request


class Enough(BaseException):
    """Raised by an `emit` that has heard enough: as the engine's own, it is no failure of a provider."""


def ignore(event: Event) -> None:
    """Take an event and forget it."""


async def emitted(provider: Provider, request: Request, model: str = "m") -> list[Event]:
    """The events of one request."""
    found: list[Event] = []
    await provider.send(request, model, found.append)
    return found


async def heard(provider: Provider, request: Request, model: str = "m") -> list[Event | LlmoError]:
    """Everything that comes of one request; a failure stands last."""
    found: list[Event | LlmoError] = []
    try:
        await provider.send(request, model, found.append)
    except LlmoError as exc:
        found.append(exc)
    return found


async def until(kind: type[Event], provider: Provider, request: Request, model: str = "m") -> None:
    """Send a request, and stop at its first event of a kind."""

    def emit(event: Event) -> None:
        if isinstance(event, kind):
            raise Enough

    try:
        await provider.send(request, model, emit)
    except Enough:
        return
