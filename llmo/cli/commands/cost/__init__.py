"""`llmo cost`: what was spent, what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from llmo.cli import declared as typer
from llmo.cli.commands.cost.report import Report, Reports, Span
from llmo.cli.options import command
from llmo.errors import UsageError
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from llmo.cli.context import Context


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """What is done to the ledger, before anything is shown."""

    reconcile: Annotated[
        bool,
        typer.Option(
            "--reconcile", help="settle reservations in doubt or of crashed processes first", rich_help_panel="Ledger"
        ),
    ] = False
    billed: Annotated[
        Literal["all", "received"] | None,
        typer.Option(
            "--billed", help="with --reconcile: what was billed of amounts in doubt", rich_help_panel="Ledger"
        ),
    ] = None
    prune: Annotated[
        str | None,
        typer.Option(
            "--prune",
            help="delete saved texts older than this; costs are kept",
            metavar="WHEN",
            rich_help_panel="Ledger",
        ),
    ] = None
    export: Annotated[
        str | None,
        typer.Option(
            "--export",
            help="write every call as a JSON line (-: standard output)",
            metavar="FILE",
            rich_help_panel="Ledger",
        ),
    ] = None
    bring: Annotated[
        str | None,
        typer.Option(
            "--import",
            help="import calls written by --export (safe to repeat)",
            metavar="FILE",
            rich_help_panel="Ledger",
        ),
    ] = None


@command
def cost(
    *,
    span: Span,
    reports: Reports,
    check: Annotated[
        bool, typer.Option("--check", help="exit with 3 if a budget is used up", rich_help_panel="Budget")
    ] = False,
    most: Annotated[
        str | None,
        typer.Option(
            "--max",
            help="with --check: exit with 3 if more than this was spent",
            metavar="USD",
            rich_help_panel="Budget",
        ),
    ] = None,
    keeping: Keeping,
) -> int:
    """Show spending and budgets."""
    from llmo.cli.commands.cost import formats, settling, transfer
    from llmo.cli.commands.cost.report import amount
    from llmo.cli.context import current

    ctx = current()
    limit = amount("--max", most, check=check)
    if keeping.billed is not None and not keeping.reconcile:
        raise UsageError("--billed requires --reconcile")
    if keeping.prune is not None:
        return _prune(ctx, keeping.prune)
    report = Report(ctx, span, reports)
    _apart(ctx, reports, keeping)
    if keeping.bring is not None:
        transfer.import_calls(ctx, keeping.bring)
    if keeping.reconcile:
        settling.reconcile(ctx, span.run, keeping.billed)
    if keeping.export is not None:
        return transfer.export(report, keeping.export)
    if keeping.bring is not None and not (check or reports.asked):
        return 0
    formats.show(report)
    return report.verdict(limit) if check else 0


def _apart(ctx: Context, reports: Reports, keeping: Keeping) -> None:
    """Raise when --export or --html would overwrite what is read."""
    from pathlib import Path

    from llmo.cli import output_files

    flags = {"--export": keeping.export, "--html": reports.html}
    written = [output_files.Named(flag, Path(name)) for flag, name in flags.items() if name not in (None, "-")]
    if written:
        output_files.apart(written, [*output_files.given("--import", keeping.bring), *output_files.own(ctx)])


def _prune(ctx: Context, age: str) -> int:
    from llmo.cli.commands.cost.report import when
    from llmo.types.format import counted

    gone = ctx.history.prune(when("--prune", age, ctx) or 0.0)
    ctx.note(f"deleted {counted(gone, 'texts')} older than {age}; costs are kept")
    return 0
