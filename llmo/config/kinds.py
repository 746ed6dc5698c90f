"""What each kind of provider has without being told: address, environment variables, who may see the key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.types.messages import Parameter


OFFLINE = "offline"
"""The kind, and the name of a provider that every profile has: it needs nothing and costs nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindDefaults:
    """
    The defaults of one kind.

    `key_env` is sent unasked to `key_host` (None: whatever the provider of this kind is, a user's
    own proxy or program) and, where `key_follows`, to the address that `url_env` gives beside it;
    nowhere else. `needs_key` is about `key_host`: a compatible server elsewhere may do without.
    """

    base_url: str | None = None
    url_env: str | None = None
    key_env: str | None = None
    key_host: str | None = None
    key_follows: bool = False
    needs_key: bool = False
    needs_url: bool = False


KIND_DEFAULTS: Mapping[str, KindDefaults] = {
    "openai": KindDefaults(
        base_url="https://api.openai.com/v1",
        url_env="OPENAI_BASE_URL",
        key_env="OPENAI_API_KEY",
        key_host="api.openai.com",
        key_follows=True,
        needs_key=True,
    ),
    "anthropic": KindDefaults(
        base_url="https://api.anthropic.com",
        url_env="ANTHROPIC_BASE_URL",
        key_env="ANTHROPIC_API_KEY",
        key_host="api.anthropic.com",
        key_follows=True,
        needs_key=True,
    ),
    "ollama": KindDefaults(
        base_url="http://127.0.0.1:11434",
        url_env="OLLAMA_HOST",
        key_env="OLLAMA_API_KEY",
        key_host="ollama.com",
        needs_key=True,
    ),
    "openrouter": KindDefaults(
        base_url="https://openrouter.ai/api/v1",
        key_env="OPENROUTER_API_KEY",
        key_host="openrouter.ai",
        needs_key=True,
    ),
    "litellm": KindDefaults(),
    "litellm-proxy": KindDefaults(url_env="LITELLM_PROXY_URL", key_env="LITELLM_PROXY_API_KEY", needs_url=True),
    "cursor": KindDefaults(key_env="CURSOR_API_KEY"),
    OFFLINE: KindDefaults(),
}


ALL: frozenset[Parameter] = frozenset({"max_tokens", "temperature", "seed", "stop", "option", "image", "schema"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """
    One kind: where its code is, and how its providers behave when the profile is silent.

    `idle` is the silence in seconds allowed between bytes, `first` the silence before the first byte
    of an answer: reasoning models think, and Ollama loads a model, without a byte. `http` is False
    where llmo's own transports have no part. `parameters` are those that its requests can express; a
    schema that is not among them is asked for in words. `accounts` is True where a call's cost can be asked for
    afterwards. Addresses and keys: `llmo.config.kinds`.
    """

    path: str
    http: bool = True
    connect: float = 10.0
    idle: float = 120.0
    first: float = 600.0
    parameters: frozenset[Parameter] = ALL
    accounts: bool = False


KINDS: Mapping[str, Entry] = {
    "openai": Entry(path="llmo.providers.openai.provider:OpenAI"),
    "anthropic": Entry(path="llmo.providers.anthropic.provider:Anthropic", idle=90.0, parameters=ALL - {"seed"}),
    "ollama": Entry(path="llmo.providers.ollama.provider:Ollama", connect=5.0, first=3600.0),
    "openrouter": Entry(path="llmo.providers.openrouter.provider:OpenRouter", accounts=True),
    "litellm": Entry(path="llmo.providers.litellm.provider:LiteLLM", http=False),
    "litellm-proxy": Entry(path="llmo.providers.litellm_proxy.provider:LiteLLMProxy"),
    "cursor": Entry(path="llmo.providers.cursor.provider:Cursor", http=False, idle=300.0, parameters=frozenset()),
    "offline": Entry(path="llmo.providers.offline.provider:Offline", http=False),
}


def taking(parameter: Parameter) -> tuple[str, ...]:
    """The kinds whose requests can express a parameter."""
    return tuple(kind for kind, entry in KINDS.items() if parameter in entry.parameters)
