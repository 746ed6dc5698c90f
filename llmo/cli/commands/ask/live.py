"""Writes an answer as it arrives: raw text, Markdown, or JSON events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.client.session import QuestionEnded
from llmo.engine.progress import AttemptEnded, AttemptStarted
from llmo.engine.results import calls
from llmo.render import json_output
from llmo.render.stream import EventWriter, Markdown, Raw, Silent
from llmo.types.events import Reasoning, Text, ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.cli.commands.ask.flags import AskOutput
    from llmo.cli.context import Context
    from llmo.engine.progress import Progress
    from llmo.engine.results import Result
    from llmo.render.stream import Writer


class LiveAnswer:
    """
    Writes the events of `Session.run`; `result` is set once it has ended.

    A `whole` answer is written at its end, because a repair replaces everything that arrived before it.
    """

    def __init__(self, writer: Writer, *, whole: bool) -> None:
        self._writer, self._whole = writer, whole
        self.result: Result | None = None

    def __call__(self, event: Progress | QuestionEnded) -> None:
        """Write one event."""
        writer = self._writer
        match event:
            case Text(piece) if not self._whole:
                writer.text(piece)
            case Reasoning(piece):
                writer.reasoning(piece)
            case QuestionEnded(result):
                self.result = result
                if self._whole and result.text:
                    writer.text(result.text)
                writer.end()
            case _ if isinstance(writer, EventWriter):
                _told(event, writer)


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


def writer(ctx: Context, output: AskOutput) -> Writer:
    """Return the writer for the chosen output format."""
    if output.as_json:
        return Silent()
    if output.ndjson:
        return EventWriter(_put(ctx))
    fancy = ctx.stdout_tty and ctx.env.get("TERM") != "dumb"
    if output.markdown or (fancy and output.markdown is None):
        return Markdown(ctx.stdout, color=ctx.color, width=min(ctx.width, 100), terminal=ctx.stdout_tty)
    return Raw(ctx.stdout, clean=ctx.stdout_tty)


def _put(ctx: Context) -> Callable[[str], None]:
    """Return a function that writes JSON and flushes it at once."""

    def put(text: str) -> None:
        ctx.spelled(text)
        ctx.stdout.flush()

    return put
