"""Providers of a profile, created on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.types import redact

if TYPE_CHECKING:
    from llmo.client.runtime import Runtime
    from llmo.providers.batches import BatchService
    from llmo.providers.provider import Provider
    from llmo.providers.transports.transport import Transport


class ProviderPool:
    """The providers of a profile, created on first use and closed together; `busy` picks the transport for many."""

    def __init__(self, runtime: Runtime, *, busy: bool) -> None:
        self._runtime, self._busy = runtime, busy
        self._made: dict[str, Provider] = {}
        self._services: dict[str, BatchService] = {}
        self._transport: Transport | None = None

    def __call__(self, name: str) -> Provider:
        """Return the provider called `name`."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def batches(self, name: str) -> BatchService:
        """Return the batch service of a provider. Raises `ConfigError` where there is none."""
        from llmo.errors import ConfigError
        from llmo.providers.registry import batch_service

        config = self._runtime.profile.providers.get(name)
        if config is None:
            raise ConfigError(
                f"the run was sent to a provider that is not in the profile: {name}", hint="name the profile with -P"
            )
        if name not in self._services:
            found = batch_service(config.kind, self(name))
            if found is None:
                raise ConfigError(f"no batch service at {name}, whose kind is {config.kind}")
            self._services[name] = found
        return self._services[name]

    async def close(self) -> None:
        """Close the providers and their transport."""
        for provider in self._made.values():
            await provider.close()
        if self._transport is not None:
            await self._transport.close()

    def _make(self, name: str) -> Provider:
        from llmo.config.credentials import api_key, base_url
        from llmo.providers.provider import ProviderContext
        from llmo.providers.registry import factory

        runtime = self._runtime
        config = runtime.profile.providers[name]
        named = [one.api_key_env for one in runtime.profile.providers.values() if one.api_key_env]
        key = api_key(name, config, runtime.env, others=named)
        redact.remember(key or "")
        link = ProviderContext(
            name=name,
            base_url=base_url(name, config, runtime.env),
            api_key=key,
            config=config,
            transport=self._wire(config.kind),
            clock=runtime.clock,
            env=runtime.env,
        )
        return factory(config.kind)(link)

    def _wire(self, kind: str) -> Transport:
        """Return the shared transport. Through proxies and the like, httpx is imported soonest, aiohttp serves many."""
        from llmo.config.kinds import KINDS

        if not KINDS[kind].http:
            from llmo.providers.offline.provider import Unplugged

            return Unplugged()
        if self._transport is None:
            from llmo.providers.transports.pooled import PooledTransport

            self._transport = PooledTransport() if self._busy else PooledTransport(_over_httpx)
            log = self._runtime.wire_log
            if log is not None:
                from llmo.providers.transports.logged import Logged

                self._transport = Logged(self._transport, log)
        return self._transport


def _over_httpx() -> Transport:
    from llmo.providers.transports.httpx import HttpxTransport

    return HttpxTransport()
