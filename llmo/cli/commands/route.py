"""`llmo route`: the plan, nothing sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from llmo.cli.inputs import Inputs
from llmo.cli.options import SelectionFlags, command
from llmo.types import jsontext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmo.cli.context import Context


@command
def route(
    prompt: Annotated[
        str | None, typer.Argument(help="the prompt; - reads standard input", show_default=False, metavar="PROMPT")
    ] = None,
    *,
    selection: SelectionFlags,
    inputs: Inputs,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object", rich_help_panel="Output")] = False,
    probe: Annotated[
        bool, typer.Option("--probe", help="check whether each provider responds", rich_help_panel="Request")
    ] = False,
    rows: Annotated[
        str | None,
        typer.Option(
            "--rows",
            help="plan each prompt of a file (JSONL or lines; - for stdin)",
            metavar="FILE",
            rich_help_panel="Input",
        ),
    ] = None,
) -> int:
    """Show which model would answer and why, without sending anything."""
    from llmo.cli import inputs as prompts
    from llmo.cli import options
    from llmo.cli.context import current
    from llmo.cli.output import show_plan

    ctx = current()
    options.cap(selection)
    params = options.params(selection, inputs.option)
    if probe:
        from llmo.cli.readiness import examined

        ctx.online = True
        ctx.planner.unready.update({state.name: state.message for state in examined(ctx) if not state.ready})
    if rows is not None:
        return _rows(ctx, rows, selection, params)
    request = prompts.request(ctx, prompt, inputs, params=params)
    ctx.hurry(options.clocks(selection, ctx.profile)[0])
    return show_plan(ctx, ctx.planner.plan(request, options.choice(selection)), selection, as_json=as_json)


def _rows(ctx: Context, path: str, selection: SelectionFlags, params: object) -> int:
    """A plan a line, in order."""
    from llmo.cli import options
    from llmo.cli.wiring import budgets, means
    from llmo.engine.output_limits import decided
    from llmo.render import json_output
    from llmo.types.messages import Message, Params, Request

    assert isinstance(params, Params)
    choice, of = options.choice(selection), means(ctx, selection)
    left = budgets(of)
    for text in _prompts(ctx, path):
        plan = decided(ctx.planner.plan(Request((Message("user", text),), params), choice), of)
        ctx.json(json_output.plan(plan, left))
    return 0


def _prompts(ctx: Context, path: str) -> Iterator[str]:
    """The prompts of a file: `prompt` of JSON lines, else the lines. Raises `UsageError` naming a bad line."""
    from pathlib import Path

    from llmo.cli.inputs import read_text
    from llmo.errors import UsageError

    text = ctx.stdin.read() if path == "-" else read_text(Path(path), "--rows")
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        if not line.startswith("{"):
            yield line
            continue
        try:
            yield str(jsontext.read(line)["prompt"])
        except (ValueError, KeyError) as exc:
            raise UsageError(f"{path}:{number}: not a JSON object with `prompt`: {exc}") from None
