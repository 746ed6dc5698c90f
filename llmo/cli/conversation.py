"""The conversation that a question belongs to: earlier turns, privacy, and saving the new turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.storage.history import PrivacyReason
from llmo.types.dataclass import dataclass, replace
from llmo.types.format import counted
from llmo.types.ids import ulid
from llmo.types.messages import Message

if TYPE_CHECKING:
    from llmo.cli.context import Context
    from llmo.client.question import Question
    from llmo.engine.results import Result
    from llmo.routing.plan import Plan
    from llmo.routing.planner import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """
    A conversation, new or continued.

    `name` is None if nothing of it will be saved; a continued one was `begun` earlier and has `turns`.
    """

    name: str | None
    begun: bool
    keep: bool
    turns: tuple[Message, ...] = ()

    def secluded(self, ctx: Context, choice: Selection) -> Selection:
        """Apply the privacy of earlier turns: a conversation that was private once stays private."""
        before = ctx.history.privacy_reason(self.name) if self.begun and self.name is not None else None
        if before is None:
            return choice
        if before.asked and not choice.private:
            choice = replace(choice, private=True, because=f"conversation {self.name} is private")
        return replace(choice, kinds=before.kinds)

    def add(self, ctx: Context, question: Question, plan: Plan, result: Result) -> None:
        """
        Save the new turns in the history, those of a failed request too if any text was received.

        Without text nothing is saved: providers refuse an empty turn when the conversation continues.
        """
        if not self.keep or self.name is None or result.target is None or not result.text.strip():
            return
        messages = question.request.messages
        new = messages[-1:] if self.begun else messages
        need = plan.requirements
        asked = question.choice.private or ctx.profile.privacy.local_only
        ctx.history.append(
            self.name,
            [*(replace(m, images=()) for m in new), Message("assistant", result.text)],
            target=str(result.target),
            retention_days=ctx.profile.retention_days,
            private=PrivacyReason(asked, need.private_kinds) if need.private else None,
            error=None if result.error is None else result.error.kind,
            cost=result.cost,
        )


def opened(ctx: Context, name: str | None, *, go_on: bool, no_log: bool) -> Conversation:
    """
    Return the conversation to continue, or a new one.

    `name` is an id or a part of one; `go_on` continues the last conversation and says which that is. Raises
    `UsageError` if there is none to continue.
    """
    keep = ctx.profile.store_texts and not no_log
    if name:
        name = ctx.history.resolve(name)
    elif go_on:
        name = ctx.history.last()
        ctx.note(f"llmo: continuing {_described(ctx, name)}")
    if name:
        turns = ctx.history.messages(name)
        if failure := ctx.history.failure(name):
            ctx.note(f"llmo: the last answer of this conversation is incomplete ({failure}); continuing after its text")
        return Conversation(name=name, begun=True, keep=keep, turns=turns)
    return Conversation(name=ulid(ctx.clock.now()) if keep else None, begun=False, keep=keep)


def _described(ctx: Context, name: str) -> str:
    """A conversation as its owner remembers it: when it was, and how it began."""
    from llmo.render.history import age, clipped, line
    from llmo.storage.archive import Archive

    turns = Archive(ctx.history).turns(name)
    asked = next((one.text for one in turns if one.role == "user"), "")
    ago = age(ctx.clock.now() - turns[-1].at)
    return f'conversation {name} ({counted(len(turns), "turns")}, {ago} ago): "{clipped(line(asked), 40)}"'
