"""
How fast providers may be asked: one gate for each key, which every attempt of every row passes.

Sections of the profile with the same address, key and limits are one provider under several names.
"""

from __future__ import annotations

import random
from hashlib import sha256
from typing import TYPE_CHECKING

from llmo.engine.gate import ProviderGate
from llmo.engine.provider_limits import RateOverrides, limits
from llmo.types.dataclass import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from llmo.config.profile import ProviderConfig
    from llmo.engine.permit import Permit
    from llmo.engine.provider_limits import ProviderLimits
    from llmo.engine.shared_pace import PaceExchange
    from llmo.types.events import RateInfo


class RateLimits:
    """The gates of all providers; make it where the event loop runs."""

    def __init__(
        self,
        providers: Mapping[str, ProviderConfig],
        wish: RateOverrides | None = None,
        *,
        jitter: Callable[[], float] = random.random,
        exchange: Callable[[str], PaceExchange] | None = None,
        member: tuple[int, int] | None = None,
    ) -> None:
        """
        `exchange` tells other processes of this user about the keys of the same name.

        A `member` of a crew that does one work (its number, and how many there are) shares all providers with the
        others, also those without a key, and takes its part of a fixed concurrency.
        """
        self._providers, self._wish, self._jitter = providers, wish or RateOverrides(), jitter
        self._exchange, self._member = exchange, member
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

    def width(self, providers: Collection[str], *, together: bool = False) -> int:
        """How many requests to these providers are worth having at once: to the widest, or to all `together`."""
        each = [self.gate(name).width for name in providers]
        return max(1, sum(each) if together else max(each, default=1))

    def used(self) -> float | None:
        """Share of its limits that the busiest provider used, None where nothing limits."""
        return max((share for gate in self._gates.values() if (share := gate.used()) is not None), default=None)

    def gate(self, provider: str) -> ProviderGate:
        """The line of `provider`."""
        gate = self._gates.get(provider)
        if gate is None:
            config = self._providers[provider]
            allowed, key = self._part(limits(config, self._wish)), _key(config)
            same = key and next((name for name in self._gates if key == _key(self._providers[name])), None)
            if same and self._gates[same].allowed == allowed:
                gate = self._gates[same]
            else:
                told = self._told(key or (config.kind, config.base_url, provider), keyless=key is None)
                gate = ProviderGate(allowed, jitter=self._jitter, share=self._wish.share, exchange=told)
            self._gates[provider] = gate
        return gate

    def _told(self, key: tuple[object, ...], *, keyless: bool) -> PaceExchange | None:
        return None if self._exchange is None or (keyless and not self._member) else self._exchange(named(key))

    def _part(self, allowed: ProviderLimits) -> ProviderLimits:
        if self._member is None or allowed.adapts or not allowed.concurrency:
            return allowed
        number, of = self._member
        return replace(allowed, concurrency=max(1, allowed.concurrency // of + (number < allowed.concurrency % of)))


def named(key: tuple[object, ...]) -> str:
    """A name for a key's place and source that tells neither."""
    return sha256(repr(key).encode()).hexdigest()[:16]


def _key(config: ProviderConfig) -> tuple[object, ...] | None:
    """Where a provider's key counts, and where it comes from; None for one without a key of its own."""
    source = (config.api_key_env, config.api_key_cmd, config.api_key_keyring)
    return (config.kind, config.base_url, *source) if any(source) else None
