"""The concrete parts put together: the only place that knows providers, ledger and transports at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmo.budget import Till
    from llmo.cli.context import Context
    from llmo.cli.options import Selection
    from llmo.limits import Wish
    from llmo.providers.transport import Transport
    from llmo.types import Provider


class Links:
    """Providers of the profile, made when first asked for, closed together."""

    def __init__(self, ctx: Context, *, busy: bool) -> None:
        self._ctx, self._busy = ctx, busy
        self._made: dict[str, Provider] = {}
        self._transport: Transport | None = None

    def __call__(self, name: str) -> Provider:
        """The provider `name`."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    async def close(self) -> None:
        """Give everything back."""
        for provider in self._made.values():
            await provider.close()
        if self._transport is not None:
            await self._transport.close()

    def _make(self, name: str) -> Provider:
        from llmo import settings
        from llmo.providers import Link, load

        ctx = self._ctx
        config = ctx.profile.providers[name]
        link = Link(
            name=name,
            base_url=settings.base_url(name, config, ctx.env),
            api_key=settings.api_key(name, config, ctx.env),
            config=config,
            transport=self._wire(config.kind),
            clock=ctx.clock,
        )
        return load(config.kind)(link)

    def _wire(self, kind: str) -> Transport:
        """One transport for all; measured: httpx starts soonest, aiohttp carries a thousand at once."""
        if kind == "offline":
            from llmo.providers.offline import Unplugged

            return Unplugged()
        if self._transport is None:
            if self._busy:
                from llmo.providers.aiohttp_transport import AiohttpTransport

                self._transport = AiohttpTransport()
            else:
                from llmo.providers.httpx_transport import HttpxTransport

                self._transport = HttpxTransport()
            if self._ctx.debug:
                from llmo.providers.logged import Logged

                self._transport = Logged(self._transport, self._ctx.err)
        return self._transport


class Wired:
    """An engine with all that must be closed after it."""

    def __init__(self, ctx: Context, selection: Selection, *, wish: Wish | None = None, busy: bool = False) -> None:
        """`busy` wires for many requests at once; call it where the event loop runs."""
        from llmo.budget import Direct, Grouped, limits
        from llmo.engine import Engine
        from llmo.limits import Limiter

        self.links = Links(ctx, busy=busy)
        kind = Grouped if busy else Direct
        self.till: Till = kind(
            ctx.ledger, limits(ctx.profile, selection.max_cost), allow_unpriced=selection.allow_unpriced
        )
        self.limiter = Limiter(ctx.profile.providers, wish)
        self.engine = Engine(providers=self.links, till=self.till, limiter=self.limiter, clock=ctx.clock)
        self.engine.cool = lambda target, seconds, reason: ctx.ledger.set_cooling(
            target, ctx.clock.now() + seconds, reason
        )

    async def close(self) -> None:
        """Book what is on its way, close connections."""
        await self.till.close()
        await self.links.close()


def budgets(ctx: Context, selection: Selection) -> list[dict[str, object]]:
    """How much is left of every limit of this command, as `route` shows it."""
    from llmo.budget import limits
    from llmo.money import usd

    def dollars(amount: int | None) -> str | None:
        return None if amount is None else usd(amount)

    return [
        {
            "name": one.name,
            "window": one.window,
            "limit_usd": dollars(one.limit_usd),
            "spent_usd": dollars(one.spent),
            "held_usd": dollars(one.held),
            "left_usd": dollars(one.left),
            "limit_calls": one.limit_calls,
            "calls": one.calls,
            "left_calls": one.left_calls,
            "resets_at": one.resets_at,
        }
        for one in ctx.ledger.status(limits(ctx.profile, selection.max_cost), ctx.run_id)
    ]
