"""The seam: what llmo knows of a provider."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from llmo.config.addresses import on_this_machine
from llmo.errors import Withheld
from llmo.types.clock import Clock, SystemClock
from llmo.types.dataclass import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmo.catalog.listing import ListedModel
    from llmo.config.profile import ProviderConfig
    from llmo.providers.transports.transport import Transport
    from llmo.types.events import Emit, Usage
    from llmo.types.messages import Request


class Provider(Protocol):
    """
    Turn one request into events.

    Exactly one `Finish` is the last event of an answer, which has at most one `Usage`. Whatever goes wrong is
    raised as a `ProviderError`, after what had come until then; no retry happens inside. llmo sees nothing else of a
    provider.
    """

    async def send(self, request: Request, model: str, emit: Emit) -> None:
        """
        Send the request to `model` once, and `emit` each event in order as it comes.

        Canceled, it closes the connection. So it does when `emit` raises, which must be no `Exception`: those are
        failures of the provider.
        """
        ...

    async def models(self) -> Sequence[ListedModel]:
        """Ask the provider for its models. Raises `ProviderError`."""
        ...

    async def check(self) -> str:
        """Call the cheapest endpoint that proves address and key; one line of what was found."""
        ...

    async def close(self) -> None:
        """Give connections and processes back."""
        ...


@dataclass(frozen=True, slots=True)
class RecordedCost:
    """What a provider says afterwards that a call cost, in picodollars, and the tokens that it counted."""

    cost: int
    usage: Usage | None = None


@runtime_checkable
class Accountable(Protocol):
    """A provider that can be asked later what a call cost."""

    async def charged(self, request_id: str) -> RecordedCost | None:
        """What a call cost; None when the provider has no record of it. Raises `ProviderError`."""
        ...


@dataclass(frozen=True, slots=True)
class ProviderContext:
    """What a dialect needs to reach one provider of the profile."""

    name: str
    base_url: str
    api_key: str | None = field(repr=False)
    config: ProviderConfig
    transport: Transport
    clock: Clock = field(default_factory=SystemClock, repr=False)
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)

    @property
    def direct(self) -> bool:
        """Whether no proxy may stand between: it would receive what is meant for this machine alone."""
        from llmo.config.addresses import loopback

        return bool(self.config.local) or loopback(self.base_url)


def admit(context: ProviderContext, request: Request, address: str, model: str) -> None:
    """Raise before a private request is sent elsewhere: plans never say so, and this holds if one should."""
    if request.private and not on_this_machine(context.config, address, model):
        raise Withheld(
            f"{context.name} is not on this machine, but the request is private: nothing was sent",
            hint="set local = true for the provider if it may receive private data",
        )
