"""`llmo ask --compare`: sends one prompt to several targets at once and shows the answers side by side."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from llmo.cli import inputs as prompts
from llmo.cli import live, options, signals
from llmo.cli.output import explain, show_plan
from llmo.cli.verdict import judged
from llmo.client.session import QuestionEnded
from llmo.engine.results import unsent
from llmo.errors import Cancelled, Exit, LlmoError, UsageError
from llmo.render import json_output, side_by_side
from llmo.render.side_by_side import Side
from llmo.routing.refusals import require_candidates
from llmo.types.dataclass import dataclass, replace
from llmo.types.ids import ulid

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

    from llmo.cli.commands.ask.flags import AskOutput
    from llmo.cli.context import Context
    from llmo.cli.inputs import Sources
    from llmo.cli.options import SelectionFlags
    from llmo.client.question import Question
    from llmo.client.session import Session
    from llmo.engine.progress import Progress
    from llmo.engine.results import Result
    from llmo.routing.plan import Plan
    from llmo.types.messages import Target

BLINK_S = 0.2
WORST = (Exit.CONFIG, Exit.BUDGET, Exit.FAILED, Exit.INCOMPLETE, Exit.TEMPORARY)
"""Exit codes from worst to least bad: those that need a change come before those that may go away."""


@dataclass(slots=True)
class ComparedTarget:
    """One target and its answer; `failure` says why it could not be asked."""

    target: Target
    question: Question
    plan: Plan
    answer: Result | None = None
    failure: LlmoError | None = None
    done: bool = False

    @classmethod
    def planned(cls, session: Session, question: Question, target: Target) -> ComparedTarget:
        """Plan the question for this target alone."""
        question = replace(question, choice=replace(question.choice, models=(str(target),), first_only=True))
        return cls(target, question, session.plan(question))

    def check(self, session: Session) -> None:
        """Set `failure` if the target cannot be asked."""
        try:
            require_candidates(self.plan)
            # Created here so that it does not count toward any target's time.
            session.providers(self.target.provider)
        except LlmoError as exc:
            self.failure = exc

    async def run(self, session: Session, tell: Callable[[Progress | QuestionEnded], None]) -> None:
        """Ask, and wait for the answer; `tell` hears of all that happens."""

        def emit(event: Progress | QuestionEnded) -> None:
            tell(event)
            if isinstance(event, QuestionEnded):
                self.answer = event.result

        if self.failure is None:
            await session.run(self.question, emit, plan=self.plan)
        self.done = True

    def result(self, ctx: Context) -> Result:
        """Return the answer, or a result that says why there is none."""
        return self.answer or unsent(ulid(ctx.clock.now()), self.failure or Cancelled(), self.target)


def compare(ctx: Context, prompt: str | None, *, selection: SelectionFlags, sources: Sources, output: AskOutput) -> int:
    """Ask all targets and return the exit code."""
    _refuse(output)
    targets = options.compared_targets(selection, ctx.names)
    question = prompts.question(ctx, prompt, sources, selection)
    request = replace(question.request, stream=output.stream is not False)
    question = replace(question, request=request, restart=True)
    ctx.hurry(question.timeout or ctx.profile.timeout)
    # A session for many: a refused hold waits for the others to settle.
    session = ctx.session(max_cost=selection.max_cost, allow_unpriced=selection.allow_unpriced, width=len(targets))
    asked = [ComparedTarget.planned(session, question, target) for target in targets]
    if output.dry_run:
        money = session.allowance(question.tags)
        return max(show_plan(ctx, one.plan, money, as_json=output.as_json) for one in asked)
    explain(ctx, (one.plan for one in asked))
    return signals.run(_run(ctx, session, asked, output))


def _refuse(output: AskOutput) -> None:
    """Raise `UsageError` for flags that make no sense with several answers."""
    single = {
        "--continue": output.go_on,
        "--conversation": output.conversation,
        "--cache": output.cache,
        "--ndjson": output.ndjson,
    }
    for flag, given in single.items():
        if given:
            raise UsageError(f"--compare and {flag} cannot be combined")


async def _run(ctx: Context, session: Session, asked: list[ComparedTarget], output: AskOutput) -> int:
    for one in asked:
        one.check(session)
    try:
        async with _progress(ctx, asked), asyncio.TaskGroup() as group:
            for one in asked:
                group.create_task(one.run(session, lambda event: live.told(ctx, event)))
    except asyncio.CancelledError:
        # The signal decides the exit code; partial answers are still shown.
        pass
    finally:
        await session.close()
    return _finish(ctx, asked, output)


@asynccontextmanager
async def _progress(ctx: Context, asked: list[ComparedTarget]) -> AsyncGenerator[None]:
    """Keep one status line on the terminal until the answers are shown; -v says it all in lines of its own."""
    if ctx.quiet or ctx.verbose or not ctx.stderr_tty or ctx.env.get("TERM") == "dumb":
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
        ended = f"{len(asked) - len(waiting)} of {len(asked)} answered after {took:.0f} s"
        line = f"llmo: {ended}, waiting for {', '.join(waiting)}"
        ctx.stderr.write(f"\r{side_by_side.wrapped(line, ctx.width - 1)[0]}\x1b[K")
        ctx.stderr.flush()
        await asyncio.sleep(BLINK_S)


def _finish(ctx: Context, asked: list[ComparedTarget], output: AskOutput) -> int:
    """Print all answers and return the exit code."""
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
    """Write the attempts, warnings and error of one answer to stderr."""
    who = result.target
    live.tried(ctx, result)
    for warning in result.warnings:
        ctx.note(f"llmo: warning: {who}: {warning}")
    if result.error is not None:
        ctx.failed(result.error, what=f"{who}: ")


def worst(codes: Iterable[int]) -> int:
    """Return the worst of several exit codes, 0 if there are none."""
    order = [int(code) for code in WORST]
    return min(codes, key=lambda code: order.index(code) if code in order else -1, default=int(Exit.OK))
