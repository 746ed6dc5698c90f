"""A profile with the ledger, catalog, history and planner that belong to it, each made when it is first used."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from llmo.types import redact
from llmo.types.clock import Clock, SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llmo.catalog.catalog import Catalog
    from llmo.config.load import Loaded
    from llmo.config.profile import Profile
    from llmo.ledger.backend import Ledger
    from llmo.ledger.records import Limit
    from llmo.routing.planner import Planner
    from llmo.storage.history import History


@dataclass
class Runtime:
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
        from llmo.config.load import load

        name = self.profile_name or self.env.get("LLMO_PROFILE")
        loaded = load(name, env=self.env, overrides=self.overrides)
        if self.online and loaded.source is None and loaded.name == "default" and self._found_ollama():
            loaded = load(name, env=self.env, overrides=self.overrides)
        self._remember(loaded)
        return loaded

    def _found_ollama(self) -> bool:
        """Look for Ollama where no discovery has found it yet; whether its models are now known."""
        import socket
        from urllib.parse import urlsplit

        from llmo.config import ollama

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
        from llmo.catalog.catalog import FILE, Catalog
        from llmo.catalog.listings import ModelLists
        from llmo.storage.paths import cache_dir

        return Catalog(
            self.profile.prices,
            now=self.clock.now(),
            lists=ModelLists(cache_dir(self.env) / "models"),
            installed=cache_dir(self.env) / FILE,
        )

    @cached_property
    def ledger(self) -> Ledger:
        """The money; opens nothing until it is used."""
        from llmo.ledger.sqlite.ledger import SQLiteLedger
        from llmo.storage.paths import data_dir

        made = SQLiteLedger(data_dir(self.env) / "ledger.db", self.clock, timezone=self.profile.timezone)
        made.patience = self.profile.timeout
        return made

    @cached_property
    def history(self) -> History:
        """Prompts and answers."""
        from llmo.storage.history import History
        from llmo.storage.paths import data_dir

        return History(data_dir(self.env) / "history.db", self.clock)

    def hurry(self, seconds: float) -> None:
        """Let nothing wait longer than this for other processes, from now on and in all."""
        self.ledger.until = time.monotonic() + seconds
        self.history.patience = min(self.history.patience, seconds)

    @cached_property
    def planner(self) -> Planner:
        """Plans requests of this profile."""
        from llmo.routing.planner import Planner

        return Planner(self.profile, self.env, self.catalog, self.ledger)

    @cached_property
    def run_id(self) -> str:
        """The name of this command, or of this client, in the ledger."""
        from llmo.types.ids import ulid

        return ulid(self.clock.now())

    @property
    def wire_log(self) -> Callable[[str], None] | None:
        """Where the wire is written down, line by line; None writes nothing."""
        return None

    def limits(self, max_cost: str | None = None) -> tuple[Limit, ...]:
        """All limits that hold: the profile's, and a cap of dollars for this run."""
        from llmo.ledger.accounts import limits

        return limits(self.profile, max_cost)
