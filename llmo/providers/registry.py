"""The kinds of providers, as data; none of them is imported here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, cast

from llmo.config.kinds import KINDS
from llmo.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.providers.batches import BatchService
    from llmo.providers.provider import Provider, ProviderContext


Factory: TypeAlias = "Callable[[ProviderContext], Provider]"


def factory(kind: str) -> Factory:
    """The class that speaks a kind; its module is imported now."""
    row = KINDS.get(kind)
    if row is None:
        raise ConfigError(f"unknown kind of provider: {kind}", hint=f"known kinds: {', '.join(KINDS)}")
    return cast("Factory", _named(row.implementation))


def batch_service(kind: str, provider: Provider) -> BatchService | None:
    """The batch service of a provider of this kind, None where its vendor has none."""
    row = KINDS[kind]
    return None if row.batches is None else cast("BatchService", _named(row.batches)(provider))


def _named(implementation: str) -> Any:
    from importlib import import_module

    module, _, name = implementation.partition(":")
    return getattr(import_module(module), name)
