"""`llmo ask`: one prompt, one answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from llmo.cli.inputs import Inputs
from llmo.cli.options import SelectionFlags, command


@dataclass(frozen=True, kw_only=True)
class AskOutput:
    """How the answer is shown and kept."""

    go_on: Annotated[bool, typer.Option("-c", "--continue", help="Continue the last conversation.")] = False
    conversation: Annotated[
        str | None, typer.Option("--conversation", help="Continue this conversation.", metavar="ID")
    ] = None
    no_log: Annotated[bool, typer.Option("--no-log", help="Keep no texts of this call.")] = False
    cache: Annotated[
        str | None,
        typer.Option("--cache", help="Take the answer to the same request of at most this age.", metavar="DURATION"),
    ] = None
    compare: Annotated[
        bool, typer.Option("--compare", help="Ask every -m at once and show the answers beside each other.")
    ] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, send nothing.")] = False
    stream: Annotated[
        bool | None, typer.Option("--stream/--no-stream", help="Show the answer as it comes (default) or at its end.")
    ] = None
    markdown: Annotated[
        bool | None,
        typer.Option("--markdown/--raw", help="Render markdown (default on a terminal) or show the text as it is."),
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, also on failure.")] = False
    ndjson: Annotated[bool, typer.Option("--ndjson", help="Print events as JSON lines.")] = False
    strict: Annotated[bool, typer.Option("--strict", help="Exit 6 when the token limit cut the answer.")] = False


@command
def ask(
    prompt: Annotated[
        str | None, typer.Argument(help="The prompt; `-` reads standard input.", show_default=False)
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
