"""
What surrounds a run: streams, terminals, environment, time; and the one place that wires the concrete parts.

Everything is made when it is first used, so that a command pays for what it needs. Tests make
their own `Context`; nothing else asks whether a stream is a terminal.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

from llmo.clock import Clock, SystemClock
from llmo.redact import masked, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.candidates import Planner
    from llmo.catalog import Catalog
    from llmo.config import Profile
    from llmo.history import History
    from llmo.ledger import Ledger
    from llmo.settings import Loaded


class ClosedPipe(Exception):
    """Whoever read stdout has gone: `llmo ask … | head -1`."""


@dataclass
class Context:
    """One run of the program."""

    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    stdin: TextIO = field(default_factory=lambda: sys.stdin)
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
    clock: Clock = field(default_factory=SystemClock)
    profile_name: str | None = None
    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    no_color: bool = False
    online: bool = False
    """Whether this command may ask the network what is there."""
    overrides: dict[str, Any] = field(default_factory=dict)

    def configure(self, *, profile: str | None, quiet: bool, verbose: bool, debug: bool, no_color: bool) -> None:
        """Take the global options; those after the command's name add to those before it."""
        self.profile_name = profile or self.profile_name
        self.quiet |= quiet
        self.verbose |= verbose
        self.debug |= debug
        self.no_color |= no_color

    @cached_property
    def stdout_tty(self) -> bool:
        """Whether the result goes to a person."""
        return self.stdout.isatty()

    @cached_property
    def stderr_tty(self) -> bool:
        """Whether messages go to a person."""
        return self.stderr.isatty()

    @cached_property
    def stdin_tty(self) -> bool:
        """Whether a person types."""
        return self.stdin is None or self.stdin.isatty()

    @property
    def color(self) -> bool:
        """Whether colour is welcome: https://no-color.org, dumb terminals, --no-color."""
        return not (self.no_color or self.env.get("NO_COLOR") or self.env.get("TERM") == "dumb")

    @property
    def width(self) -> int:
        """Columns of the terminal."""
        return shutil.get_terminal_size((80, 24)).columns

    def out(self, text: str) -> None:
        """Write a piece of the result; on a terminal control characters are shown, not obeyed."""
        self.stdout.write(visible(text) if self.stdout_tty else text)

    def err(self, line: str) -> None:
        """Write a line for the person at the terminal."""
        self.stderr.write(visible(masked(line)) + "\n")
        self.stderr.flush()

    def note(self, line: str) -> None:
        """Write a line that -q drops."""
        if not self.quiet:
            self.err(line)

    @cached_property
    def loaded(self) -> Loaded:
        """The profile with the origin of each value."""
        from llmo import settings

        name = self.profile_name or self.env.get("LLMO_PROFILE")
        loaded = settings.load(name, env=self.env, overrides=self.overrides)
        if self.online and loaded.source is None and loaded.name == "default" and self._found_ollama():
            loaded = settings.load(name, env=self.env, overrides=self.overrides)
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

    @cached_property
    def catalog(self) -> Catalog:
        """Models and prices."""
        from llmo.catalog import Catalog

        return Catalog(self.profile.prices, now=self.clock.now())

    @cached_property
    def ledger(self) -> Ledger:
        """The money; opens nothing until it is used."""
        from llmo.ledger import Ledger
        from llmo.paths import data_dir

        return Ledger(data_dir(self.env) / "ledger.db", self.clock, timezone=self.profile.timezone)

    @cached_property
    def history(self) -> History:
        """Prompts and answers."""
        from llmo.history import History
        from llmo.paths import data_dir

        return History(data_dir(self.env) / "history.db", self.clock)

    @cached_property
    def planner(self) -> Planner:
        """Plans requests of this profile."""
        from llmo.candidates import Planner

        return Planner(self.profile, self.env, self.catalog, self.ledger)

    @cached_property
    def run_id(self) -> str:
        """The name of this command in the ledger."""
        from llmo.ids import ulid

        return ulid(self.clock.now())


_CURRENT: list[Context] = []


def current() -> Context:
    """The surroundings of this run."""
    if not _CURRENT:
        _CURRENT.append(Context())
    return _CURRENT[0]
