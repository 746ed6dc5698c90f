"""The kinds of providers, as data; none of them is imported here."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, cast

from llmo.clock import Clock, SystemClock
from llmo.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llmo.config import ProviderConfig
    from llmo.providers.transport import Transport
    from llmo.types import Parameter, Provider


@dataclass(frozen=True, slots=True)
class Link:
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
        from llmo.providers.places import loopback

        return self.config.local or loopback(self.base_url)


ALL: frozenset[Parameter] = frozenset({"max_tokens", "temperature", "seed", "stop", "option", "image", "schema"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """
    One kind: where its code is, and how its providers behave when the profile is silent.

    `idle` is the silence in seconds allowed between bytes, `first` the silence before the first byte
    of an answer: reasoning models think, and Ollama loads a model, without a byte. `http` is False
    where llmo's own transports have no part. `parameters` are those that its requests can express; a
    schema that is not among them is asked for in words. `accounts` is True where a call's cost can be asked for
    afterwards. Addresses and keys: `llmo.settings.kinds`.
    """

    path: str
    http: bool = True
    connect: float = 10.0
    idle: float = 120.0
    first: float = 600.0
    parameters: frozenset[Parameter] = ALL
    accounts: bool = False


Factory: TypeAlias = "Callable[[Link], Provider]"

KINDS: Mapping[str, Entry] = {
    "openai": Entry(path="llmo.providers.openai:OpenAI"),
    "anthropic": Entry(path="llmo.providers.anthropic:Anthropic", idle=90.0, parameters=ALL - {"seed"}),
    "ollama": Entry(path="llmo.providers.ollama:Ollama", connect=5.0, first=3600.0),
    "openrouter": Entry(path="llmo.providers.openrouter:OpenRouter", accounts=True),
    "litellm": Entry(path="llmo.providers.litellm:LiteLLM", http=False),
    "litellm-proxy": Entry(path="llmo.providers.litellm_proxy:LiteLLMProxy"),
    "cursor": Entry(path="llmo.providers.cursor:Cursor", http=False, idle=300.0, parameters=frozenset()),
    "offline": Entry(path="llmo.providers.offline:Offline", http=False),
}


def taking(parameter: Parameter) -> tuple[str, ...]:
    """The kinds whose requests can express a parameter."""
    return tuple(kind for kind, entry in KINDS.items() if parameter in entry.parameters)


def load(kind: str) -> Factory:
    """The class that speaks a kind; its module is imported now."""
    entry = KINDS.get(kind)
    if entry is None:
        raise ConfigError(f"unknown kind of provider: {kind}", hint=f"known kinds: {', '.join(KINDS)}")
    from importlib import import_module

    module, _, name = entry.path.partition(":")
    return cast("Factory", getattr(import_module(module), name))
