"""A chat: what was said so far, who answers next, and what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.cli import conversation, live, options
from llmo.cli.verdict import judged
from llmo.client import question as questions
from llmo.errors import Cancelled, LlmoError
from llmo.routing.refusals import require_candidates
from llmo.storage.archive import Archive, SavedTurn
from llmo.types.dataclass import replace
from llmo.types.messages import Message

if TYPE_CHECKING:
    from llmo.cli.commands.chat.flags import ChatFlags
    from llmo.cli.context import Context
    from llmo.cli.options import SelectionFlags
    from llmo.client.question import Question
    from llmo.engine.results import Result
    from llmo.routing.plan import Plan
    from llmo.types.money import Pico

PROBE = "hello"
"""A prompt that is only planned, to find out whether anybody would answer."""


class Chat:
    """
    A conversation that is being held, with one session for all of it: `--max-cost` caps the whole chat.

    `spent` is in picodollars, over the `answers` so far; `unpriced` counts those of unknown cost.
    """

    def __init__(self, ctx: Context, selection: SelectionFlags, flags: ChatFlags, system: str | None) -> None:
        self._ctx, self._flags = ctx, flags
        self.selection, self.system = selection, system
        self.talk = conversation.opened(ctx, flags.conversation, go_on=flags.go_on, no_log=flags.no_log)
        self.turns: list[SavedTurn] = []
        if self.talk.begun and self.talk.name is not None:
            self.turns = Archive(ctx.history).turns(self.talk.name)
        self.session = ctx.session(max_cost=selection.max_cost, allow_unpriced=selection.allow_unpriced, lasting=True)
        self.answers = self.unpriced = 0
        self.spent: Pico = 0

    def planned(self, selection: SelectionFlags) -> Plan:
        """Plan a prompt with a selection. Raises `LlmoError` if no model could answer it."""
        plan = self.session.plan(self._question(PROBE, selection))
        require_candidates(plan)
        return plan

    def restart(self) -> None:
        """Begin a new conversation with the same models."""
        self.talk = conversation.opened(self._ctx, None, go_on=False, no_log=self._flags.no_log)
        self.turns = []

    async def ask(self, prompt: str) -> int:
        """Print and save the answer to a prompt; return the exit code that it would have alone."""
        ctx = self._ctx
        total, _ = options.clocks(self.selection, ctx.profile)
        ctx.hurry(total)
        question = self._question(prompt, self.selection)
        plan = self.session.plan(question)
        require_candidates(plan)
        writer = live.writer(ctx, as_json=False, ndjson=False, markdown=self._flags.markdown)
        result = await live.answered(ctx, self.session, question, plan, writer)
        if result is None:
            return int(Cancelled().exit)
        if result.text and not (ctx.stdout_tty or result.text.endswith("\n")):
            ctx.out("\n")  # the next answer begins on its own line
        result = judged(result, strict=False, told=False)
        self._count(result)
        try:
            self._keep(question, plan, result)
        except LlmoError as exc:
            result = replace(result, warnings=(*result.warnings, f"the answer was not saved: {exc.message}"))
        return live.reported(ctx, result, plan)

    def _question(self, prompt: str, selection: SelectionFlags) -> Question:
        given = options.given(selection, self._flags.option)
        given["max_cost"] = None  # the session's
        before = self.talk.turns
        if self.system is not None:
            before = (Message("system", self.system), *(turn for turn in before if turn.role != "system"))
        asked = questions.question((*before, Message("user", prompt)), given, options.flags())
        return replace(asked, choice=self.talk.secluded(self._ctx, asked.choice))

    def _count(self, result: Result) -> None:
        self.answers += 1
        self.spent += result.cost or 0
        self.unpriced += result.cost is None

    def _keep(self, question: Question, plan: Plan, result: Result) -> None:
        """Add the new turns; without any text the prompt is dropped, as in `ask`."""
        if result.target is None or not result.text.strip():
            return
        talk, messages = self.talk, question.request.messages
        self.talk = replace(talk, begun=True, turns=(*messages, Message("assistant", result.text)))
        for message in messages[-1:] if talk.begun else messages:
            self._note_turn(message)
        self._note_turn(Message("assistant", result.text), result)
        talk.add(self._ctx, question, plan, result)

    def _note_turn(self, message: Message, result: Result | None = None) -> None:
        error = None if result is None or result.error is None else result.error.kind
        self.turns.append(
            SavedTurn(
                id="",
                role=message.role,
                text=message.text,
                at=self._ctx.clock.now(),
                target=None if result is None else str(result.target),
                cost=None if result is None else result.cost,
                error=error,
            )
        )
