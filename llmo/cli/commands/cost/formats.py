"""The forms of a cost report: object, CSV, table, markdown, page."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmo.cli.files import STDIN
from llmo.errors import UsageError
from llmo.render import spending, tables
from llmo.render.wrapping import hanging
from llmo.types import cells
from llmo.types.format import counted, dollars
from llmo.types.money import usd

if TYPE_CHECKING:
    from llmo.cli.commands.cost.report import Report


def show(report: Report) -> None:
    """Print it in the form that is asked for."""
    if report.how.html == STDIN:
        report.ctx.out(as_html(report))
    elif report.how.as_json:
        report.ctx.json(as_object(report))
    elif report.how.as_csv:
        report.ctx.out(as_csv(report))
    else:
        from llmo.cli import pager

        table = as_table(report, width=report.ctx.table_width, bold=report.ctx.stdout_color)
        pager.show(report.ctx, table)
    if report.how.github_summary:
        to_github(report)
    if report.how.html not in (None, STDIN):
        _write(Path(report.how.html), as_html(report), append=False, flag="--html")
        report.ctx.note(f"llmo: wrote {report.how.html}: {_span(report).partition(';')[0]}")
    _tell_unsettled(report)
    if not (report.total.calls or report.total.released):
        report.ctx.note("no calls" if report.since or report.until or report.run or report.tags else "no calls yet")


def _tell_unsettled(report: Report) -> None:
    """Say whose money nobody will settle by itself, and how."""
    number, amount = report.stranded
    of = f" --run {shlex.quote(report.run)}" if report.run else ""
    settles = f"settle them with: llmo cost --reconcile{of}"
    if number:
        whose = f"{counted(number, 'calls')} of crashed processes"
        report.ctx.note(f"llmo: {whose} still hold {dollars(amount)}; {settles}")
    if doubtful := report.total.doubtful:
        unsure = f"{counted(doubtful, 'calls')} in doubt, up to {dollars(report.total.in_doubt)}"
        report.ctx.note(f"llmo: {unsure}; {settles}")


def as_object(report: Report) -> dict[str, Any]:
    """One object; a ledger without calls has zeros and no groups."""
    groups = [spending.spending(group, report.by) for group in report.groups]
    body: dict[str, Any] = {
        "since": None if report.since is None else report.instant(report.since),
        "until": None if report.until is None else report.instant(report.until),
        "run": report.run,
        "by": list(report.by),
        "total": spending.spending(report.total),
        "groups": groups,
        "budgets": [spending.budget(status) for status in report.budgets],
    }
    number, amount = report.stranded
    body["stranded"] = {"calls": number, "held_usd": usd(amount)}
    if report.tags:
        body["tags"] = dict(report.tags)
    if report.instead is not None:
        body["as_if"] = report.how.as_if
        body["price_date"] = report.ctx.catalog.date
        body["total"]["as_if_usd"] = usd(sum(report.instead.values()))
        for shown, group in zip(groups, report.groups, strict=True):
            shown["as_if_usd"] = usd(report.instead[group.group])
    return body


def as_csv(report: Report) -> str:
    """A line a group, with the names of the object's fields as header."""
    names = [*report.by, *spending.spending(report.total)]
    lines = [names]
    for group in report.groups:
        found = spending.spending(group, report.by)
        lines.append([found[name] for name in names])
    return "".join(map(cells.line, lines))


def as_table(report: Report, *, width: int | None = None, bold: bool = False) -> str:
    """Groups, the total in words, charts and budgets if asked for; in at most `width` columns, bars too."""
    head, rows = _grid(report, width=width)
    right = (*spending.NUMBERS, _instead(report))
    parts = [tables.folded(head, rows, right=right, below=spending.BELOW, width=width, bold=bold)]
    if rows:
        total = spending.total(report.total) + _instead_total(report)
        parts.append("\n".join([total] if width is None else hanging(total, width, indent=2)) + "\n")
    if report.how.plot:
        from llmo.cli.commands.cost import charts

        parts.append(charts.in_terminal(report, width=report.ctx.width, color=bold))
    if report.how.budgets:
        status = [spending.budget_cells(one) for one in report.budgets]
        drawn = tables.folded(
            spending.BUDGET, status, right=spending.NUMBERS, below=spending.BUDGET_BELOW, width=width, bold=bold
        )
        parts.append(drawn or "no budgets\n")
    return "\n".join(part for part in parts if part)


def to_github(report: Report) -> None:
    """Append to the file that GitHub Actions shows on a run's page. Raises `UsageError` without one."""
    path = report.ctx.env.get("GITHUB_STEP_SUMMARY")
    if not path:
        raise UsageError(
            "GITHUB_STEP_SUMMARY is not set", hint="GitHub Actions sets it; elsewhere, set it to the path of a file"
        )
    head, rows = _grid(report)
    body = tables.markdown(head, rows, right=(*spending.NUMBERS, _instead(report))) if rows else ""
    text = f"### llmo cost\n\n{spending.total(report.total)}\n\n{body}"
    if report.how.budgets and report.budgets:
        status = [spending.budget_cells(one) for one in report.budgets]
        text += "\n" + tables.markdown(spending.BUDGET, status, right=spending.NUMBERS)
    _write(Path(path), text, append=True, flag="GITHUB_STEP_SUMMARY")


def as_html(report: Report) -> str:
    """One self-contained page: no scripts, nothing fetched."""
    from llmo.cli.commands.cost import charts
    from llmo.render import html as page

    head, rows = _grid(report)
    right = (*spending.NUMBERS, _instead(report))
    table = page.section("All groups", page.table(head, rows, right) if rows else "", spending.total(report.total))
    return page.page("LLM spending", _span(report), [*charts.sections(report), table])


def _span(report: Report) -> str:
    """Which calls these are, in words."""
    parts = [] if report.since is None else [f"from {report.instant(report.since)}"]
    parts += [] if report.until is None else [f"until {report.instant(report.until)}"]
    parts += [] if report.run is None else [f"run {report.run}"]
    parts += [f"{key}={value}" for key, value in report.tags.items()]
    return ", ".join(parts or ["all calls"]) + f"; created {report.instant(report.ctx.clock.now())}"


def _grid(report: Report, *, width: int | None = None) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    head: tuple[str, ...] = (*report.by, *spending.COLUMNS)
    rows = [(*(part or "-" for part in group.group), *spending.cells(group)) for group in report.groups]
    if not report.total.reasoning_tokens:
        at = head.index("reasoning", len(report.by))
        head, *rows = ((*row[:at], *row[at + 1 :]) for row in (head, *rows))
    if report.instead is not None:
        head = (*head, _instead(report))
        more = [dollars(report.instead[group.group]) for group in report.groups]
        rows = [(*row, cell) for row, cell in zip(rows, more, strict=True)]
    if width is not None and (longest := tables.room(head, rows, width)):
        head = (*head, "")
        drawn = tables.bars([group.cost for group in report.groups], longest)
        rows = [(*row, bar) for row, bar in zip(rows, drawn, strict=True)]
    return head, rows


def _instead_total(report: Report) -> str:
    if report.instead is None:
        return ""
    date = report.ctx.catalog.date
    return f"; on {report.how.as_if} {dollars(sum(report.instead.values()))} (prices of {date})"


def _instead(report: Report) -> str:
    return f"as {report.how.as_if}"


def _write(path: Path, text: str, *, append: bool, flag: str) -> None:
    try:
        with path.open("a" if append else "w", encoding="utf-8") as out:
            out.write(text)
    except OSError as exc:
        raise UsageError(f"{flag}: cannot write {path}: {exc.strerror}") from None
