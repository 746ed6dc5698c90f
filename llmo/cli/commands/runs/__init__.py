"""`llmo runs …`: batch runs of this machine, and those at the vendors' batch services."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from llmo.cli.app import LIST, Command, Listing, group
from llmo.cli.options import command

app = group("List, show, fetch, cancel and resume batch runs.", Listing)

Run = Annotated[
    str,
    typer.Argument(help="a run: its id, the beginning of one, or its name", show_default=False, metavar="ID"),
]


@app.command(LIST, cls=Command)
@command
def listing(
    *,
    limit: Annotated[
        int,
        typer.Option("--limit", help="show at most this many (0: all)", metavar="N", min=0, rich_help_panel="Filter"),
    ] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="print a JSON list", rich_help_panel="Output")] = False,
) -> int:
    """List batch runs, latest first, with their state and cost."""
    from llmo.cli.commands.runs import lists
    from llmo.cli.context import current

    return lists.listing(current(), limit=limit, as_json=as_json)


@app.command("show", cls=Command)
@command
def show(
    run: Run,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object", rich_help_panel="Output")] = False,
) -> int:
    """Show a run: its command, files, batches and cost."""
    from llmo.cli.commands.runs import lists
    from llmo.cli.context import current

    return lists.show(current(), run, as_json=as_json)


@app.command("fetch", cls=Command)
@command
def fetch(
    run: Run,
    *,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            help="file to append results to (default: that of the run)",
            metavar="FILE",
            rich_help_panel="Output",
        ),
    ] = None,
    output_format: Annotated[
        Literal["jsonl", "csv", "parquet", "openai-batch"] | None,
        typer.Option("--output-format", help="format of the output (default: from its name)", rich_help_panel="Output"),
    ] = None,
) -> int:
    """Fetch what a deferred run has got until now."""
    from llmo.cli.commands.runs import fetching
    from llmo.cli.context import current

    return fetching.fetch(current(), run, output=output, shape=output_format)


@app.command("cancel", cls=Command)
@command
def cancel(run: Run) -> int:
    """Cancel the batches of a run, or interrupt a run of this machine."""
    from llmo.cli.commands.runs import fetching
    from llmo.cli.context import current

    return fetching.cancel(current(), run)


@app.command("resume", cls=Command)
@command
def resume(run: Run) -> int:
    """Run the command of a run again, which continues it."""
    from llmo.cli.commands.runs import resuming
    from llmo.cli.context import current

    return resuming.resume(current(), run)
