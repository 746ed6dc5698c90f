"""The session of a run in another process, perhaps on another machine: what travels, and what is made of it there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from llmo.client.runtime import Runtime
from llmo.client.session import CrewMember, Session
from llmo.config.kinds import KINDS
from llmo.storage.paths import cache_dir, data_dir
from llmo.types.dataclass import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llmo.client.session import Terms
    from llmo.config.load import Loaded
    from llmo.engine.shared_pace import PaceExchange
    from llmo.ledger.backend import Ledger
    from llmo.storage.notices import Notices

CARRIED = ("LLMO_", "XDG_", "SSL_")
"""Beginnings of the variables that hold for a run wherever it is carried out, beside those that its profile names."""
PROXIES = frozenset(f"{scheme}_proxy" for scheme in ("http", "https", "all", "no"))


def carried(env: Mapping[str, str], loaded: Loaded) -> dict[str, str]:
    """The variables that a run needs elsewhere: those of llmo, of proxies, and the keys that its profile names."""
    named = {provider.api_key_env for provider in loaded.profile.providers.values()}
    named |= {kind.url_env for kind in KINDS.values()}
    found = {
        name: value
        for name, value in env.items()
        if name in named or name.startswith(CARRIED) or name.lower() in PROXIES
    }
    # Whoever started the cluster may have another home.
    return {**found, "LLMO_DATA_DIR": str(data_dir(env)), "LLMO_CACHE_DIR": str(cache_dir(env))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """
    A profile, the variables that it needs, and the terms of a session, without callbacks.

    The variables come before those of the process where it is opened.
    """

    loaded: Loaded
    env: Mapping[str, str]
    terms: Terms

    def ledger(self) -> Ledger:
        """The ledger of the profile: for the one process that asks it for all others."""
        return self._runtime(None).ledger

    def notices(self, key: str) -> Notices:
        """Where other runs of this user on this machine say how they use a key."""
        return self._runtime(None).notices(key)

    def session(
        self,
        ledger: Ledger,
        member: tuple[int, int],
        leases: Callable[[str], PaceExchange],
        tell: Callable[[str], None],
    ) -> Session:
        """The session of one member of a crew (its number, and how many there are); `tell` gets lines for the user."""
        runtime, terms = self._runtime(ledger), replace(self.terms, warn=tell, tell=tell)
        return Session(runtime, terms, planner=runtime.planner, crew=CrewMember(*member, leases))

    def _runtime(self, ledger: Ledger | None) -> Runtime:
        runtime = Runtime(env={**os.environ, **self.env})
        runtime.given(self.loaded, ledger)
        return runtime
