"""What `llmo ask` does: plan, run, show, keep."""

from __future__ import annotations

import asyncio
import json
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
    from llmo.client.question import Question
    from llmo.client.session import Ended
    from llmo.engine.progress import Progress
    from llmo.engine.results import Result
    from llmo.render.stream import Writer
    from llmo.routing.plan import Plan
    from llmo.routing.planner import Selection
    from llmo.storage.history import Seclusion


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRequest:
    """All that one `ask` needs once its inputs are read."""

    question: Question
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
    question = options.question(selection, request, _choice(ctx, selection, output, conversation))
    plan = ctx.planner.plan(request, question.choice)
    if output.dry_run:
        return show_plan(ctx, plan, selection, as_json=output.as_json or output.ndjson)
    require_candidates(plan)
    asked = AskRequest(
        question=question, plan=plan, selection=selection, output=output, conversation=conversation, keep=keep
    )
    return signals.run(_run(ctx, asked))


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


async def _run(ctx: Context, asked: AskRequest) -> int:
    from llmo.cli.wiring import CommandWiring, budgets, means

    writer = _writer(ctx, asked.output)
    if isinstance(writer, EventWriter):
        of = means(ctx, asked.selection)
        writer.event("route", **json_output.plan(output_limits.decided(asked.plan, of), budgets(of)))
    cache = _Cache(ctx, asked)
    found = cache.find()
    if found is not None:
        writer.text(found.text)
        writer.end()
        return _finish(ctx, asked, found)
    shown = _Shown(writer, whole=asked.question.request.schema is not None)
    session = CommandWiring(ctx, asked.selection)
    try:
        await session.run(asked.question, shown, plan=asked.plan)
    except asyncio.CancelledError:
        # The signal's code takes the place of this one; what came is still shown and kept.
        pass
    finally:
        await session.close()
    return _ended(ctx, asked, shown.result, cache)


class _Shown:
    """Passes the pieces on as they come; those of structured output at the end, for a repair makes them void."""

    def __init__(self, writer: Writer, *, whole: bool) -> None:
        self._writer, self._whole = writer, whole
        self.result: Result | None = None

    def __call__(self, event: Progress | Ended) -> None:
        """Write one event."""
        from llmo.client.session import Ended

        match event:
            case Text(piece) if not self._whole:
                self._writer.text(piece)
            case Reasoning(piece):
                self._writer.reasoning(piece)
            case Ended(result):
                self.result = result
                if self._whole and result.text:
                    self._writer.text(result.text)
                self._writer.end()
            case _ if isinstance(self._writer, EventWriter):
                _told(event, self._writer)


def _told(event: Progress | Ended, writer: EventWriter) -> None:
    """Write what only programs are told."""
    from llmo.engine.progress import AttemptEnded, AttemptStarted

    match event:
        case ToolCall():
            writer.event("tool_call", **calls((event,))[0])
        case AttemptStarted(target, number, _):
            who = {"provider": target.provider, "model": target.model}
            writer.event("attempt", number=number, **who, outcome="started")
        case AttemptEnded(attempt):
            writer.event("attempt", **json_output.attempt(attempt))


def _ended(ctx: Context, asked: AskRequest, result: Result | None, cache: _Cache) -> int:
    """Finish with what there is; also when interrupted."""
    if result is None:
        return int(Cancelled().exit)
    told = asked.output.as_json or asked.output.ndjson
    result = judged(result, strict=asked.output.strict, told=told)
    if result.ok:
        try:
            cache.keep(result)
            _keep(ctx, asked, result)
        except LlmoError as exc:
            # It is paid for: it is shown, whatever becomes of the copy.
            result = replace(result, warnings=(*result.warnings, f"the answer is not kept: {exc.message}"))
    return _finish(ctx, asked, result)


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


def _keep(ctx: Context, asked: AskRequest, result: Result) -> None:
    """Write the new turns to the history."""
    if not asked.keep or asked.conversation is None or result.target is None:
        return
    if result.tool_calls and not result.text:
        return  # an empty turn would be refused when the conversation goes on
    messages = asked.question.request.messages
    known = asked.output.go_on or asked.output.conversation
    new = messages[-1:] if known else messages
    ctx.history.append(
        asked.conversation,
        [*(replace(m, images=()) for m in new), Message("assistant", result.text)],
        target=str(result.target),
        retention_days=ctx.profile.retention_days,
        private=_secluded(ctx, asked),
    )


def _secluded(ctx: Context, asked: AskRequest) -> Seclusion | None:
    """What makes the conversation private from now on."""
    from llmo.storage.history import Seclusion

    need = asked.plan.requirements
    private = asked.selection.private or ctx.profile.privacy.local_only
    return Seclusion(private, need.private_kinds) if need.private else None


def _finish(ctx: Context, asked: AskRequest, result: Result) -> int:
    """Say what came of it; the exit code."""
    output = asked.output
    if output.as_json or output.ndjson:
        conversation = asked.conversation if asked.keep else None
        body = json_output.result(result, task=asked.plan.task.name, conversation=conversation)
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

    def __init__(self, ctx: Context, asked: AskRequest) -> None:
        age = asked.output.cache
        self._ctx = ctx
        self._age = None if age is None else seconds("--cache", age)
        self._key = None if self._age is None else _key(asked)

    def find(self) -> Result | None:
        """An answer bought earlier."""
        if self._key is None or self._age is None:
            return None
        found = self._ctx.history.cached(self._key, self._age)
        return None if found is None else _revived(found.body, self._ctx)

    def keep(self, result: Result) -> None:
        """Keep a good answer."""
        if self._key is not None and result.complete and result.target is not None:
            body = {
                "text": result.text,
                "tool_calls": calls(result.tool_calls),
                "data": result.data,
                "target": [result.target.provider, result.target.model],
                "served_model": result.served.model,
                "finish": result.finish,
                "usage": tokens(result.usage),
                "cost": result.cost,
            }
            self._ctx.history.cache(self._key, body)


def _key(asked: AskRequest) -> str:
    import hashlib

    request = asked.question.request
    parts: list[Any] = [[str(c.target) for c in asked.plan.ranked], repr(request.params), request.schema]
    parts += [[m.role, m.text, [hashlib.sha256(i.data).hexdigest() for i in m.images]] for m in request.messages]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _revived(body: dict[str, Any], ctx: Context) -> Result:
    from llmo.engine.results import Result
    from llmo.types.events import ServedBy, Usage
    from llmo.types.messages import Target

    saved = dollars(body["cost"])
    ctx.note(f"llmo: from the cache, saved {saved}")
    used = body["usage"]
    return Result(
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
        data=body["data"],
    )
