"""
The profiles that need no file.

`default` uses what it finds: keys in the environment, the models that Ollama had when it was last
asked, `cursor-agent` on PATH, the address of a LiteLLM proxy. The clouds are always listed, so that
using one without its key says which key is missing. When nothing is found, all of them are in the
chain, each with the reason why it is not ready.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from llmo.config.kinds import KINDS, OFFLINE
from llmo.config.ollama import address, remembered
from llmo.config.profile import TASKS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from llmo.config.kinds import ProviderKind

_CLOUDS = ("openai", "anthropic", "openrouter")
_DISCOVERED = tuple(name for name, kind in KINDS.items() if kind.discovered)


def tree(name: str, env: Mapping[str, str]) -> dict[str, Any]:
    """The built-in profile of this name, as parsed TOML; any other name gets `default`."""
    return TREES.get(name, _default)(env)


def _offline(_: Mapping[str, str]) -> dict[str, Any]:
    return {
        "providers": {OFFLINE: {"kind": OFFLINE}},
        "tasks": {task: {"primary": [f"{OFFLINE}/echo"]} for task in TASKS},
    }


def _default(env: Mapping[str, str]) -> dict[str, Any]:
    there = detected(env)
    listed = (*_CLOUDS, *_DISCOVERED)
    providers = {name: {"kind": name} for name in (*listed, *KINDS) if name in listed or name in there}
    local = on_this_machine(_DISCOVERED, env)
    in_chain = there if there & {*_CLOUDS} or local else set(providers)
    return {"providers": providers} | chain(local, in_chain)


TREES: Mapping[str, Callable[[Mapping[str, str]], dict[str, Any]]] = {"default": _default, OFFLINE: _offline}
"""The profiles that need no file."""


def on_this_machine(names: Collection[str], env: Mapping[str, str]) -> list[str]:
    """The targets on this machine in the default chain: the first model of each discovered provider."""
    return [f"{name}/{model}" for name in _DISCOVERED if name in names for model in chat_models(env)[:1]]


def chain(local: list[str], there: set[str]) -> dict[str, Any]:
    """The tasks and the fallback for the providers in `there`."""

    def those(*targets: str) -> list[str]:
        return [target for target in targets if target.partition("/")[0] in there]

    small = those("openai/gpt-6-luna", "anthropic/claude-haiku-5-5")
    return {
        "tasks": {
            "simple": {"primary": local, "secondary": small},
            "complex": {"primary": those("anthropic/claude-sonnet-5-5"), "secondary": those("openai/gpt-6-sol")},
            "general": {"primary": those("openrouter/auto"), "secondary": small},
        },
        "fallback": {"openrouter": those("openrouter/auto"), "local": local},
    }


def derived(providers: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    """
    Tasks for a file that lists providers but has none: the first of each provider's `models`.

    The vendors' own providers and Ollama need no `models`: they get those of `default`.
    """
    listed = [f"{name}/{models[0]}" for name, models in _lists(providers)]
    named = {name for name, one in providers.items() if isinstance(one, dict) and name == one.get("kind", name)}
    plain = {name for name in named if not {"models", "base_url"} & providers[name].keys() or name in _DISCOVERED}
    unlisted = plain - {target.partition("/")[0] for target in listed}
    found = chain(on_this_machine(unlisted, env), plain)
    for task in found["tasks"].values():
        task["primary"] = [*listed, *task["primary"]]
    return found


def _lists(providers: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    pairs = [(name, one.get("models")) for name, one in providers.items() if isinstance(one, dict)]
    return [(name, models) for name, models in pairs if isinstance(models, list) and models]


def detected(env: Mapping[str, str]) -> set[str]:
    """The providers that this machine can use as it is; looks at no network."""
    return {name for name, kind in KINDS.items() if _is_there(kind, env)}


def _is_there(kind: ProviderKind, env: Mapping[str, str]) -> bool:
    if kind.discovered:
        return bool(chat_models(env))
    if kind.programs:
        return shutil.which(kind.programs[0], path=env.get("PATH", "")) is not None
    # An address without a key is a compatible server that wants none.
    key = None if kind.needs_url else kind.key_env
    return bool(env.get(key or "") or env.get(kind.url_env or ""))


def looked_for(env: Mapping[str, str]) -> list[str]:
    """What the profile `default` looks for: variables, programs, and the addresses of servers, in words."""
    keys = [KINDS[name].key_env or "" for name in _CLOUDS]
    urls = [kind.url_env or "" for kind in KINDS.values() if kind.needs_url]
    programs = [f"{kind.programs[0]} on PATH" for kind in KINDS.values() if kind.programs]
    servers = [f"Ollama model at {address(env.get('OLLAMA_HOST', ''))}"]
    return [*keys, *urls, *programs, *servers]


def chat_models(env: Mapping[str, str]) -> list[str]:
    """The models that Ollama had, without those for embeddings."""
    found = remembered(address(env.get("OLLAMA_HOST", "")), env)
    return [name for name in found if "embed" not in name]
