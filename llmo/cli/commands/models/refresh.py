"""Ask every provider for its models, all at once; a dead one delays nobody."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from llmo.catalog.listings import encoded, path_of
from llmo.config.credentials import base_url, why_not_ready
from llmo.config.kinds import KINDS
from llmo.config.ollama import remember
from llmo.errors import LlmoError
from llmo.storage.files import replace
from llmo.storage.paths import cache_dir

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmo.catalog.listing import ListedModel
    from llmo.cli.context import Context
    from llmo.client.pool import ProviderPool
    from llmo.providers.provider import Provider

PATIENCE = 10.0
"""Seconds for each provider."""


def ask_all(ctx: Context, providers: Sequence[str]) -> None:
    """Ask and remember; a line of what came of it for each, as soon as it is known."""
    asyncio.run(_all(ctx, providers))


async def _all(ctx: Context, providers: Sequence[str]) -> None:
    from llmo.client.pool import ProviderPool

    links = ProviderPool(ctx, busy=False)
    try:
        # Made one after another: a key may come from a command that asks for a passphrase.
        made = [(name, _made(ctx, links, name)) for name in providers]
        await asyncio.gather(*(_told(ctx, name, provider) for name, provider in made))
    finally:
        await links.close()


def _made(ctx: Context, links: ProviderPool, name: str) -> Provider | str:
    """The provider, or why it can't be asked."""
    config = ctx.profile.providers[name]
    # What is discovered is not ready as long as nobody has asked it, which is what happens here.
    if (why := why_not_ready(name, config, ctx.env)) and not KINDS[config.kind].discovered:
        return why
    try:
        return links(name)
    except LlmoError as exc:
        return exc.message


async def _told(ctx: Context, name: str, provider: Provider | str) -> None:
    ctx.note(await _one(ctx, name, provider))


async def _one(ctx: Context, name: str, provider: Provider | str) -> str:
    if isinstance(provider, str):
        return f"{name}: skipped: {provider}"
    try:
        async with asyncio.timeout(PATIENCE):
            models = await provider.models()
    except TimeoutError:
        return f"{name}: no response within {PATIENCE:g} s"
    except LlmoError as exc:
        return f"{name}: {exc.message}"
    _keep(ctx, name, models)
    priced = sum(one.price is not None for one in models)
    return f"{name}: {len(models)} model{'s' * (len(models) != 1)}" + (f", {priced} with prices" if priced else "")


def _keep(ctx: Context, name: str, models: Sequence[ListedModel]) -> None:
    config = ctx.profile.providers[name]
    address = base_url(name, config, ctx.env)
    kept = encoded(models, address, now=ctx.clock.now())
    replace(path_of(cache_dir(ctx.env) / "models", name), kept, durable=False)
    if KINDS[config.kind].discovered:
        remember(address, [one.id for one in models], ctx.env, now=ctx.clock.now())
