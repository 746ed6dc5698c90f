"""`llmo completion …`: scripts for shells, where they go, and the words that they offer."""

from __future__ import annotations

from typing import Annotated

import typer

from llmo.cli.app import Command, group
from llmo.cli.commands.completion.places import Shell
from llmo.cli.options import command

app = group("Set up Tab completion in your shell.")

OfShell = Annotated[Shell, typer.Argument(help="bash, zsh, fish or powershell", metavar="SHELL")]


@app.command("show", cls=Command)
@command
def show(shell: OfShell) -> None:
    """Print the completion script of a shell."""
    from llmo.cli.commands.completion import places
    from llmo.cli.context import current

    current().out(places.script(shell))


@app.command("install", cls=Command)
@command
def install(
    shell: OfShell,
    *,
    uninstall: Annotated[bool, typer.Option("--uninstall", help="remove it again")] = False,
) -> None:
    """Put the completion script where the shell looks; edits no file of yours."""
    from llmo.cli.commands.completion import places
    from llmo.cli.context import current

    ctx = current()
    if uninstall:
        places.remove(ctx, shell)
    else:
        places.install(ctx, shell)


@app.command("words", cls=Command)
@command
def words(
    lists: Annotated[
        list[str],
        typer.Argument(help="lists to print, such as ready or aliases", metavar="LIST", show_default=False),
    ],
) -> None:
    """Print what Tab offers: a name and what it is, with a tab between."""
    from llmo.cli.context import current
    from llmo.cli.tab_words import offered

    ctx = current()
    ctx.out("".join(f"{word.name}\t{word.about}\n" for word in offered(ctx, lists)))
