"""`llmo templates …`: prompts that are kept under a name."""

from __future__ import annotations

from typing import Annotated

import typer

from llmo.cli.app import LIST, Command, Listing, group
from llmo.cli.options import command

app = group("List, show and edit prompt templates.", Listing)

Template = Annotated[str, typer.Argument(help="a template, by name or path", metavar="NAME|PATH")]


@app.command(LIST, cls=Command)
@command
def listing(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="print a JSON list", rich_help_panel="Output")] = False,
) -> int:
    """List the templates of the folder."""
    from llmo.cli.commands.templates import run
    from llmo.cli.context import current

    return run.listing(current(), as_json=as_json)


@app.command("show", cls=Command)
@command
def show(template: Template) -> None:
    """Print a template as it is in its file."""
    from llmo.cli.commands.templates import run
    from llmo.cli.context import current

    run.show(current(), template)


@app.command("edit", cls=Command)
@command
def edit(template: Template) -> None:
    """Open a template, or a new one, in $VISUAL or $EDITOR, then check it."""
    from llmo.cli.commands.templates import run
    from llmo.cli.context import current

    run.edit(current(), template)


@app.command("path", cls=Command)
@command
def path(
    template: Annotated[
        str | None,
        typer.Argument(help="a template, by name or path", metavar="NAME|PATH", show_default=False),
    ] = None,
) -> None:
    """Print the path of the folder, or of one template."""
    from llmo.cli.commands.templates import run
    from llmo.cli.context import current

    run.path(current(), template)
