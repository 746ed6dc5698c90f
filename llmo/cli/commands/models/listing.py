"""Which models `llmo models` lists: configured, found by the last refresh, known to the table; then filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from llmo.cli import declared as typer
from llmo.cli.known_providers import told_of
from llmo.config import parameters
from llmo.errors import ConfigError, UsageError
from llmo.render.models import Offer, SortStep
from llmo.types.dataclass import dataclass
from llmo.types.format import counted
from llmo.types.matching import literal, ranked
from llmo.types.messages import Target
from llmo.types.nearest import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from llmo.catalog.prices import Price
    from llmo.cli.context import Context


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What is listed, and in which order."""

    provider: Annotated[
        list[str] | None,
        typer.Option("--provider", help="only this provider (repeatable)", metavar="NAME", rich_help_panel="Filter"),
    ] = None
    everything: Annotated[
        bool, typer.Option("--all", help="also models that were retired", rich_help_panel="Filter")
    ] = False
    local: Annotated[bool, typer.Option("--local", help="only models on this machine", rich_help_panel="Filter")] = (
        False
    )
    ready: Annotated[
        bool, typer.Option("--ready", help="only models that are ready to use", rich_help_panel="Filter")
    ] = False
    max_price: Annotated[
        str | None,
        typer.Option(
            "--max-price",
            help="maximum price in dollars per million output tokens",
            metavar="USD",
            rich_help_panel="Filter",
        ),
    ] = None
    min_context: Annotated[
        int | None,
        typer.Option(
            "--min-context", help="minimum context window in tokens", metavar="N", min=1, rich_help_panel="Filter"
        ),
    ] = None
    supports: Annotated[
        list[str] | None,
        typer.Option(
            "--supports",
            help="vision, schema, tools or reasoning (repeatable)",
            metavar="ABILITY",
            rich_help_panel="Filter",
        ),
    ] = None
    sort: Annotated[
        Literal["price", "context", "name"] | None, typer.Option("--sort", help="sort order", rich_help_panel="Output")
    ] = None


ABILITIES = ("vision", "schema", "tools", "reasoning")


def chosen(ctx: Context, filters: Filters) -> list[str]:
    """The providers to list. Raises `ConfigError` for one that the profile doesn't have."""
    known = ctx.profile.providers
    for name in filters.provider or ():
        if name not in known:
            raise ConfigError(f"unknown provider: {name}", hint=suggestion(name, known, "providers of this profile"))
    return list(filters.provider or told_of(ctx))


def listed(ctx: Context, providers: Sequence[str], filters: Filters, query: str) -> tuple[list[Offer], int]:
    """
    Offers of these providers that pass the filters, and how many retired ones were left out.

    Those that are ready come first, best matches before others, unless another order is asked for.
    """
    tests = list(_tests(filters))
    offers = [offer for name in providers for offer in _offers(ctx, name) if all(test(offer) for test in tests)]
    found = _matching(offers, query)
    shown = [one for one in found if filters.everything or not one.retired]
    shown.sort(key=_ORDER[filters.sort] if filters.sort else lambda one: one.not_ready is not None)
    return shown, len(found) - len(shown)


def tell(ctx: Context, shown: Sequence[Offer], retired: int, query: str) -> None:
    """Say on stderr what is not listed, and how to see it."""
    gone = f"{counted(retired, 'retired models')} left out (--all)" if retired else ""
    if not shown:
        why = f"no models match: {query}" if query else "no models; fetch them with: llmo models --refresh"
        ctx.note(f"llmo: {'; '.join(filter(None, (why, gone)))}")
        return
    ready = sum(one.not_ready is None for one in shown)
    mixed = ctx.stdout_tty and 0 < ready < len(shown)
    near = "" if literal(query, _text(shown[0])) else f'no name has "{query}"; these are close'
    most = f"{ready:,} of {len(shown):,} models are ready (--ready)" if mixed else ""
    if told := "; ".join(filter(None, (near, most, gone))):
        ctx.note(f"llmo: {told}")


def _offers(ctx: Context, name: str) -> Iterator[Offer]:
    from llmo.config.addresses import on_this_machine
    from llmo.config.credentials import base_url, why_not_ready

    config = ctx.profile.providers[name]
    address = base_url(name, config, ctx.env)
    not_ready = why_not_ready(name, config, ctx.env)
    for model in ctx.names.of(name):
        target = Target(name, model)
        known = ctx.catalog.find(target, config, address)
        yield Offer(
            target=target,
            billing=known.billing,
            local=on_this_machine(config, address, model),
            not_ready=not_ready,
            **_rates(known.price),
            price_date=known.price_date,
            context=known.context,
            max_output=known.max_output,
            abilities=known.abilities,
            shutdown=known.shutdown,
            retired=known.retired(ctx.clock.now()),
            name=known.name,
            origin=known.origin,
            said=known.by_source,
        )


def _rates(price: Price | None) -> dict[str, Any]:
    if price is None:
        return {}
    return {
        "input": price.input,
        "output": price.output,
        "cached_input": price.cached_input,
        "cache_write": price.cache_write,
        "request": price.request,
        "steps": tuple(SortStep(above=above, input=at.input, output=at.output) for above, at in price.tiers),
        "source": price.source,
    }


def _tests(filters: Filters) -> Iterable[Callable[[Offer], bool]]:
    """A test for each filter that is set; what is unknown passes none."""
    if filters.local:
        yield lambda one: one.local
    if filters.ready:
        yield lambda one: one.not_ready is None
    if filters.max_price is not None:
        most = parameters.dollars(filters.max_price, "--max-price")
        yield lambda one: one.output is not None and one.output * 1_000_000 <= most
    if (least := filters.min_context) is not None:
        yield lambda one: one.context is not None and one.context >= least
    for ability in filters.supports or ():
        if ability not in ABILITIES:
            raise UsageError(f"unknown ability: {ability}", hint=suggestion(ability, ABILITIES, "abilities"))
        yield lambda one, ability=ability: one.abilities is not None and ability in one.abilities  # type: ignore[misc]  # bound early


def _matching(offers: list[Offer], query: str) -> list[Offer]:
    """Offers that match, best first."""
    return [offers[place] for place in ranked(query, list(map(_text, offers)))]


def _text(of: Offer) -> str:
    return f"{of.target}\n{of.name or ''}"


_UNKNOWN = 2**63
_ORDER: dict[str, Callable[[Offer], Any]] = {
    "price": lambda one: (_UNKNOWN if one.output is None else one.output, one.input or 0, str(one.target)),
    "context": lambda one: (-(one.context or 0), str(one.target)),
    "name": lambda one: str(one.target),
}
