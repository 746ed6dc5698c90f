"""The concrete parts put together: the only place that knows providers, ledger and transports at once."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from llmo import redact
from llmo.clock import Clock, SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from llmo.budget import Till
    from llmo.candidates import Planner
    from llmo.catalog import Catalog
    from llmo.config import Profile
    from llmo.history import History
    from llmo.ledger import Ledger, Limit
    from llmo.limits import Wish
    from llmo.providers.transport import Transport
    from llmo.settings import Loaded
    from llmo.types import Provider


@dataclass
class Surroundings:
    """A profile with what belongs to it, each made when it is first used, so that nobody pays for more."""

    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    clock: Clock = field(default_factory=SystemClock)
    profile_name: str | None = None
    online: bool = False
    """Whether the network may be asked what is there."""
    overrides: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Nothing that this environment keeps secret is ever shown."""
        redact.watch(self.env)

    @cached_property
    def loaded(self) -> Loaded:
        """The profile with the origin of each value."""
        from llmo import settings

        name = self.profile_name or self.env.get("LLMO_PROFILE")
        loaded = settings.load(name, env=self.env, overrides=self.overrides)
        if self.online and loaded.source is None and loaded.name == "default" and self._found_ollama():
            loaded = settings.load(name, env=self.env, overrides=self.overrides)
        self._remember(loaded)
        return loaded

    def _found_ollama(self) -> bool:
        """Look for Ollama where no discovery has found it yet; whether its models are now known."""
        import socket
        from urllib.parse import urlsplit

        from llmo.settings import ollama

        address = ollama.address(self.env.get("OLLAMA_HOST", ""))
        if ollama.remembered(address, self.env):
            return False
        parts = urlsplit(address)
        try:
            socket.create_connection((parts.hostname or "", parts.port or 80), timeout=0.3).close()
        except OSError:
            return False
        models = ollama.discover(address)
        if models:
            ollama.remember(address, models, self.env, now=self.clock.now())
        return bool(models)

    @property
    def profile(self) -> Profile:
        """The profile."""
        return self.loaded.profile

    def _remember(self, loaded: Loaded) -> None:
        """Mask what the profile keeps secret, from now on: the values of headers and of the variables that it names."""
        for provider in loaded.profile.providers.values():
            for value in provider.headers.values():
                # "Bearer KEY" may come back without its first word.
                redact.remember(value, *value.split()[1:])
            redact.remember(self.env.get(provider.api_key_env or "", ""))

    @cached_property
    def catalog(self) -> Catalog:
        """Models and prices."""
        from llmo.catalog import FILE, Catalog
        from llmo.catalog.refreshed import Refreshed
        from llmo.paths import cache_dir

        return Catalog(
            self.profile.prices,
            now=self.clock.now(),
            refreshed=Refreshed(cache_dir(self.env) / "models"),
            installed=cache_dir(self.env) / FILE,
        )

    @cached_property
    def ledger(self) -> Ledger:
        """The money; opens nothing until it is used."""
        from llmo.ledger import Ledger
        from llmo.paths import data_dir

        made = Ledger(data_dir(self.env) / "ledger.db", self.clock, timezone=self.profile.timezone)
        made.patience = self.profile.timeout
        return made

    @cached_property
    def history(self) -> History:
        """Prompts and answers."""
        from llmo.history import History
        from llmo.paths import data_dir

        return History(data_dir(self.env) / "history.db", self.clock)

    def hurry(self, seconds: float) -> None:
        """Let nothing wait longer than this for other processes, from now on and in all."""
        self.ledger.until = time.monotonic() + seconds
        self.history.patience = min(self.history.patience, seconds)

    @cached_property
    def planner(self) -> Planner:
        """Plans requests of this profile."""
        from llmo.candidates import Planner

        return Planner(self.profile, self.env, self.catalog, self.ledger)

    @cached_property
    def run_id(self) -> str:
        """The name of this command, or of this client, in the ledger."""
        from llmo.ids import ulid

        return ulid(self.clock.now())

    @property
    def wire_log(self) -> Callable[[str], None] | None:
        """Where the wire is written down, line by line; None writes nothing."""
        return None

    def limits(self, max_cost: str | None = None) -> tuple[Limit, ...]:
        """All limits that hold: the profile's, and a cap of dollars for this run."""
        from llmo.budget import limits

        return limits(self.profile, max_cost)


class Links:
    """Providers of the profile, made when first asked for, closed together."""

    def __init__(self, around: Surroundings, *, busy: bool) -> None:
        self._around, self._busy = around, busy
        self._made: dict[str, Provider] = {}
        self._transport: Transport | None = None

    def __call__(self, name: str) -> Provider:
        """The provider `name`."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    async def close(self) -> None:
        """Give everything back."""
        for provider in self._made.values():
            await provider.close()
        if self._transport is not None:
            await self._transport.close()

    def _make(self, name: str) -> Provider:
        from llmo import settings
        from llmo.providers import Link, load

        around = self._around
        config = around.profile.providers[name]
        named = [one.api_key_env for one in around.profile.providers.values() if one.api_key_env]
        key = settings.api_key(name, config, around.env, others=named)
        redact.remember(key or "")
        link = Link(
            name=name,
            base_url=settings.base_url(name, config, around.env),
            api_key=key,
            config=config,
            transport=self._wire(config.kind),
            clock=around.clock,
            env=around.env,
        )
        return load(config.kind)(link)

    def _wire(self, kind: str) -> Transport:
        """One transport for all; measured: httpx starts soonest, aiohttp carries a thousand at once."""
        from llmo.providers import KINDS

        if not KINDS[kind].http:
            from llmo.providers.offline import Unplugged

            return Unplugged()
        if self._transport is None:
            if self._busy:
                from llmo.providers.aiohttp_transport import AiohttpTransport

                self._transport = AiohttpTransport()
            else:
                from llmo.providers.httpx_transport import HttpxTransport

                self._transport = HttpxTransport()
            log = self._around.wire_log
            if log is not None:
                from llmo.providers.logged import Logged

                self._transport = Logged(self._transport, log)
        return self._transport


class Wired:
    """An engine with all that must be closed after it."""

    def __init__(
        self,
        around: Surroundings,
        limits: Iterable[Limit],
        *,
        allow_unpriced: bool = False,
        wish: Wish | None = None,
        width: int | None = None,
    ) -> None:
        """`width` wires for so many requests at once; call it where the event loop runs."""
        from llmo.budget import Direct
        from llmo.engine import Engine
        from llmo.grouped import Grouped
        from llmo.limits import Limiter

        self.links = Links(around, busy=width is not None)
        book = around.ledger
        self.till: Till = (
            Direct(book, limits, allow_unpriced=allow_unpriced)
            if width is None
            else Grouped(book, limits, allow_unpriced=allow_unpriced, width=width)
        )
        self.limiter = Limiter(around.profile.providers, wish)
        self.engine = Engine(providers=self.links, till=self.till, limiter=self.limiter, clock=around.clock)
        self.engine.cool = lambda target, seconds, reason: around.ledger.set_cooling(
            target, around.clock.now() + seconds, reason
        )

    async def close(self) -> None:
        """Book what is on its way, close connections."""
        await self.till.close()
        await self.links.close()
