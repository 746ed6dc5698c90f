"""What each kind of provider has without being told: address, environment variables, who may see the key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

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
