"""Reads the flags and inputs of one `llmo ask` into a planned question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.cli import conversation, options
from llmo.cli import inputs as prompts
from llmo.types.dataclass import dataclass, replace

if TYPE_CHECKING:
    from llmo.cli.commands.ask.flags import AskOutput
    from llmo.cli.context import Context
    from llmo.cli.conversation import Conversation
    from llmo.cli.inputs import Sources
    from llmo.cli.options import SelectionFlags
    from llmo.client.question import Question
    from llmo.client.session import Session
    from llmo.routing.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRequest:
    """A planned question with its session, its conversation, and how to print the answer."""

    question: Question
    plan: Plan
    session: Session
    conversation: Conversation
    output: AskOutput


def read(
    ctx: Context, prompt: str | None, *, selection: SelectionFlags, sources: Sources, output: AskOutput
) -> AskRequest:
    """Read the inputs and plan the question. Raises `LlmoError` if it cannot be asked."""
    total, _ = options.clocks(selection, ctx.profile)
    ctx.hurry(total)
    talk = conversation.opened(ctx, output.conversation, go_on=output.go_on, no_log=output.no_log)
    before = talk.turns
    if sources.has_system:
        before = tuple(turn for turn in before if turn.role != "system")
    question = prompts.question(ctx, prompt, sources, selection, before=before)
    question = replace(
        question,
        request=replace(question.request, stream=output.stream is not False),
        choice=talk.secluded(ctx, question.choice),
    )
    ctx.hurry(total)  # restarted: reading the prompt may have taken a while
    session = ctx.session(max_cost=selection.max_cost, allow_unpriced=selection.allow_unpriced)
    return AskRequest(question=question, plan=session.plan(question), session=session, conversation=talk, output=output)
