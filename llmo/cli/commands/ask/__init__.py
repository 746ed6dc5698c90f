"""`llmo ask`: one prompt, one answer."""

from __future__ import annotations

from typing import Annotated

import typer

from llmo.cli.commands.ask.flags import AskOutput
from llmo.cli.inputs import Inputs
from llmo.cli.options import SelectionFlags, command


@command
def ask(
    prompt: Annotated[
        str | None, typer.Argument(help="the prompt; - reads standard input", show_default=False, metavar="PROMPT")
    ] = None,
    *,
    selection: SelectionFlags,
    inputs: Inputs,
    output: AskOutput,
) -> int:
    """Send one prompt and stream the answer."""
    from llmo.cli.context import current

    ctx = current()
    ctx.online = not output.dry_run
    if output.compare:
        from llmo.cli.commands.ask import compare as comparing

        return comparing.compare(ctx, prompt, selection=selection, inputs=inputs, output=output)
    from llmo.cli.commands.ask import run

    return run.ask(ctx, prompt, selection=selection, inputs=inputs, output=output)
