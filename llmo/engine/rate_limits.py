"""How fast providers may be asked: one gate for each, which every attempt of every row passes."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from llmo.engine.gate import Permit, ProviderGate
from llmo.engine.provider_limits import RateOverrides, limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llmo.config.profile import ProviderConfig
    from llmo.types.events import RateInfo


class RateLimits:
    """The gates of all providers; make it where the event loop runs."""

    def __init__(
        self,
        providers: Mapping[str, ProviderConfig],
        wish: RateOverrides | None = None,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._providers, self._wish, self._jitter = providers, wish or RateOverrides(), jitter
        self._gates: dict[str, ProviderGate] = {}

    async def acquire(self, provider: str, input_tokens: int, max_tokens: int | None) -> Permit:
        """Wait for a place at `provider` for one attempt; `max_tokens` is the output limit in its request."""
        gate = self.gate(provider)
        permit = gate.permit(input_tokens, max_tokens)
        if not gate.admit(permit):
            await gate.wait(permit)
        return permit

    def learn(self, provider: str, info: RateInfo) -> None:
        """Take limits from headers; `Permit.learn` knows better which request they belong to."""
        self.gate(provider).learn(info)

    def cooling(self, provider: str) -> float:
        """Seconds that `provider` is still paused."""
        gate = self._gates.get(provider)
        return gate.cooling() if gate else 0.0

    def used(self) -> float | None:
        """Share of its limits that the busiest provider used, None where nothing limits."""
        return max((share for gate in self._gates.values() if (share := gate.used()) is not None), default=None)

    def gate(self, provider: str) -> ProviderGate:
        """The line of `provider`."""
        gate = self._gates.get(provider)
        if gate is None:
            allowed = limits(self._providers[provider], self._wish)
            gate = self._gates[provider] = ProviderGate(allowed, jitter=self._jitter, share=self._wish.share)
        return gate
