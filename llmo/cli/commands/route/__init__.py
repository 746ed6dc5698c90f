"""`llmo route`: shows the plan without sending anything."""

from __future__ import annotations

from typing import Annotated

from llmo.cli import declared as typer
from llmo.cli.inputs import Inputs, Words, joined, opened
from llmo.cli.options import SelectionFlags, command
from llmo.errors import UsageError
from llmo.types.dataclass import dataclass


@dataclass(frozen=True, kw_only=True)
class RouteFlags:
    """What is shown, and of which prompts."""

    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object", rich_help_panel="Output")] = False
    probe: Annotated[
        bool, typer.Option("--probe", help="check whether each provider responds", rich_help_panel="Request")
    ] = False
    rows: Annotated[
        str | None,
        typer.Option(
            "--rows",
            help="plan each prompt of a file (JSONL or lines; - for stdin)",
            metavar="FILE",
            rich_help_panel="Input",
        ),
    ] = None
    labelled: Annotated[
        str | None,
        typer.Option(
            "--eval",
            help="score the classifier on labelled prompts (JSONL)",
            metavar="FILE",
            rich_help_panel="Input",
        ),
    ] = None
    diff: Annotated[
        bool, typer.Option("--diff", help="show what the profile of -P changes in the plan", rich_help_panel="Output")
    ] = False
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="fit the thresholds of -t auto to rated answers", rich_help_panel="Run")
    ] = False
    write: Annotated[
        bool, typer.Option("--write", help="with --calibrate, change the profile", rich_help_panel="Run")
    ] = False

    def __post_init__(self) -> None:
        """Check that one thing is asked for. Raises `UsageError`."""
        alone = {"--calibrate": self.calibrate, "--eval": self.labelled is not None}
        given = {**alone, "--rows": self.rows is not None, "--diff": self.diff}
        named = [flag for flag, there in given.items() if there]
        if len(named) > 1 and any(alone.values()):
            raise UsageError(f"{' and '.join(named[:2])} cannot be combined")
        if self.write and not self.calibrate:
            raise UsageError("--write requires --calibrate")


@command
def route(words: Words = None, *, selection: SelectionFlags, inputs: Inputs, shown: RouteFlags) -> int:
    """Show which model would answer and why, without sending anything."""
    from llmo.cli import inputs as prompts
    from llmo.cli.context import current

    ctx = current()
    if shown.calibrate:
        if words:
            raise UsageError("--calibrate takes no prompt")
        from llmo.cli.commands.route import calibrate

        return calibrate.calibrate(ctx, write=shown.write, as_json=shown.as_json)
    if shown.labelled is not None:
        from llmo.cli.commands.route import evaluation

        return evaluation.evaluated(ctx, shown.labelled, as_json=shown.as_json)
    ctx.online |= shown.probe
    sources, selection = opened(ctx, inputs, selection)
    if shown.diff:
        from llmo.cli.commands.route.diff import Profiles

        profiles = Profiles(ctx, selection, probe=shown.probe)
        if shown.rows is not None:
            return profiles.of_rows(shown.rows, inputs, selection, as_json=shown.as_json)
        return profiles.of_one(prompts.question(ctx, joined(words), sources, selection), as_json=shown.as_json)
    if shown.probe:
        from llmo.cli.readiness import rule_out_absent

        rule_out_absent(ctx)
    if shown.rows is not None:
        from llmo.cli.commands.route.rows import planned

        return planned(ctx, shown.rows, selection, inputs)
    from llmo.cli.output import show_plan

    question = prompts.question(ctx, joined(words), sources, selection)
    ctx.hurry(question.timeout or ctx.profile.timeout)
    session = ctx.session(max_cost=selection.max_cost, allow_unpriced=selection.allow_unpriced)
    return show_plan(ctx, session.plan(question), session.allowance(question.tags), as_json=shown.as_json)
