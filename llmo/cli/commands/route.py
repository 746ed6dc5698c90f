"""`llmo route`: shows the plan without sending anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from llmo.cli.inputs import Inputs, Words, joined, opened
from llmo.cli.options import SelectionFlags, command
from llmo.types import jsontext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmo.cli.context import Context


@command
def route(
    words: Words = None,
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
    labelled: Annotated[
        str | None,
        typer.Option(
            "--eval",
            help="score the classifier on labelled prompts (JSONL)",
            metavar="FILE",
            rich_help_panel="Input",
        ),
    ] = None,
) -> int:
    """Show which model would answer and why, without sending anything."""
    from llmo.cli import inputs as prompts
    from llmo.cli.context import current
    from llmo.cli.output import show_plan

    ctx = current()
    sources, selection = opened(ctx, inputs, selection)
    if probe:
        from llmo.cli.readiness import examined

        ctx.online = True
        ctx.planner.rule_out({state.name: state.message for state in examined(ctx) if not state.ready})
    if labelled is not None:
        return _evaluate(ctx, labelled, as_json=as_json)
    if rows is not None:
        return _rows(ctx, rows, selection, inputs)
    question = prompts.question(ctx, joined(words), sources, selection)
    ctx.hurry(question.timeout or ctx.profile.timeout)
    session = ctx.session(max_cost=selection.max_cost, allow_unpriced=selection.allow_unpriced)
    return show_plan(ctx, session.plan(question), session.allowance(question.tags), as_json=as_json)


def _rows(ctx: Context, path: str, selection: SelectionFlags, inputs: Inputs) -> int:
    """Print one plan per line, in the order of the prompts."""
    from llmo.cli import options
    from llmo.cli.output import tell_nobody
    from llmo.client.question import Question
    from llmo.engine.output_limits import decided
    from llmo.errors import UsageError
    from llmo.render import json_output
    from llmo.types.messages import Message, Request

    if inputs.template is not None:
        raise UsageError("--rows and --template cannot be combined")
    params, choice = options.params(selection, inputs.option), options.choice(selection)
    session = ctx.session(max_cost=selection.max_cost, allow_unpriced=selection.allow_unpriced)
    money = session.allowance(choice.tags)
    plan = None
    for text in _prompts(ctx, path):
        question = Question(request=Request((Message("user", text),), params), choice=choice)
        plan = decided(session.plan(question), money)
        ctx.json(json_output.plan(plan, money.statuses))
    if plan is not None:
        tell_nobody(ctx, plan)
    return 0


def _prompts(ctx: Context, path: str) -> Iterator[str]:
    """Yield the prompts of a file: `prompt` of JSON lines, or plain lines. Raises `UsageError` with the bad line."""
    from llmo.cli import files
    from llmo.errors import UsageError

    text = files.read_text(ctx, path, "--rows")
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


def _evaluate(ctx: Context, path: str, *, as_json: bool) -> int:
    """Score the classifier on labelled prompts. Bad lines are named and left out, and make the exit code 2."""
    from time import thread_time

    from llmo.cli import files
    from llmo.errors import Exit, UsageError
    from llmo.render import evaluation as rendered
    from llmo.routing.evaluation import evaluate, parsed

    known, bad = [], 0
    for number, line in enumerate(files.read_text(ctx, path, "--eval").split("\n"), 1):
        if line.strip():
            try:
                known.append(parsed(line))
            except ValueError as exc:
                bad += 1
                ctx.err(f"llmo: {files.shown(path)}:{number}: {exc}")
    if not known:
        raise UsageError(
            f"--eval: no labelled prompt in {files.shown(path)}",
            hint='one JSON object a line, such as {"prompt": "…", "task": "simple"}',
        )
    found = evaluate(known, thread_time)
    if as_json:
        ctx.json(rendered.json(found, bad))
    else:
        ctx.show(rendered.text(found))
    return int(Exit.USAGE) if bad else 0
