"""The effective values of a profile, each with its origin."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from llmo.config.credentials import key_origin
from llmo.config.layers import BUILT_IN, leaves
from llmo.config.ledger_address import without_password
from llmo.config.schema import dotted
from llmo.types.redact import masked_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from llmo.config.load import Loaded
    from llmo.config.schema import Path

MASK = "****"


def values(loaded: Loaded, env: Mapping[str, str]) -> list[tuple[str, Any, str]]:
    """Key, value, origin. Of providers and tasks only what a source gave: their silent defaults would bury it."""
    tree = asdict(loaded.profile)
    rows = [(dotted(path), _shown(path, tree), _origin(path, loaded)) for path in leaves(tree) if _told(path, loaded)]
    return sorted([*rows, *_keys(loaded, env)], key=lambda row: (row[0].count(".") > 0, _group(row[0])))


def _group(key: str) -> str:
    return key.rpartition(".")[0]


def _told(path: Path, loaded: Loaded) -> bool:
    return path[0] not in {"providers", "tasks", "aliases"} or dotted(path) in loaded.origins


def _origin(path: Path, loaded: Loaded) -> str:
    return loaded.origins.get(dotted(path), BUILT_IN)


def _shown(path: Path, tree: Mapping[str, Any]) -> Any:
    value: Any = tree
    for part in path:
        value = value[part]
    if path == ("ledger",) and isinstance(value, str):
        return without_password(value)
    return MASK if "headers" in path and value else masked_json(value)


def _keys(loaded: Loaded, env: Mapping[str, str]) -> Iterator[tuple[str, Any, str]]:
    for name, config in loaded.profile.providers.items():
        origin = key_origin(name, config, env)
        if origin:
            yield dotted(("providers", name, "api_key")), MASK, origin
