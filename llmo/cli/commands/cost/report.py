"""The report behind `llmo cost`: which calls, grouped how, in which form."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

from llmo.cli import declared as typer
from llmo.cli.durations import FORMS, is_span, seconds
from llmo.cli.options import pair
from llmo.config import parameters
from llmo.errors import Exit, UsageError
from llmo.types.dataclass import dataclass
from llmo.types.format import dollars, exact

if TYPE_CHECKING:
    from llmo.cli.context import Context
    from llmo.ledger.records import BudgetStatus
    from llmo.ledger.reports import Spending
    from llmo.types.money import Pico


@dataclass(frozen=True, kw_only=True)
class Span:
    """Which calls count."""

    since: Annotated[
        str | None,
        typer.Option(
            "--since", help="start of the period (7d, 24h, 2026-11-01)", metavar="WHEN", rich_help_panel="Filter"
        ),
    ] = None
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            help="end of the period; a date includes that whole day",
            metavar="WHEN",
            rich_help_panel="Filter",
        ),
    ] = None
    run: Annotated[
        str | None, typer.Option("--run", help="only calls of this run", metavar="ID", rich_help_panel="Filter")
    ] = None
    tag: Annotated[
        list[str] | None,
        typer.Option(
            "--tag", help="only calls with this tag (repeatable)", metavar="KEY=VALUE", rich_help_panel="Filter"
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Reports:
    """How it is shown."""

    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            help="group by day, model, provider, task, run … (repeatable)",
            metavar="KEY",
            rich_help_panel="Output",
        ),
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object", rich_help_panel="Output")] = False
    as_csv: Annotated[
        bool, typer.Option("--csv", help="print CSV, safe to open in a spreadsheet", rich_help_panel="Output")
    ] = False
    plot: Annotated[
        bool, typer.Option("--plot", help="draw spending over time by model, as bars", rich_help_panel="Output")
    ] = False
    budgets: Annotated[
        bool, typer.Option("--budgets", help="show the status of each budget", rich_help_panel="Budget")
    ] = False
    as_if: Annotated[
        str | None,
        typer.Option(
            "--as-if", help="cost of the same usage on another model", metavar="MODEL", rich_help_panel="Output"
        ),
    ] = None
    github_summary: Annotated[
        bool, typer.Option("--github-summary", help="append Markdown to $GITHUB_STEP_SUMMARY", rich_help_panel="Output")
    ] = False
    html: Annotated[
        str | None,
        typer.Option(
            "--html",
            help="write an HTML page with charts (-: standard output)",
            metavar="FILE",
            rich_help_panel="Output",
        ),
    ] = None

    @property
    def asked(self) -> bool:
        """Whether any of it is given."""
        return self != Reports()


class Report:
    """One report; the ledger is read when it is shown."""

    def __init__(self, ctx: Context, span: Span, how: Reports) -> None:
        if how.as_json and how.as_csv:
            raise UsageError("--json and --csv cannot be combined")
        if how.html == "-" and (how.as_json or how.as_csv):
            raise UsageError("--html - takes standard output, and so do --json and --csv")
        self.ctx, self.how, self.run = ctx, how, span.run
        self.by = tuple(how.by or ("provider", "model"))
        self.tags = dict(pair("--tag", text) for text in span.tag or ())
        self.since = when("--since", span.since, ctx)
        self.until = when("--until", span.until, ctx, end=True)

    @cached_property
    def groups(self) -> list[Spending]:
        """Spending by the keys asked for."""
        return self.ask(*self.by)

    def ask(self, *by: str) -> list[Spending]:
        """Spending of these calls by other keys."""
        return self.ctx.ledger.spending(by, since=self.since, until=self.until, run=self.run, tags=self.tags)

    @cached_property
    def total(self) -> Spending:
        """All of it."""
        from llmo.ledger import reports

        return reports.total(self.groups)

    @cached_property
    def budgets(self) -> list[BudgetStatus]:
        """The limits of the profile."""
        from llmo.ledger.allowance import limits

        return self.ctx.ledger.status(limits(self.ctx.profile))

    @cached_property
    def instead(self) -> dict[tuple[str, ...], Pico] | None:
        """What each group would have cost at the target of --as-if, None without it."""
        from llmo.cli.commands.cost.as_if import price_of

        if self.how.as_if is None:
            return None
        at = price_of(self.ctx, self.how.as_if)
        return {group.group: at(group) for group in self.groups}

    @cached_property
    def stranded(self) -> tuple[int, Pico]:
        """How many calls processes that are gone left behind, and what they hold."""
        return self.ctx.ledger.stranded(self.run) if self.total.in_flight else (0, 0)

    def instant(self, at: float) -> str:
        """An instant (seconds since the epoch) in the profile's zone, as ISO 8601."""
        from llmo.ledger.periods import format_instant

        return format_instant(int(at * 1_000_000), self.ctx.ledger.zone)

    def verdict(self, most: Pico | None) -> int:
        """The exit code of --check, with a line for each limit that is used up."""
        from llmo.render import spending
        from llmo.render.summary import doubt

        said = [f"budget {one.name} is used up: {spending.used(one)}" for one in self.budgets if one.used_up]
        total = self.total
        if most is not None and total.cost + total.held + total.in_doubt > most:
            held = f" and {dollars(total.held)} held" if total.held else ""
            unsure = doubt(total.in_doubt)
            said.append(f"more than --max {exact(most)} was spent: {spending.cost(total)}{held}{unsure}")
        elif most is not None and self.total.unpriced:
            self.ctx.err(f"llmo: the total is a lower bound: {spending.cost(self.total)}")
        for line in said:
            self.ctx.err(f"llmo: {line}")
            self.ctx.refused(line)
        return int(Exit.BUDGET if said else Exit.OK)


def amount(flag: str, text: str | None, *, check: bool) -> Pico | None:
    """Dollars of a flag that needs --check. Raises `UsageError`."""
    if text is None:
        return None
    if not check:
        raise UsageError(f"{flag} requires --check")
    return parameters.dollars(text, flag)


def when(flag: str, text: str | None, ctx: Context, *, end: bool = False) -> float | None:
    """
    Seconds since the epoch of `7d` (that long ago), a date or a date with time, in the profile's zone.

    With `end` a date without time is its last instant. Raises `UsageError`.
    """
    from datetime import datetime, timedelta

    from llmo.ledger import periods

    if text is None:
        return None
    if is_span(text):
        return max(0.0, ctx.clock.now() - seconds(flag, text))
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"{flag}: not a duration or a date: {text}", hint=f"{FORMS}, or a date like 2026-11-01"
        ) from None
    try:
        if end and re.fullmatch(r"[\d-]+", text.strip()):
            moment += timedelta(days=1)
        return max(0.0, periods.seconds(moment, ctx.ledger.zone))
    except (OverflowError, ValueError, OSError):
        raise UsageError(f"{flag}: date out of range: {text}", hint="use a year such as 2026") from None
