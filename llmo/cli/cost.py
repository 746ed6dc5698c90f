"""`llmo cost`: what was spent, what is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from llmo.cli.options import command
from llmo.cli.spent import Report, Reports, Span
from llmo.errors import UsageError

if TYPE_CHECKING:
    from llmo.cli.context import Context


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """What is done to the ledger, before anything is shown."""

    reconcile: Annotated[
        bool, typer.Option("--reconcile", help="First settle what is in doubt or crashed processes hold.")
    ] = False
    billed: Annotated[
        Literal["all", "received"] | None,
        typer.Option("--billed", help="With --reconcile: what was billed of what is in doubt."),
    ] = None
    prune: Annotated[
        str | None, typer.Option("--prune", help="Delete texts older than this; money stays.", metavar="WHEN")
    ] = None
    export: Annotated[
        str | None, typer.Option("--export", help="Write every call as a line of JSON; - is stdout.", metavar="FILE")
    ] = None
    bring: Annotated[
        str | None,
        typer.Option("--import", help="Take in calls that --export wrote; again changes nothing.", metavar="FILE"),
    ] = None


@command
def cost(
    *,
    span: Span,
    reports: Reports,
    check: Annotated[bool, typer.Option("--check", help="Exit 3 when any budget is used up.")] = False,
    most: Annotated[
        str | None, typer.Option("--max", help="With --check: exit 3 when more than this was spent.", metavar="USD")
    ] = None,
    keeping: Keeping,
) -> int:
    """Show what was spent."""
    from llmo.cli import moving, settling, spent
    from llmo.cli.context import current

    ctx = current()
    limit = spent.amount("--max", most, check=check)
    if keeping.billed is not None and not keeping.reconcile:
        raise UsageError("--billed needs --reconcile")
    if keeping.prune is not None:
        return _prune(ctx, keeping.prune)
    report = Report(ctx, span, reports)
    _apart(ctx, reports, keeping)
    if keeping.bring is not None:
        moving.bring(ctx, keeping.bring)
    if keeping.reconcile:
        settling.reconcile(ctx, span.run, keeping.billed)
    if keeping.export is not None:
        return moving.export(report, keeping.export)
    if keeping.bring is not None and not (check or reports.asked):
        return 0
    report.show()
    return report.verdict(limit) if check else 0


def _apart(ctx: Context, reports: Reports, keeping: Keeping) -> None:
    """Raise when --export or --html would overwrite what is read."""
    from pathlib import Path

    from llmo.cli import outputs

    flags = {"--export": keeping.export, "--html": reports.html}
    written = [outputs.Named(flag, Path(name)) for flag, name in flags.items() if name not in (None, "-")]
    if written:
        outputs.apart(written, [*outputs.given("--import", keeping.bring), *outputs.own(ctx)])


def _prune(ctx: Context, age: str) -> int:
    from llmo.cli.spent import when
    from llmo.figures import counted

    gone = ctx.history.prune(when("--prune", age, ctx) or 0.0)
    ctx.note(f"deleted {counted(gone, 'texts')} older than {age}; costs are kept")
    return 0
