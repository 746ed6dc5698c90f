"""Writes an answer as it arrives: raw text, Markdown, or JSON events."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from llmo.cli import keyboard
from llmo.cli.waiting import WaitingLine
from llmo.client.session import QuestionEnded
from llmo.engine.progress import AttemptEnded, AttemptStarted
from llmo.engine.results import calls
from llmo.render import explained, json_output, summary
from llmo.render.live_markdown import WIDEST, LiveMarkdown
from llmo.render.stream import EventWriter, Markdown, Raw, Silent
from llmo.types import jsontext
from llmo.types.events import Reasoning, Text, ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from llmo.cli.context import Context, GivesWay
    from llmo.client.question import Question
    from llmo.client.session import Session
    from llmo.engine.progress import Progress
    from llmo.engine.results import Result
    from llmo.render.stream import Writer
    from llmo.routing.plan import Plan


class LiveAnswer:
    """
    Writes the events of `Session.run`; `result` is set once it has ended.

    A `whole` answer is written at its end, because a repair replaces everything that arrived before it.
    """

    def __init__(
        self, writer: Writer, waiting: WaitingLine, *, whole: bool, tell: Callable[[Progress | QuestionEnded], None]
    ) -> None:
        """`tell` hears of each event before it is written."""
        self._writer, self._waiting, self._whole, self._tell = writer, waiting, whole, tell
        self.result: Result | None = None

    def __call__(self, event: Progress | QuestionEnded) -> None:
        """Write one event."""
        writer = self._writer
        if isinstance(event, AttemptStarted):
            self._waiting.name = str(event.target)
            _prepare(writer)
        self._tell(event)
        match event:
            case Text(piece) if not self._whole:
                self._first_token(Silent)
                writer.text(piece)
            case Reasoning(piece):
                self._first_token(Silent, Raw)
                writer.reasoning(piece)
            case QuestionEnded(result):
                self._waiting.stop()
                self.result = result
                if self._whole and result.text:
                    # Who pipes it into a program wants the JSON alone; events and --json have the text as it came.
                    mended = result.repaired == "local" and not isinstance(writer, EventWriter)
                    writer.text(jsontext.write(result.data) if mended else result.text)
                writer.end()
            case _ if isinstance(writer, EventWriter):
                _told(event, writer)

    def _first_token(self, *silent: type[Writer]) -> None:
        """Take the waiting line away, unless the writer shows nothing of this token."""
        if not isinstance(self._writer, silent):
            self._waiting.stop()


def _told(event: Progress | QuestionEnded, writer: EventWriter) -> None:
    """Write an event that only programs see."""
    match event:
        case ToolCall():
            writer.event("tool_call", **calls((event,))[0])
        case AttemptStarted(target, number, _):
            who = {"provider": target.provider, "model": target.model}
            writer.event("attempt", number=number, **who, outcome="started")
        case AttemptEnded(attempt):
            writer.event("attempt", **json_output.attempt(attempt))


async def answered(ctx: Context, session: Session, question: Question, plan: Plan, writer: Writer) -> Result | None:
    """
    Ask, and write the answer as it arrives; return the result, partial if a signal interrupted it.

    None if it was interrupted before anything came of it.
    """
    waiting = WaitingLine(ctx, then=on_terminal(writer))
    answer = LiveAnswer(writer, waiting, whole=question.request.schema is not None, tell=lambda event: told(ctx, event))
    try:
        with keyboard.unseen(terminal(ctx), moved(writer)):
            async with waiting:
                await session.run(question, answer, plan=plan)
    except asyncio.CancelledError:
        # The signal decides the exit code; a partial answer is still printed.
        pass
    return answer.result


def reported(ctx: Context, result: Result, plan: Plan) -> int:
    """Print what is to be said of a result beside its text: attempts, warnings, cost, error; return the exit code."""
    ctx.stdout.flush()
    if ctx.stderr_tty and not ctx.verbose and (passed := explained.passed_over(plan, result)):
        ctx.note(f"llmo: {passed}")
    tried(ctx, result)
    for warning in result.warnings:
        ctx.note(f"llmo: warning: {warning}")
    if ctx.stderr_tty and result.attempts:
        ctx.note(summary.summary(result))
    return 0 if result.error is None else ctx.failed(result.error, unsure=summary.unsure(result))


def tried(ctx: Context, result: Result) -> None:
    """Say what failed before the answer came; -v has said it when it happened."""
    for line in () if ctx.verbose else summary.attempts(result):
        ctx.note(f"llmo: tried {line}")


def told(ctx: Context, event: Progress | QuestionEnded) -> None:
    """With -v, say that an attempt begins or how it ended."""
    if isinstance(event, AttemptStarted):
        ctx.told(explained.started(event))
    if isinstance(event, AttemptEnded):
        ctx.told(explained.ended(event.attempt))


def writer(ctx: Context, *, as_json: bool, ndjson: bool, markdown: bool | None) -> Writer:
    """Return the writer for the chosen output format."""
    if as_json:
        return Silent()
    if ndjson:
        return EventWriter(_put(ctx))
    if markdown is not False and (size := ctx.stdout_size):
        return LiveMarkdown(ctx.stdout, size, color=ctx.color)
    if markdown:
        escapes = ctx.stdout_color or (ctx.stdout_tty and ctx.env.get("TERM") != "dumb")
        return Markdown(ctx.stdout, color=ctx.color, width=min(ctx.width, WIDEST), terminal=escapes)
    # Where the cursor can't be moved, words that appear at once can't be restyled later.
    return Raw(ctx.stdout, clean=ctx.stdout_tty)


def terminal(ctx: Context) -> TextIO | None:
    """Return the terminal whose lines llmo erases and writes anew, if there is one."""
    return ctx.stdout if ctx.stdout_size else ctx.stderr if ctx.stderr_size else None


def _prepare(writer: Writer) -> None:
    """Import what the first finished block needs while the model is awaited, once the request is on its way."""
    if isinstance(writer, LiveMarkdown):
        loop = asyncio.get_running_loop()
        loop.call_later(0.1, lambda: loop.run_in_executor(None, import_module, "llmo.render.rich_markdown"))


def on_terminal(writer: Writer) -> GivesWay | None:
    """Return the writer if lines of others must not stand in the midst of what it has written."""
    return writer if isinstance(writer, LiveMarkdown | Raw) else None


def moved(writer: Writer) -> Callable[[], None]:
    """Return what tells the writer that others have written to its terminal."""
    return writer.displaced if isinstance(writer, LiveMarkdown) else lambda: None


def _put(ctx: Context) -> Callable[[str], None]:
    """Return a function that writes JSON and flushes it at once."""

    def put(text: str) -> None:
        ctx.spelled(text)
        ctx.stdout.flush()

    return put
