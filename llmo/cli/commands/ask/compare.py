"""What `llmo ask --compare` does: one prompt to several targets at once, their answers beside each other."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from llmo.cli import inputs as prompts
from llmo.cli import options, signals
from llmo.cli.commands.ask.verdict import judged
from llmo.cli.output import show_plan
from llmo.client.session import QuestionEnded
from llmo.engine.results import unsent
from llmo.errors import Cancelled, Exit, LlmoError, UsageError
from llmo.render import json_output, side_by_side, summary
from llmo.render.side_by_side import Side
from llmo.routing.refusals import require_candidates
from llmo.types.ids import ulid

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from llmo.cli.commands.ask.flags import AskOutput
    from llmo.cli.context import Context
    from llmo.cli.inputs import Inputs
    from llmo.cli.options import SelectionFlags
    from llmo.client.question import Question
    from llmo.client.session import Session
    from llmo.engine.progress import Progress
    from llmo.engine.results import Result
    from llmo.routing.plan import Plan
    from llmo.types.messages import Target

BLINK_S = 0.2
WORST = (Exit.CONFIG, Exit.BUDGET, Exit.FAILED, Exit.INCOMPLETE, Exit.TEMPORARY)
"""Exit codes from bad to less bad: what only a change mends before what may work later."""


@dataclass(slots=True)
class ComparedTarget:
    """One target, asked alone; `failure` when it can't be."""

    target: Target
    question: Question
    plan: Plan
    answer: Result | None = None
    failure: LlmoError | None = None
    done: bool = False

    @classmethod
    def planned(cls, session: Session, question: Question, target: Target) -> ComparedTarget:
        """The question to this target and no other."""
        question = replace(question, choice=replace(question.choice, models=(str(target),), first_only=True))
        return cls(target, question, session.plan(question))

    def check(self, session: Session) -> None:
        """Find out whether it can be asked."""
        try:
            require_candidates(self.plan)
            # Made now, so that it is no part of anybody's time.
            session.providers(self.target.provider)
        except LlmoError as exc:
            self.failure = exc

    async def run(self, session: Session) -> None:
        """Ask, to the end."""
        if self.failure is None:
            await session.run(self.question, self._emit, plan=self.plan)
        self.done = True

    def result(self, ctx: Context) -> Result:
        """What came of it."""
        return self.answer or unsent(ulid(ctx.clock.now()), self.failure or Cancelled(), self.target)

    def _emit(self, event: Progress | QuestionEnded) -> None:
        if isinstance(event, QuestionEnded):
            self.answer = event.result


def compare(ctx: Context, prompt: str | None, *, selection: SelectionFlags, inputs: Inputs, output: AskOutput) -> int:
    """Ask all targets; the exit code."""
    _refuse(output)
    targets = options.compared_targets(selection, ctx.profile)
    question = prompts.question(ctx, prompt, inputs, selection)
    request = replace(question.request, stream=output.stream is not False)
    question = replace(question, request=request, restart=True)
    ctx.hurry(question.timeout or ctx.profile.timeout)
    # Wired for many: whoever is refused money waits for the others to settle.
    session = ctx.session(max_cost=selection.max_cost, allow_unpriced=selection.allow_unpriced, width=len(targets))
    asked = [ComparedTarget.planned(session, question, target) for target in targets]
    if output.dry_run:
        money = session.allowance(question.tags)
        return max(show_plan(ctx, one.plan, money, as_json=output.as_json) for one in asked)
    return signals.run(_run(ctx, session, asked, output))


def _refuse(output: AskOutput) -> None:
    """Raise for flags that have no meaning for several answers."""
    single = {
        "--continue": output.go_on,
        "--conversation": output.conversation,
        "--cache": output.cache,
        "--ndjson": output.ndjson,
    }
    for flag, given in single.items():
        if given:
            raise UsageError(f"--compare and {flag} exclude each other")


async def _run(ctx: Context, session: Session, asked: list[ComparedTarget], output: AskOutput) -> int:
    for one in asked:
        one.check(session)
    try:
        async with _progress(ctx, asked), asyncio.TaskGroup() as group:
            for one in asked:
                group.create_task(one.run(session))
    except asyncio.CancelledError:
        # The signal's code takes the place of this one; what came is still shown.
        pass
    finally:
        await session.close()
    return _finish(ctx, asked, output)


@asynccontextmanager
async def _progress(ctx: Context, asked: list[ComparedTarget]) -> AsyncGenerator[None]:
    """One line on the terminal while nothing else is to be seen."""
    if ctx.quiet or not ctx.stderr_tty or ctx.env.get("TERM") == "dumb":
        yield
        return
    task = asyncio.create_task(_blink(ctx, asked))
    try:
        yield
    finally:
        task.cancel()
        ctx.stderr.write("\r\x1b[K")
        ctx.stderr.flush()


async def _blink(ctx: Context, asked: list[ComparedTarget]) -> None:
    began = asyncio.get_running_loop().time()
    while True:
        waiting = [str(one.target) for one in asked if not one.done]
        took = asyncio.get_running_loop().time() - began
        line = f"llmo: {len(asked) - len(waiting)} of {len(asked)} answered, {took:.0f} s: {', '.join(waiting)}"
        ctx.stderr.write(f"\r{side_by_side.wrapped(line, ctx.width - 1)[0]}\x1b[K")
        ctx.stderr.flush()
        await asyncio.sleep(BLINK_S)


def _finish(ctx: Context, asked: list[ComparedTarget], output: AskOutput) -> int:
    """Show all; the exit code."""
    results = [judged(one.result(ctx), strict=output.strict, told=output.as_json) for one in asked]
    if output.as_json:
        for one, result in zip(asked, results, strict=True):
            ctx.json(json_output.result(result, task=one.plan.task.name))
    else:
        ctx.show(_shown(ctx, results))
    ctx.stdout.flush()
    for result in results:
        _say(ctx, result)
    return worst(int(result.error.exit) for result in results if result.error)


def _shown(ctx: Context, results: list[Result]) -> str:
    sides = [Side(str(result.target), result.text) for result in results]
    if not ctx.stdout_tty:
        return f"{side_by_side.piped(sides)}{side_by_side.table(results)}"
    return f"{side_by_side.shown(sides, ctx.width)}\n{side_by_side.table(results, width=ctx.width, bold=ctx.color)}"


def _say(ctx: Context, result: Result) -> None:
    """What else is to be said of one."""
    who = result.target
    for line in summary.attempts(result) if result.ok or len(result.attempts) > 1 else ():
        ctx.note(f"llmo: tried {line}")
    for warning in result.warnings:
        ctx.note(f"llmo: warning: {who}: {warning}")
    if result.error is not None:
        ctx.failed(result.error, what=f"{who}: ")


def worst(codes: Iterable[int]) -> int:
    """The worst of several exit codes, 0 of none."""
    order = [int(code) for code in WORST]
    return min(codes, key=lambda code: order.index(code) if code in order else -1, default=int(Exit.OK))
