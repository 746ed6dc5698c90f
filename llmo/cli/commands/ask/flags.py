"""Flags that only `llmo ask` has."""

from __future__ import annotations

from typing import Annotated

from llmo.cli import declared as typer
from llmo.types.dataclass import dataclass


@dataclass(frozen=True, kw_only=True)
class AskOutput:
    """How the answer is printed and saved."""

    go_on: Annotated[
        bool, typer.Option("-c", "--continue", help="continue the last conversation", rich_help_panel="Conversation")
    ] = False
    conversation: Annotated[
        str | None,
        typer.Option("--conversation", help="continue this conversation", metavar="ID", rich_help_panel="Conversation"),
    ] = None
    no_log: Annotated[
        bool, typer.Option("--no-log", help="do not save the prompt and the answer", rich_help_panel="Conversation")
    ] = False
    edit: Annotated[bool, typer.Option("--edit", help="write the prompt in $EDITOR", rich_help_panel="Input")] = False
    cache: Annotated[
        str | None,
        typer.Option(
            "--cache",
            help="reuse an answer to the same request, up to this age (7d)",
            metavar="TIME",
            rich_help_panel="Request",
        ),
    ] = None
    compare: Annotated[
        bool,
        typer.Option("--compare", help="send the prompt to every -m and compare the answers", rich_help_panel="Model"),
    ] = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="show the plan without sending anything", rich_help_panel="Request")
    ] = False
    stream: Annotated[
        bool | None,
        typer.Option(
            "--stream/--no-stream",
            help="print the answer as it arrives (default) or all at once",
            rich_help_panel="Output",
        ),
    ] = None
    markdown: Annotated[
        bool | None,
        typer.Option(
            "--markdown/--raw",
            help="render Markdown (default on a terminal) or print raw text",
            rich_help_panel="Output",
        ),
    ] = None
    as_json: Annotated[
        bool, typer.Option("--json", help="print one JSON object, also on failure", rich_help_panel="Output")
    ] = False
    ndjson: Annotated[bool, typer.Option("--ndjson", help="print events as JSON lines", rich_help_panel="Output")] = (
        False
    )
    strict: Annotated[
        bool,
        typer.Option("--strict", help="exit with 6 if the token limit cut off the answer", rich_help_panel="Output"),
    ] = False
