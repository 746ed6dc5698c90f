"""`llmo models`: what can be asked, what it costs, and why it can't be asked yet."""

from __future__ import annotations

from typing import Annotated

import typer

from llmo.cli.commands.models.listing import Filters
from llmo.cli.options import command


@command
def models(
    query: Annotated[str | None, typer.Argument(help="Words to look for.", show_default=False)] = None,
    *,
    filters: Filters,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask each provider; otherwise no network.")] = False,
    prices: Annotated[
        str | None,
        typer.Option(
            "--refresh-prices", help="Use this newer price table from now on; needs --sha256.", metavar="FILE"
        ),
    ] = None,
    sha256: Annotated[
        str | None, typer.Option("--sha256", help="Checksum of the table, from where you trust it.", metavar="HEX")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
    names: Annotated[bool, typer.Option("--names", help="Print names, one a line.")] = False,
) -> int:
    """List models with prices, context and readiness."""
    from llmo.cli.commands.models import listing
    from llmo.cli.context import current
    from llmo.render import models as shown

    ctx = current()
    chosen = listing.chosen(ctx, filters)
    if prices is not None or sha256 is not None:
        from llmo.cli.commands.models import price_table

        price_table.install(ctx, prices, sha256)
    if refresh:
        from llmo.cli.commands.models.refresh import ask_all

        ask_all(ctx, chosen)
    rows = listing.listed(ctx, chosen, filters, query or "")
    if as_json:
        body = [shown.as_object(row) for row in rows]
        ctx.json(body)
    elif names:
        ctx.out("".join(f"{row.target}\n" for row in rows))
    else:
        ctx.show(shown.as_table(rows, ctx.catalog.date, bold=ctx.stdout_tty and ctx.color))
    if not rows and not as_json:
        ctx.note("no models: llmo models --refresh asks the providers" if not query else f"no models match: {query}")
    return 0
