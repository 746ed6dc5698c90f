"""The environment of programs that llmo starts: without the keys that they have no need for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llmo.config.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# How vendors of models call their keys. Password stores need secrets of their own, which have other names:
# OP_SERVICE_ACCOUNT_TOKEN, BW_SESSION, VAULT_TOKEN, AWS_SECRET_ACCESS_KEY, the agents of GPG and SSH.
_VENDORS = re.compile(
    r"(?i)(?:api_?(?:key|token)|auth_token|openai_key)s?(?:_?\d{1,3})?$|^(?:hf|hugging_?face\w{0,20})_token$"
    r"|^litellm_\w{0,40}key$"
)
_OWN = re.compile(r"(?i)^llmo_providers__")
_LOGIN = re.compile(r"://[^/\s:@]{1,200}:[^/\s@]{1,200}@")


def for_key_command(env: Mapping[str, str], keys: Collection[str]) -> dict[str, str]:
    """For a command that prints a key: all but the keys of model providers and copies of them; `keys` names more."""
    named = {kind.key_env for kind in KINDS.values()} | set(keys)
    away = {name for name in env if name in named or _VENDORS.search(name) or _OWN.match(name)}
    values = {env[name] for name in away if env[name]}
    return {name: value for name, value in env.items() if name not in away and value not in values}


def for_agent(env: Mapping[str, str]) -> dict[str, str]:
    """For a program that a model may tell to start others: nothing that has the name or the shape of a secret."""
    return {name: value for name, value in env.items() if not _secret(name, value)}


def _secret(name: str, value: str) -> bool:
    from llmo.types import secrets  # milliseconds to compile, and read with every profile

    if secrets.SECRET_NAME.search(name) or _OWN.match(name) or secrets.has_key(value):
        return True
    # A proxy's password is needed to get out at all.
    return bool(_LOGIN.search(value)) and not name.lower().endswith("_proxy")
