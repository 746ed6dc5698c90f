"""`llmo models`: which models there are, what they cost, and why one is not ready."""

from __future__ import annotations

from typing import Annotated

from llmo.cli import declared as typer
from llmo.cli.commands.models.listing import Filters
from llmo.cli.options import command
from llmo.types.dataclass import dataclass


@dataclass(frozen=True, kw_only=True)
class Updates:
    """What is updated before the list is shown."""

    refresh: Annotated[
        bool, typer.Option("--refresh", help="fetch the model list of each provider", rich_help_panel="Update")
    ] = False
    prices: Annotated[
        str | None,
        typer.Option(
            "--refresh-prices",
            help="install a newer price table (requires --sha256)",
            metavar="FILE",
            rich_help_panel="Update",
        ),
    ] = None
    sha256: Annotated[
        str | None,
        typer.Option(
            "--sha256",
            help="checksum of the price table, from a trusted source",
            metavar="HEX",
            rich_help_panel="Update",
        ),
    ] = None


@command
def models(
    query: Annotated[
        str | None, typer.Argument(help="words to search for", show_default=False, metavar="QUERY")
    ] = None,
    *,
    filters: Filters,
    updates: Updates,
    as_json: Annotated[bool, typer.Option("--json", help="print a JSON list", rich_help_panel="Output")] = False,
    names: Annotated[bool, typer.Option("--names", help="print one name per line", rich_help_panel="Output")] = False,
) -> int:
    """List models with prices, context and readiness."""
    from llmo.cli.commands.models import listing
    from llmo.cli.context import current
    from llmo.render import models as shown

    ctx = current()
    chosen = listing.chosen(ctx, filters)
    if updates.prices is not None or updates.sha256 is not None:
        from llmo.cli.commands.models import price_table

        price_table.install(ctx, updates.prices, updates.sha256)
    if updates.refresh:
        from llmo.cli.commands.models.refresh import ask_all

        ask_all(ctx, chosen)
    rows, retired = listing.listed(ctx, chosen, filters, query or "")
    if as_json:
        body = [shown.as_object(row) for row in rows]
        ctx.json(body)
    elif names:
        ctx.out("".join(f"{row.target}\n" for row in rows))
    else:
        from llmo.cli import pager

        pager.show(ctx, shown.as_table(rows, ctx.catalog.date, width=ctx.table_width, bold=ctx.stdout_color))
    listing.tell(ctx, rows, 0 if rows and (as_json or names) else retired, query or "")
    return 0
