"""Flags that only `llmo chat` has."""

from __future__ import annotations

from typing import Annotated

from llmo.cli import declared as typer
from llmo.types.dataclass import dataclass


@dataclass(frozen=True, kw_only=True)
class ChatFlags:
    """Which conversation it is, and how answers are printed."""

    go_on: Annotated[
        bool, typer.Option("-c", "--continue", help="continue the last conversation", rich_help_panel="Conversation")
    ] = False
    conversation: Annotated[
        str | None,
        typer.Option("--conversation", help="continue this conversation", metavar="ID", rich_help_panel="Conversation"),
    ] = None
    no_log: Annotated[
        bool, typer.Option("--no-log", help="do not save the prompts and answers", rich_help_panel="Conversation")
    ] = False
    system: Annotated[
        str | None,
        typer.Option(
            "-s",
            "--system",
            help="system prompt; @FILE reads it from a file",
            metavar="TEXT|@FILE",
            rich_help_panel="Input",
        ),
    ] = None
    option: Annotated[
        list[str] | None,
        typer.Option(
            "-o",
            "--option",
            help="parameter passed to the provider unchanged (repeatable)",
            metavar="KEY=VALUE",
            rich_help_panel="Parameters",
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
