"""The kinds of providers, as data; none of them is imported here."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, cast

from llmo.config.kinds import KINDS
from llmo.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.providers.provider import Provider, ProviderContext


Factory: TypeAlias = "Callable[[ProviderContext], Provider]"


def factory(kind: str) -> Factory:
    """The class that speaks a kind; its module is imported now."""
    row = KINDS.get(kind)
    if row is None:
        raise ConfigError(f"unknown kind of provider: {kind}", hint=f"known kinds: {', '.join(KINDS)}")
    from importlib import import_module

    module, _, name = row.implementation.partition(":")
    return cast("Factory", getattr(import_module(module), name))
