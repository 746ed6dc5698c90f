"""Checks whether the providers of a profile are ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.cli.known_providers import told_of
from llmo.config.addresses import listens, loopback
from llmo.config.credentials import base_url, key_origin, why_not_ready, withheld
from llmo.errors import LlmoError
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from llmo.cli.context import Context
    from llmo.client.pool import ProviderPool
    from llmo.providers.provider import Provider


PATIENCE = 10.0
"""Timeout in seconds for each provider."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """The state of one provider; `wrong` means the check fails, not just that the provider is not ready."""

    name: str
    ready: bool
    message: str
    wrong: bool = False

    def __str__(self) -> str:
        return f"{self.name}: {'ready' if self.ready else 'not ready'}{self.message and ': '}{self.message}"


def found(ctx: Context, *, look: bool = True) -> list[Readiness]:
    """Return what is known without sending anything; `look` whether a server on this machine runs."""
    states = []
    for name in told_of(ctx):
        config = ctx.profile.providers[name]
        why = why_not_ready(name, config, ctx.env)
        address = base_url(name, config, ctx.env)
        if look and why is None and loopback(address) and not listens(address):
            why = f"nothing listens at {address}"
        kept = withheld(name, config, ctx.env)
        note = f"{kept} is sent there only if api_key_env names it" if kept and not why else ""
        states.append(Readiness(name, why is None, why or note))
    return states


def examined(ctx: Context) -> list[Readiness]:
    """Contact every configured provider concurrently."""
    import asyncio

    return asyncio.run(_all(ctx))


def rule_out_absent(ctx: Context) -> None:
    """Contact every provider, and have plans leave out those that are not ready."""
    ctx.planner.rule_out({state.name: state.message for state in examined(ctx) if not state.ready})


async def _all(ctx: Context) -> list[Readiness]:
    import asyncio

    from llmo.client.pool import ProviderPool

    pool = ProviderPool(ctx, busy=False)
    try:
        # Created one by one, before any timeout starts: a key may come from a command that asks for a passphrase.
        made = [_made(ctx, pool, state) for state in found(ctx, look=False)]
        return await asyncio.gather(*(_asked(ctx, state, provider) for state, provider in made))
    finally:
        await pool.close()


def _made(ctx: Context, pool: ProviderPool, state: Readiness) -> tuple[Readiness, Provider | None]:
    if not state.ready:
        return state, None
    try:
        return state, pool(state.name)
    except LlmoError as exc:
        return _failed(ctx, state, exc.message), None


async def _asked(ctx: Context, state: Readiness, provider: Provider | None) -> Readiness:
    import asyncio

    if provider is None:
        return state
    try:
        async with asyncio.timeout(PATIENCE):
            return Readiness(state.name, ready=True, message=await provider.check())
    except TimeoutError:
        return _failed(ctx, state, f"no response within {PATIENCE:g} s")
    except LlmoError as exc:
        return _failed(ctx, state, exc.message)


def _failed(ctx: Context, state: Readiness, why: str) -> Readiness:
    message = "; ".join(part for part in (why, state.message) if part)
    return Readiness(state.name, ready=False, message=message, wrong=_configured(ctx, state.name))


def _configured(ctx: Context, name: str) -> bool:
    """Whether the profile or a key configures it; a built-in provider that needs no key may be absent."""
    named = ctx.loaded.origins.get(f"providers.{name}.kind", "built-in") != "built-in"
    return named or key_origin(name, ctx.profile.providers[name], ctx.env) is not None
