"""What the charts of a cost report show: spend over time, by model and task, times, and what caches saved."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from llmo.render import bar_plot, spending, svg
from llmo.render.html import section, tiles
from llmo.render.svg import PALETTE, AxisRange, Series
from llmo.types.format import counted, dollars, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from llmo.cli.commands.cost.report import Report
    from llmo.ledger.records import BudgetStatus
    from llmo.ledger.reports import Spending

COLUMNS = 62
"""Days that a chart shows, else it shows weeks, or months."""
ROWS = 12
"""Rows of a chart of models or tasks."""


class Timeline:
    """Spend by model over days, weeks or months, whichever fits; the days between are there too."""

    def __init__(self, report: Report) -> None:
        found = report.ask("day", "provider", "model")
        self.unit, named = _unit(sorted({group.group[0] for group in found}))
        self.columns = list(dict.fromkeys(named.values()))
        place = {name: at for at, name in enumerate(self.columns)}
        sums: dict[str, list[int]] = {}
        for group in found:
            row = sums.setdefault("/".join(group.group[1:]), [0] * len(self.columns))
            row[place[named[group.group[0]]]] += group.cost
        self.series = _most(sums)
        self.totals = [dollars(sum(one.values[at] for one in self.series)) for at in range(len(self.columns))]


def in_terminal(report: Report, *, width: int, color: bool) -> str:
    """Rows of bars; what costs nothing has none."""
    line = Timeline(report)
    return bar_plot.stacked(line.columns, line.series, line.totals, width=width, color=color)


def sections(report: Report) -> list[str]:
    """The parts of the page, in order; a part without anything to show is empty."""
    line = Timeline(report)
    models = report.ask("provider", "model")
    over = svg.stacked(line.columns, line.series) if any(map(any, (one.values for one in line.series))) else ""
    return [
        tiles(_tiles(report)),
        section("Budgets", "\n".join(map(_meter, report.budgets))),
        section(f"Spending by {line.unit}", over),
        section("By model", _bars(models)),
        section("By task", _bars(report.ask("task"))),
        section(
            "Time",
            svg.ranges(list(_times(report, models))),
            "bar: median; thin bar: 95th percentile; mark: first token; up to 500 recent successful calls per model",
        ),
        section("Saved by prompt caching", *_saved(report, models)),
    ]


def _unit(days: Sequence[str]) -> tuple[str, Mapping[str, str]]:
    """A word for the columns, and the column of each day from the first to the last."""
    if not days:
        return "day", {}
    first, last = date.fromisoformat(days[0]), date.fromisoformat(days[-1])
    every = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    names: dict[str, Callable[[date], str]] = {
        "day": date.isoformat,
        "week": lambda day: (day - timedelta(days=day.weekday())).isoformat(),
        "month": lambda day: f"{day:%Y-%m}",
    }
    for unit, name in names.items():
        found = {day.isoformat(): name(day) for day in every}
        if unit == "month" or len(set(found.values())) <= COLUMNS:
            break
    return unit, found


def _most(sums: Mapping[str, Sequence[int]]) -> list[Series]:
    """The dearest models, the others together, so that there is a colour for each."""
    ordered = sorted((name for name in sums if any(sums[name])), key=lambda name: (-sum(sums[name]), name))
    shown = ordered if len(ordered) <= len(PALETTE) else ordered[: len(PALETTE) - 1]
    series = [Series(name, sums[name]) for name in shown]
    if rest := ordered[len(shown) :]:
        columns = zip(*(sums[name] for name in rest), strict=True)
        series.append(Series(f"{len(rest)} others", [sum(column) for column in columns]))
    return series


def _tiles(report: Report) -> list[tuple[str, str]]:
    total = report.total
    facts = [("spent", spending.cost(total)), ("calls", f"{total.calls:,}")]
    facts += [("tokens in", f"{total.input_tokens:,}"), ("tokens out", f"{total.output_tokens:,}")]
    facts += [("from cache", f"{total.cached_input_tokens:,}")] if total.cached_input_tokens else []
    facts += [("reasoning", f"{total.reasoning_tokens:,}")] if total.reasoning_tokens else []
    facts += [("held", dollars(total.held))] if total.held else []
    return [*facts, ("in doubt, up to", dollars(total.in_doubt))] if total.in_doubt else facts


def _meter(status: BudgetStatus) -> str:
    return svg.meter(f"{status.name} ({status.window})", status.percent / 100, spending.used(status))


def _bars(groups: Sequence[Spending]) -> str:
    """The dearest groups; what has no dollars says what it is."""
    ordered = sorted(groups, key=lambda group: (-group.cost, -group.calls, group.group))
    return svg.bars(
        [
            ("/".join(group.group) or "-", group.cost, f"{spending.kind(group)} · {counted(group.calls, 'calls')}")
            for group in ordered[:ROWS]
        ]
    )


def _times(report: Report, groups: Sequence[Spending]) -> Iterator[AxisRange]:
    busiest = sorted(groups, key=lambda group: -group.calls)[:ROWS]
    for one in report.ctx.ledger.times([(g.group[0], g.group[1]) for g in busiest], report.since, report.until):
        middle, high, first = one.total_p50 or 0.0, one.total_p95 or 0.0, one.first_token_p50
        early = "" if first is None else f", first token {span(first)}"
        yield AxisRange("/".join(one.target), middle, high, first, f"{span(middle)}, 95 % in {span(high)}{early}")


def _saved(report: Report, groups: Sequence[Spending]) -> tuple[str, str]:
    """What cached tokens would have cost besides, at the prices of the table."""
    from llmo.cli.commands.cost.as_if import saved

    rows = [(group, amount) for group in groups if (amount := saved(report.ctx, group))]
    rows.sort(key=lambda row: -row[1])
    bars = [
        ("/".join(group.group), amount, f"{dollars(amount)} · {group.cached_input_tokens:,} tokens")
        for group, amount in rows[:ROWS]
    ]
    note = (
        f"{dollars(sum(amount for _, amount in rows))} in total, at prices of {report.ctx.catalog.date}" if rows else ""
    )
    return svg.bars(bars), note
