"""Ask providers that keep a record of each call what it cost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

from llmo.config.kinds import KINDS
from llmo.errors import LlmoError
from llmo.providers.provider import Accountable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmo.cli.context import Context
    from llmo.client.pool import ProviderPool
    from llmo.ledger.records import Doubt
    from llmo.providers.provider import Provider, RecordedCost

PATIENCE_S = 30.0
"""Seconds that a provider has to say what a call cost."""
AT_ONCE = 8
Told: TypeAlias = "RecordedCost | LlmoError | None"


async def asked(ctx: Context, doubts: Sequence[Doubt]) -> dict[str, Told]:
    """What providers say of the calls that they can be asked about, by the calls' ids; an error is why one did not."""
    from llmo.client.pool import ProviderPool

    links, room = ProviderPool(ctx, busy=False), asyncio.Semaphore(AT_ONCE)
    try:
        made = {name: _made(ctx, links, name) for name in {one.provider for one in doubts if one.request_id}}
        askable = [(one, of) for one in doubts if one.request_id and (of := made[one.provider]) is not None]
        answers = await asyncio.gather(*(_of(one, of, room) for one, of in askable))
        return dict(zip((one.id for one, _ in askable), answers, strict=True))
    finally:
        await links.close()


def _made(ctx: Context, links: ProviderPool, name: str) -> Accountable | LlmoError | None:
    """The provider, if it can be asked; the error why it can't be now, None where nobody could."""
    config = ctx.profile.providers.get(name)
    if config is None or not KINDS[config.kind].records_costs:
        return None
    try:
        provider: Provider = links(name)
    except LlmoError as exc:
        return exc
    return provider if isinstance(provider, Accountable) else None


async def _of(one: Doubt, provider: Accountable | LlmoError, room: asyncio.Semaphore) -> Told:
    if isinstance(provider, LlmoError):
        return provider
    try:
        async with room, asyncio.timeout(PATIENCE_S):
            return await provider.charged(one.request_id or "")
    except LlmoError as exc:
        return exc
    except TimeoutError:
        return LlmoError(f"no response within {PATIENCE_S:g} s")
