"""`llmo route --rows`: one plan for each prompt of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.client.question import Question
from llmo.engine.output_limits import decided
from llmo.errors import UsageError
from llmo.types import jsontext
from llmo.types.messages import Message, Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmo.cli.context import Context
    from llmo.cli.inputs import Inputs
    from llmo.cli.options import SelectionFlags


def planned(ctx: Context, path: str, selection: SelectionFlags, inputs: Inputs) -> int:
    """Print one plan per line, in the order of the prompts."""
    from llmo.cli.output import tell_nobody
    from llmo.render import json_output

    session = ctx.session(max_cost=selection.max_cost, allow_unpriced=selection.allow_unpriced)
    plan = money = None
    for question in questions(ctx, path, selection, inputs):
        money = money or session.allowance(question.tags)
        plan = decided(session.plan(question), money)
        ctx.json(json_output.plan(plan, money.statuses))
    if plan is not None:
        tell_nobody(ctx, plan)
    return 0


def questions(ctx: Context, path: str, selection: SelectionFlags, inputs: Inputs) -> Iterator[Question]:
    """Yield a question for each prompt of a file. Raises `UsageError` with the bad line."""
    from llmo.cli import options

    if inputs.template is not None:
        raise UsageError("--rows and --template cannot be combined")
    params, choice = options.params(selection, inputs.option), options.choice(selection)
    for text in _prompts(ctx, path):
        yield Question(request=Request((Message("user", text),), params), choice=choice)


def _prompts(ctx: Context, path: str) -> Iterator[str]:
    """Yield the prompts of a file: `prompt` of JSON lines, or plain lines. Raises `UsageError` with the bad line."""
    from llmo.cli import files

    for number, line in enumerate(files.lines(ctx, path, "--rows"), 1):
        if not line.strip():
            continue
        if not line.startswith("{"):
            yield line
            continue
        try:
            yield str(jsontext.read(line)["prompt"])
        except (ValueError, KeyError) as exc:
            raise UsageError(f"{files.shown(path)}:{number}: not a JSON object with `prompt`: {exc}") from None
