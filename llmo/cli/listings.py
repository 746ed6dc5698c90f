"""Asks providers for their models, all at once; a dead one delays nobody."""

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
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llmo.catalog.listing import ListedModel
    from llmo.cli.context import Context
    from llmo.client.pool import ProviderPool
    from llmo.providers.provider import Provider


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What came of asking one provider: its models, or why there are none; `error` is what it answered with."""

    name: str
    models: tuple[ListedModel, ...] | None = None
    why: str = ""
    error: LlmoError | None = None


def ask(ctx: Context, providers: Sequence[str], *, seconds: float, heard: Callable[[ModelAnswer], None]) -> None:
    """Ask these providers of the profile, each for at most `seconds`; `heard` gets each answer at once."""
    asyncio.run(_all(ctx, providers, seconds, heard))


def keep(ctx: Context, name: str, models: Sequence[ListedModel]) -> None:
    """Remember the models of a provider for the next start."""
    config = ctx.profile.providers[name]
    address = base_url(name, config, ctx.env)
    kept = encoded(models, address, now=ctx.clock.now())
    replace(path_of(cache_dir(ctx.env) / "models", name), kept, durable=False)
    if KINDS[config.kind].discovered:
        remember(address, [one.id for one in models], ctx.env, now=ctx.clock.now())


async def _all(ctx: Context, providers: Sequence[str], seconds: float, heard: Callable[[ModelAnswer], None]) -> None:
    from llmo.client.pool import ProviderPool

    pool = ProviderPool(ctx, busy=False)

    async def one(name: str, provider: Provider | str) -> None:
        heard(await _listing(name, provider, seconds))

    try:
        # Made one after another: a key may come from a command that asks for a passphrase.
        made = [(name, _made(ctx, pool, name)) for name in providers]
        await asyncio.gather(*(one(name, provider) for name, provider in made))
    finally:
        await pool.close()


def _made(ctx: Context, pool: ProviderPool, name: str) -> Provider | str:
    """The provider, or why it can't be asked."""
    config = ctx.profile.providers[name]
    # What is discovered is not ready as long as nobody has asked it, which is what happens here.
    if (why := why_not_ready(name, config, ctx.env)) and not KINDS[config.kind].discovered:
        return f"skipped: {why}"
    try:
        return pool(name)
    except LlmoError as exc:
        return exc.message


async def _listing(name: str, provider: Provider | str, seconds: float) -> ModelAnswer:
    if isinstance(provider, str):
        return ModelAnswer(name, why=provider)
    try:
        async with asyncio.timeout(seconds):
            return ModelAnswer(name, models=tuple(await provider.models()))
    except TimeoutError:
        return ModelAnswer(name, why=f"no response within {seconds:g} s")
    except LlmoError as exc:
        return ModelAnswer(name, why=exc.message, error=exc)
