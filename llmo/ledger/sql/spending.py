"""Spending by any grouping: from sums per day where they are stored, from the calls otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.errors import UsageError
from llmo.ledger.periods import Period, local
from llmo.ledger.reports import Filter, Spending
from llmo.ledger.sql import daily
from llmo.ledger.sql.counters import ENDED
from llmo.types.nearest import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from llmo.ledger.sql.database import Database

QUARTER = 15 * 60 * 1_000_000
"""Microseconds; days of every time zone begin at a multiple of it."""
DATES = ("day", "week", "month")
FACTS = ("provider", "model", "task", "run", "outcome", "billing")

_TAG = "(SELECT value FROM json_each(tags) WHERE key = ?)"
_OF_CALLS = {
    "calls": "count(*) FILTER (WHERE state <> 'released')",
    "cost": "coalesce(sum(cost), 0)",
    "unpriced": f"count(*) FILTER (WHERE state IN {ENDED} AND (cost IS NULL OR source = 'unknown'))",
    "estimated": f"count(*) FILTER (WHERE state IN {ENDED} AND source = 'estimated')",
    "local": "count(*) FILTER (WHERE state <> 'released' AND billing = 'local')",
    "subscription": "count(*) FILTER (WHERE state <> 'released' AND billing = 'subscription')",
    "in_flight": "count(*) FILTER (WHERE state = 'held')",
    "held": "coalesce(sum(worst) FILTER (WHERE state = 'held'), 0)",
    "doubtful": "count(*) FILTER (WHERE state = 'in_doubt')",
    "in_doubt": "coalesce(sum(in_doubt), 0)",
    "released": "count(*) FILTER (WHERE state = 'released')",
    **{name: f"coalesce(sum({name}), 0)" for name in daily.TOKENS},
}
_OF_DAYS = {
    "calls": f"sum(calls) FILTER (WHERE state IN {ENDED})",
    "cost": "sum(cost)",
    "unpriced": f"sum(unpriced) FILTER (WHERE state IN {ENDED})",
    "estimated": f"sum(calls) FILTER (WHERE state IN {ENDED} AND source = 'estimated')",
    "local": f"sum(calls) FILTER (WHERE state IN {ENDED} AND billing = 'local')",
    "subscription": f"sum(calls) FILTER (WHERE state IN {ENDED} AND billing = 'subscription')",
    "in_flight": "0",
    "held": "0",
    "doubtful": "sum(calls) FILTER (WHERE state = 'in_doubt')",
    "in_doubt": "sum(in_doubt)",
    "released": "sum(calls) FILTER (WHERE state = 'released')",
    **{name: f"sum({name})" for name in daily.TOKENS},
}


def spending(db: Database, by: Sequence[str], where: tzinfo | None, only: Filter) -> list[Spending]:
    """
    Sums per group, sorted by group.

    Keys are day, week, month, provider, model, task, run, outcome, billing and tag:NAME. Raises `UsageError` for any
    other.
    """
    report = _Report(by, only)
    groups: dict[tuple[str, ...], Spending] = {}
    for query in _queries(db, report, where):
        for row in db.execute(*query):
            sums = Spending((), *(value or 0 for value in row[: len(_OF_CALLS)]))
            group = tuple(_label(key, value, where) for key, value in zip(by, row[len(_OF_CALLS) :], strict=True))
            if sums.calls or sums.released:
                groups.setdefault(group, Spending(group)).add(sums)
    return [groups[group] for group in sorted(groups)]


def _queries(db: Database, report: _Report, where: tzinfo | None) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """The queries to add up: calls alone, or calls in flight, stored days, and the gaps between them."""
    span = report.only.span
    if report.by_run:
        yield report.calls("1 = 1", span)
        return
    found = daily.cover(db, span, where, calendar=any(key in DATES for key in report.by))
    yield report.calls("state = 'held'", span)
    for run in daily.runs(found.days):
        yield report.days(run)
    for gap in found.gaps:
        yield report.calls("state <> 'held'", gap)


def conditions(only: Filter) -> Iterator[tuple[str, tuple[str, ...]]]:
    """SQL conditions of a filter besides time, each with its values."""
    if only.run is not None:
        yield "run = ?", (only.run,)
    for key, value in only.tags:
        yield f"{_TAG} = ?", (key, value)


class _Report:
    """One report, as SQL over either table."""

    def __init__(self, by: Sequence[str], only: Filter) -> None:
        self.by, self.only = by, only
        self.by_run = only.run is not None or "run" in by
        self._columns = [_column(key) for key in by]
        self._tags = tuple(key.removeprefix("tag:") for key in by if key.startswith("tag:"))

    def calls(self, state: str, span: Period) -> tuple[str, tuple[str | int, ...]]:
        """A query over calls of a span that satisfy a condition on their state."""
        at = f"held_at / {QUARTER}"
        return self._select("calls", _OF_CALLS, f"{state} AND held_at >= ? AND held_at < ?", at, span)

    def days(self, span: Period) -> tuple[str, tuple[str | int, ...]]:
        """A query over days that begin in a span."""
        return self._select("daily", _OF_DAYS, "start >= ? AND start < ?", f"start / {QUARTER}", span)

    def _select(
        self, table: str, sums: dict[str, str], during: str, at: str, span: Period
    ) -> tuple[str, tuple[str | int, ...]]:
        columns = [column or at for column in self._columns]
        clauses = list(conditions(self.only))
        sql = (
            f"SELECT {', '.join([*sums.values(), *columns])} FROM {table} "  # noqa: S608 - constants; values are bound
            f"WHERE {' AND '.join([during, *(clause for clause, _ in clauses)])}"
        )
        if columns:
            sql += f" GROUP BY {', '.join(str(len(sums) + 1 + n) for n in range(len(columns)))}"
        return sql, (*self._tags, *span, *(value for _, values in clauses for value in values))


def _column(key: str) -> str | None:
    """The SQL expression to group by; None for time. Raises `UsageError` for an unknown key."""
    if key in DATES:
        return None
    if key.startswith("tag:") and key != "tag:":
        return f"coalesce({_TAG}, '')"
    if key == "outcome":
        return "coalesce(outcome, 'in flight')"
    if key in FACTS:
        return key
    raise UsageError(f"unknown grouping: {key}", hint=suggestion(key, (*DATES, *FACTS, "tag:KEY"), "groupings"))


def _label(key: str, value: str | int, where: tzinfo | None) -> str:
    if key not in DATES:
        return str(value)
    day = local(int(value) * QUARTER, where)
    if key == "week":
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02d}"
    return f"{day:%Y-%m}" if key == "month" else f"{day:%Y-%m-%d}"
