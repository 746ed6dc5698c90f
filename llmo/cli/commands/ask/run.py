"""`llmo ask`: plans, asks, prints and saves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.cli import live, signals
from llmo.cli.commands.ask import question
from llmo.cli.commands.ask.cache import AskCache
from llmo.cli.output import explain, show_plan
from llmo.cli.verdict import judged
from llmo.engine.output_limits import decided
from llmo.errors import Cancelled, LlmoError, UsageError
from llmo.render import json_output
from llmo.render.stream import EventWriter
from llmo.routing.refusals import require_candidates
from llmo.types.dataclass import replace

if TYPE_CHECKING:
    from llmo.cli.commands.ask.flags import AskOutput
    from llmo.cli.commands.ask.question import AskRequest
    from llmo.cli.context import Context
    from llmo.cli.inputs import Sources
    from llmo.cli.options import SelectionFlags
    from llmo.engine.results import Result


def ask(ctx: Context, prompt: str | None, *, selection: SelectionFlags, sources: Sources, output: AskOutput) -> int:
    """Print the answer and return the exit code."""
    if output.as_json and output.ndjson:
        raise UsageError("--json and --ndjson cannot be combined")
    asked = question.read(ctx, prompt, selection=selection, sources=sources, output=output)
    if output.dry_run:
        money = asked.session.allowance(asked.question.tags)
        return show_plan(ctx, asked.plan, money, as_json=output.as_json or output.ndjson)
    explain(ctx, (asked.plan,))
    require_candidates(asked.plan)
    return signals.run(_run(ctx, asked))


async def _run(ctx: Context, asked: AskRequest) -> int:
    output, session = asked.output, asked.session
    writer = live.writer(ctx, as_json=output.as_json, ndjson=output.ndjson, markdown=output.markdown)
    if isinstance(writer, EventWriter):
        money = session.allowance(asked.question.tags)
        writer.event("route", **json_output.plan(decided(asked.plan, money), money.statuses))
    cache = AskCache(ctx, asked)
    found = cache.find()
    if found is not None:
        writer.text(found.text)
        writer.end()
        return _finish(ctx, asked, found)
    try:
        result = await live.answered(ctx, session, asked.question, asked.plan, writer)
    finally:
        await session.close()
    return _ended(ctx, asked, result, cache)


def _ended(ctx: Context, asked: AskRequest, result: Result | None, cache: AskCache) -> int:
    """Judge, save and print the result, which is partial after an interruption."""
    if result is None:
        return int(Cancelled().exit)
    told = asked.output.as_json or asked.output.ndjson
    result = judged(result, strict=asked.output.strict, told=told)
    try:
        cache.keep(result)
        asked.conversation.add(ctx, asked.question, asked.plan, result)
    except LlmoError as exc:
        # The answer is paid for, so print it even if it could not be saved.
        result = replace(result, warnings=(*result.warnings, f"the answer was not saved: {exc.message}"))
    return _finish(ctx, asked, result)


def _finish(ctx: Context, asked: AskRequest, result: Result) -> int:
    """Print the result, its attempts, warnings and cost; return the exit code."""
    output = asked.output
    if output.as_json or output.ndjson:
        name = asked.conversation.name if asked.conversation.keep else None
        body = json_output.result(result, task=asked.plan.task.name, conversation=name)
        if output.ndjson:
            body = {"event": "result", **body}
        ctx.json(body)
    return live.reported(ctx, result, asked.plan)
