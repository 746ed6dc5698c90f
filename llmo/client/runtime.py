"""The profile of a process with its catalog, ledger, history and planner, each created on first use."""

from __future__ import annotations

import os
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from llmo.types import redact
from llmo.types.clock import Clock, SystemClock
from llmo.types.dataclass import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from llmo.catalog.catalog import Catalog
    from llmo.config.load import Loaded
    from llmo.config.profile import Profile
    from llmo.ledger.backend import Ledger
    from llmo.ledger.records import Limit
    from llmo.routing.model_names import ModelNames
    from llmo.routing.planner import Planner
    from llmo.storage.history import History
    from llmo.storage.notices import Notices


@dataclass
class Runtime:
    """A profile and the parts that depend on it, created on first use so that a command pays only for what it needs."""

    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    clock: Clock = field(default_factory=SystemClock)
    profile_name: str | None = None
    online: bool = False
    """Whether local servers may be discovered over the network."""
    overrides: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Mask secrets of this environment in all output."""
        redact.watch(self.env)

    @cached_property
    def loaded(self) -> Loaded:
        """Return the profile with the origin of each value."""
        from llmo.config.load import load

        name = self.profile_name or self.env.get("LLMO_PROFILE")
        loaded = load(name, env=self.env, overrides=self.overrides)
        if self.online and loaded.source is None and loaded.name == "default" and self._found_ollama():
            loaded = load(name, env=self.env, overrides=self.overrides)
        self._remember(loaded)
        return loaded

    def given(self, loaded: Loaded, ledger: Ledger | None) -> None:
        """Use a profile that was read elsewhere, and a ledger, where there is one, that is elsewhere."""
        vars(self)["loaded"] = loaded
        if ledger is not None:
            vars(self)["ledger"] = ledger
        self._remember(loaded)

    def _found_ollama(self) -> bool:
        """Look for a local Ollama server that is not known yet; return whether one was found."""
        from llmo.config import ollama
        from llmo.config.addresses import listens

        address = ollama.address(self.env.get("OLLAMA_HOST", ""))
        if ollama.remembered(address, self.env):
            return False
        if not listens(address):
            return False
        models = ollama.discover(address)
        if models:
            ollama.remember(address, models, self.env, now=self.clock.now())
        return bool(models)

    @property
    def profile(self) -> Profile:
        """Return the profile."""
        return self.loaded.profile

    def _remember(self, loaded: Loaded) -> None:
        """Mask the profile's secrets from now on: header values and the environment variables that it names."""
        for provider in loaded.profile.providers.values():
            for value in provider.headers.values():
                # "Bearer KEY" may be echoed without its first word.
                redact.remember(value, *value.split()[1:])
            redact.remember(self.env.get(provider.api_key_env or "", ""))
        if loaded.profile.ledger:
            from llmo.config.ledger_address import passwords

            redact.remember(*passwords(loaded.profile.ledger))

    @cached_property
    def catalog(self) -> Catalog:
        """Return the models and prices."""
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
    def names(self) -> ModelNames:
        """Return the models of this profile by name."""
        from llmo.routing.model_names import ModelNames

        return ModelNames(self.profile, self.env, self.catalog)

    def notices(self, key: str) -> Notices:
        """Return what runs of this user on this machine tell each other of a provider's key, by a name for that."""
        from llmo.storage.notices import Notices
        from llmo.storage.paths import data_dir

        return Notices(data_dir(self.env) / "rates", key)

    @cached_property
    def ledger(self) -> Ledger:
        """Return the ledger; it is opened on first use."""
        from llmo.storage.paths import data_dir

        where, zone = data_dir(self.env), self.profile.timezone
        if self.profile.ledger:
            made = self._shared_ledger(self.profile.ledger, where / "spool", zone)
        else:
            from llmo.ledger.sqlite.ledger import SQLiteLedger

            made = SQLiteLedger(where / "ledger.db", self.clock, timezone=zone)
        made.patience = self.profile.timeout
        return made

    def _shared_ledger(self, url: str, spool: Path, zone: str | None) -> Ledger:
        from llmo.config.ledger_address import name

        try:
            from llmo.ledger.postgres.ledger import PostgresLedger
        except ImportError as exc:
            from llmo.errors import ConfigError
            from llmo.errors.installing import install_command

            why = "a ledger in PostgreSQL needs the package psycopg"
            raise ConfigError(why, hint=install_command("psycopg")) from exc
        return PostgresLedger(url, name(url), self.clock, zone, spool=spool)

    @cached_property
    def history(self) -> History:
        """Return the history of prompts and answers."""
        from llmo.storage.history import History
        from llmo.storage.paths import data_dir

        return History(data_dir(self.env) / "history.db", self.clock)

    def hurry(self, seconds: float) -> None:
        """Limit the total time that is spent waiting for other processes, starting now."""
        self.ledger.until = time.monotonic() + seconds
        self.history.patience = min(self.history.patience, seconds)

    @cached_property
    def planner(self) -> Planner:
        """Return the planner of this process."""
        return self.new_planner()

    def new_planner(self) -> Planner:
        """Return a planner that has gathered no facts yet."""
        from llmo.routing.planner import Planner

        looked_for = None if self._configured else self._looked_for
        return Planner(self.names, self.ledger, now=self.clock.now, looked_for=looked_for)

    @property
    def _configured(self) -> bool:
        """Whether a provider was named anywhere, or found on this machine."""
        from llmo.config.defaults import detected
        from llmo.config.kinds import KINDS
        from llmo.config.layers import BUILT_IN

        # An address alone is no provider that answers.
        unasked = {BUILT_IN, *(f"environment {kind.url_env}" for kind in KINDS.values())}
        said = {where for key, where in self.loaded.origins.items() if key.startswith("providers.")}
        return not said <= unasked or bool(detected(self.env))

    def _looked_for(self) -> tuple[str, ...]:
        from llmo.config.defaults import looked_for

        return tuple(looked_for(self.env))

    @property
    def wire_log(self) -> Callable[[str], None] | None:
        """Where requests and responses are logged, line by line; None logs nothing."""
        return None

    def limits(self, max_cost: str | None = None) -> tuple[Limit, ...]:
        """Return all limits: those of the profile, and `max_cost` dollars for this run."""
        from llmo.ledger.allowance import limits

        return limits(self.profile, max_cost)
