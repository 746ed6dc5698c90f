"""`llmo models --refresh`: the models and prices that each provider has now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.cli import listings
from llmo.types.format import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmo.cli.context import Context
    from llmo.cli.listings import ModelAnswer

PATIENCE = 10.0
"""Seconds for each provider."""


def ask_all(ctx: Context, providers: Sequence[str]) -> None:
    """Ask and remember; a line of what came of it for each, as soon as it is known."""

    def heard(found: ModelAnswer) -> None:
        if found.models is not None:
            listings.keep(ctx, found.name, found.models)
        ctx.note(f"{found.name}: {_came(found)}")

    listings.ask(ctx, providers, seconds=PATIENCE, heard=heard)


def _came(found: ModelAnswer) -> str:
    if found.models is None:
        return found.why
    priced = sum(one.price is not None for one in found.models)
    return counted(len(found.models), "models") + (f", {priced} with prices" if priced else "")
