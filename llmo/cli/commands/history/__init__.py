"""`llmo history …`: saved prompts and answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from llmo.cli.app import LIST, Command, Listing, group
from llmo.cli.options import command


class Searching(Listing):
    """A list that may be searched: `llmo history rivers`."""

    def means_list(self, ctx: Any, args: list[str]) -> bool:
        """Whether anything but a subcommand or a wish for help is given."""
        return not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names)


app = group("List, search, show, rate, export and delete saved conversations.", Searching)

Id = Annotated[
    str | None,
    typer.Argument(help="a conversation or an answer; any clear part of the id", show_default=False, metavar="ID"),
]
Ids = Annotated[
    list[str] | None,
    typer.Argument(help="conversations; any clear part of each id", show_default=False, metavar="ID"),
]


@app.command(LIST, cls=Command)
@command
def listing(
    query: Annotated[
        list[str] | None,
        typer.Argument(help="words that all occur in the conversation", show_default=False, metavar="QUERY"),
    ] = None,
    *,
    conversation: Annotated[
        str | None,
        typer.Option(
            "--conversation", help="list the turns of this conversation", metavar="ID", rich_help_panel="Filter"
        ),
    ] = None,
    limit: Annotated[
        int,
        typer.Option("--limit", help="show at most this many (0: all)", metavar="N", min=0, rich_help_panel="Filter"),
    ] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="print a JSON list", rich_help_panel="Output")] = False,
) -> int:
    """List or search conversations, latest first."""
    from llmo.cli.commands.history import lists
    from llmo.cli.context import current

    ctx = current()
    words = " ".join(query or ())
    if conversation is not None:
        return lists.turns(ctx, conversation, words, limit=limit, as_json=as_json)
    return lists.conversations(ctx, words, limit=limit, as_json=as_json)


@app.command("show", cls=Command)
@command
def show(
    name: Id = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object", rich_help_panel="Output")] = False,
) -> int:
    """Show a conversation, the last one by default, or one answer with its prompt."""
    from llmo.cli.commands.history import texts
    from llmo.cli.context import current

    return texts.show(current(), name, as_json=as_json)


@app.command("export", cls=Command)
@command
def export(
    names: Ids = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="export all conversations", rich_help_panel="Filter")
    ] = False,
    form: Annotated[
        Literal["markdown", "json"],
        typer.Option(
            "--format", help="markdown, or json: one object per line", metavar="NAME", rich_help_panel="Output"
        ),
    ] = "markdown",
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            help="write to this file (default: standard output)",
            metavar="FILE",
            rich_help_panel="Output",
        ),
    ] = None,
) -> int:
    """Write conversations as Markdown or JSON lines."""
    from llmo.cli.commands.history import texts
    from llmo.cli.context import current

    return texts.export(current(), names or [], everything=everything, form=form, output=output)


@app.command("delete", cls=Command)
@command
def delete(
    names: Ids = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="delete all conversations and cached answers", rich_help_panel="Filter")
    ] = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="skip confirmation prompts", rich_help_panel="Run")] = False,
) -> int:
    """Delete conversations; their costs stay in the ledger."""
    from llmo.cli.commands.history import texts
    from llmo.cli.context import current

    return texts.delete(current(), names or [], everything=everything, yes=yes)


@app.command("rate", cls=Command)
@command
def rate(
    name: Annotated[
        str, typer.Argument(help="an answer, or a conversation for its last answer", show_default=False, metavar="ID")
    ],
    rating: Annotated[
        Literal["good", "bad"], typer.Argument(help="how it was: good or bad", show_default=False, metavar="RATING")
    ],
) -> int:
    """Say whether an answer was good or bad."""
    from llmo.cli.commands.history import texts
    from llmo.cli.context import current

    return texts.rate(current(), name, rating)
