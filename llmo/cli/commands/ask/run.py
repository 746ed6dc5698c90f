"""What `llmo ask` does: plan, run, show, keep."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from llmo.cli import inputs as prompts
from llmo.cli import options, signals
from llmo.cli.durations import seconds
from llmo.cli.output import show_plan
from llmo.engine import output_limits
from llmo.engine.response import name
from llmo.engine.results import calls, tokens
from llmo.errors import BudgetExceeded, Cancelled, Incomplete, LlmoError, Unfinished, UsageError
from llmo.render import json_output, summary
from llmo.render.stream import EventWriter, Markdown, Raw, Silent
from llmo.routing.refusals import require_candidates
from llmo.types.events import Reasoning, Text, ToolCall
from llmo.types.format import dollars
from llmo.types.ids import ulid
from llmo.types.messages import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.cli.commands.ask import AskOutput
    from llmo.cli.context import Context
    from llmo.cli.inputs import Inputs
    from llmo.cli.options import SelectionFlags
    from llmo.engine.results import Result
    from llmo.engine.structured import Structured
    from llmo.render.stream import Writer
    from llmo.routing.plan import Plan
    from llmo.routing.planner import Selection
    from llmo.storage.history import Seclusion
    from llmo.types.jsontext import Json
    from llmo.types.messages import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRequest:
    """All that one `ask` needs once its inputs are read."""

    request: Request
    plan: Plan
    selection: SelectionFlags
    output: AskOutput
    conversation: str | None
    keep: bool


def ask(ctx: Context, prompt: str | None, *, selection: SelectionFlags, inputs: Inputs, output: AskOutput) -> int:
    """Answer on stdout; the exit code."""
    if output.as_json and output.ndjson:
        raise UsageError("--json and --ndjson exclude each other")
    options.cap(selection)
    total, _ = options.clocks(selection, ctx.profile)
    ctx.hurry(total)
    keep = ctx.profile.store_texts and not output.no_log
    conversation, before = _conversation(ctx, output, keep=keep)
    if inputs.system is not None:
        before = tuple(m for m in before if m.role != "system")
    request = prompts.request(ctx, prompt, inputs, params=options.params(selection, inputs.option), before=before)
    request = replace(request, stream=output.stream is not False)
    ctx.hurry(total)  # anew: the prompt may have taken its time
    plan = ctx.planner.plan(request, _choice(ctx, selection, output, conversation))
    if output.dry_run:
        return show_plan(ctx, plan, selection, as_json=output.as_json or output.ndjson)
    require_candidates(plan)
    question = AskRequest(
        request=request, plan=plan, selection=selection, output=output, conversation=conversation, keep=keep
    )
    return signals.run(_run(ctx, question))


def _conversation(ctx: Context, output: AskOutput, *, keep: bool) -> tuple[str | None, tuple[Message, ...]]:
    """The conversation's name and its turns so far."""
    name = output.conversation or (ctx.history.last() if output.go_on else None)
    if name:
        return name, ctx.history.messages(name)
    return (ulid(ctx.clock.now()) if keep else None), ()


def _choice(ctx: Context, selection: SelectionFlags, output: AskOutput, conversation: str | None) -> Selection:
    """What is asked for, and what an earlier turn made sure of: a conversation once private stays so."""
    chosen = options.choice(selection)
    known = conversation if output.go_on or output.conversation else None
    before = None if known is None else ctx.history.seclusion(known)
    if before is None:
        return chosen
    if before.asked and not chosen.private:
        chosen = replace(chosen, private=True, because=f"conversation {known} was begun as private")
    return replace(chosen, kinds=before.kinds)


async def _run(ctx: Context, question: AskRequest) -> int:
    from llmo.cli.wiring import CommandWiring, budgets, means
    from llmo.engine.job import Job
    from llmo.engine.structured import Structured
    from llmo.requests.validator import checked

    writer = _writer(ctx, question.output)
    if isinstance(writer, EventWriter):
        of = means(ctx, question.selection)
        writer.event("route", **json_output.plan(output_limits.decided(question.plan, of), budgets(of)))
    cache = _Cache(ctx, question)
    found = cache.find()
    if found is not None:
        result, data = found
        writer.text(result.text)
        writer.end()
        return _finish(ctx, question, result, data)
    schema = question.request.schema
    validator = None if schema is None else checked(schema)
    total, retries = options.clocks(question.selection, ctx.profile)
    wired = CommandWiring(ctx, question.selection)
    job = Job(
        request=question.request,
        plan=question.plan,
        run=ctx.run_id,
        tags=options.tags(question.selection),
        timeout=total,
        retries=retries,
    )
    answer = Structured(wired.engine, job, validator)
    try:
        await _show(answer, writer)
    except asyncio.CancelledError:
        # The signal's code takes the place of this one; what came is still shown and kept.
        pass
    finally:
        await wired.close()
    return _ended(ctx, question, answer, cache)


async def _show(answer: Structured, writer: Writer) -> None:
    """Pass the pieces on as they come; those of structured output at the end, for a repair makes them void."""
    from llmo.engine.progress import AttemptEnded, AttemptStarted

    whole = answer.validator is not None
    try:
        async with aclosing(answer.events()) as events:
            async for event in events:
                match event:
                    case Text(piece) if not whole:
                        writer.text(piece)
                    case Reasoning(piece):
                        writer.reasoning(piece)
                    case ToolCall() if isinstance(writer, EventWriter):
                        writer.event("tool_call", **calls((event,))[0])
                    case AttemptStarted(target, number, _) if isinstance(writer, EventWriter):
                        who = {"provider": target.provider, "model": target.model}
                        writer.event("attempt", number=number, **who, outcome="started")
                    case AttemptEnded(attempt) if isinstance(writer, EventWriter):
                        writer.event("attempt", **json_output.attempt(attempt))
    finally:
        if whole and answer.result is not None and answer.result.text:
            writer.text(answer.result.text)
        writer.end()


def _ended(ctx: Context, question: AskRequest, answer: Structured, cache: _Cache) -> int:
    """Finish with what there is; also when interrupted."""
    result = answer.result
    if result is None:
        return int(Cancelled().exit)
    told = question.output.as_json or question.output.ndjson
    result = judged(result, strict=question.output.strict, told=told)
    if result.ok:
        try:
            cache.keep(result, answer.data)
            _keep(ctx, question, result)
        except LlmoError as exc:
            # It is paid for: it is shown, whatever becomes of the copy.
            result = replace(result, warnings=(*result.warnings, f"the answer is not kept: {exc.message}"))
    return _finish(ctx, question, result, answer.data)


def judged(result: Result, *, strict: bool, told: bool) -> Result:
    """
    The result with what is to be said of the token limit (a warning, with --strict a failure), and of tools.

    Calls of tools that are `told` as JSON are an answer: who reads them can run them. Nobody else can.
    """
    if result.error is None and (result.tool_calls or result.finish == "tool_calls"):
        return result if told and result.tool_calls else replace(result, error=_called(result, told=told))
    cut = output_limits.cut(result)
    if result.error is not None or cut is None:
        return result
    error = Incomplete(cut, hint=output_limits.longer(result)) if strict else None
    return replace(result, warnings=(*result.warnings, cut), error=error)


def _called(result: Result, *, told: bool) -> Unfinished:
    names = ", ".join(dict.fromkeys(name(call.name) or "one without a name" for call in result.tool_calls))
    why = "the call is missing in the answer" if told else "ask runs none"
    hint = None if told else "--json shows the calls; without tools in the options the model answers in words"
    return Unfinished(f"the model called a tool ({names or 'which one is unknown'}), and {why}", hint=hint)


def _keep(ctx: Context, question: AskRequest, result: Result) -> None:
    """Write the new turns to the history."""
    if not question.keep or question.conversation is None or result.target is None:
        return
    if result.tool_calls and not result.text:
        return  # an empty turn would be refused when the conversation goes on
    messages = question.request.messages
    known = question.output.go_on or question.output.conversation
    new = messages[-1:] if known else messages
    ctx.history.append(
        question.conversation,
        [*(replace(m, images=()) for m in new), Message("assistant", result.text)],
        target=str(result.target),
        retention_days=ctx.profile.retention_days,
        private=_secluded(ctx, question),
    )


def _secluded(ctx: Context, question: AskRequest) -> Seclusion | None:
    """What makes the conversation private from now on."""
    from llmo.storage.history import Seclusion

    need = question.plan.requirements
    asked = question.selection.private or ctx.profile.privacy.local_only
    return Seclusion(asked, need.private_kinds) if need.private else None


def _finish(ctx: Context, question: AskRequest, result: Result, data: Json) -> int:
    """Say what came of it; the exit code."""
    output = question.output
    if output.as_json or output.ndjson:
        conversation = question.conversation if question.keep else None
        body = json_output.result(result, task=question.plan.task.name, data=data, conversation=conversation)
        if output.ndjson:
            body = {"event": "result", **body}
        ctx.json(body)
    ctx.stdout.flush()
    for line in summary.attempts(result) if result.ok or len(result.attempts) > 1 else ():
        ctx.note(f"llmo: tried {line}")
    for warning in result.warnings:
        ctx.note(f"llmo: warning: {warning}")
    if ctx.stderr_tty and result.attempts:
        ctx.note(summary.summary(result))
    return 0 if result.error is None else _failed(ctx, result.error, summary.unsure(result))


def _failed(ctx: Context, error: LlmoError, unsure: str | None) -> int:
    """Say why there is no answer; the exit code."""
    ctx.err(f"llmo: {error.message}")
    if isinstance(error, BudgetExceeded):
        ctx.refused(error.message)
    if hints := [hint for hint in (error.hint, unsure) if hint]:
        ctx.err(f"hint: {'; '.join(hints)}")
    return int(error.exit)


def _writer(ctx: Context, output: AskOutput) -> Writer:
    if output.as_json:
        return Silent()
    if output.ndjson:
        return EventWriter(_put(ctx))
    fancy = ctx.stdout_tty and ctx.env.get("TERM") != "dumb"
    if output.markdown or (fancy and output.markdown is None):
        return Markdown(ctx.stdout, color=ctx.color, width=min(ctx.width, 100), terminal=ctx.stdout_tty)
    return Raw(ctx.stdout, clean=ctx.stdout_tty)


def _put(ctx: Context) -> Callable[[str], None]:
    """Write JSON that is read as it comes."""

    def put(text: str) -> None:
        ctx.spelled(text)
        ctx.stdout.flush()

    return put


class _Cache:
    """Exact repeats, when `--cache` asks for them: only complete answers are kept."""

    def __init__(self, ctx: Context, question: AskRequest) -> None:
        age = question.output.cache
        self._ctx = ctx
        self._age = None if age is None else seconds("--cache", age)
        self._key = None if self._age is None else _key(question)

    def find(self) -> tuple[Result, Any] | None:
        """An answer bought earlier."""
        if self._key is None or self._age is None:
            return None
        found = self._ctx.history.cached(self._key, self._age)
        return None if found is None else _revived(found.body, self._ctx)

    def keep(self, result: Result, data: Json) -> None:
        """Keep a good answer."""
        if self._key is not None and result.complete and result.target is not None:
            body = {
                "text": result.text,
                "tool_calls": calls(result.tool_calls),
                "data": data,
                "target": [result.target.provider, result.target.model],
                "served_model": result.served.model,
                "finish": result.finish,
                "usage": tokens(result.usage),
                "cost": result.cost,
            }
            self._ctx.history.cache(self._key, body)


def _key(question: AskRequest) -> str:
    import hashlib

    request = question.request
    parts: list[Any] = [[str(c.target) for c in question.plan.ranked], repr(request.params), request.schema]
    parts += [[m.role, m.text, [hashlib.sha256(i.data).hexdigest() for i in m.images]] for m in request.messages]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _revived(body: dict[str, Any], ctx: Context) -> tuple[Result, Any]:
    from llmo.engine.results import Result
    from llmo.types.events import ServedBy, Usage
    from llmo.types.messages import Target

    saved = dollars(body["cost"])
    ctx.note(f"llmo: from the cache, saved {saved}")
    used = body["usage"]
    result = Result(
        id=ulid(ctx.clock.now()),
        error=None,
        text=body["text"],
        tool_calls=tuple(ToolCall(**call) for call in body.get("tool_calls", ())),
        reasoning="",
        target=Target(*body["target"]),
        served=ServedBy(model=body["served_model"]),
        finish=body["finish"],
        usage=None if used is None else Usage(**used),
        cost=0,
        cost_source="cached",
        reserved=0,
        total_s=0.0,
        first_token_s=0.0,
    )
    return result, body["data"]
