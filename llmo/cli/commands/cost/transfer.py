"""Ledgers of CI jobs, or of other machines, brought together: `cost --export` and `--import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from llmo.errors import UsageError
from llmo.render.spending import calls

if TYPE_CHECKING:
    from llmo.cli.commands.cost.report import Report
    from llmo.cli.context import Context


def export(report: Report, name: str) -> int:
    """Write the calls of a report, a line each."""
    ctx = report.ctx
    lines = ctx.ledger.export_calls(report.since, report.until, report.run, report.tags)
    if name == "-":
        for line in lines:
            ctx.spelled(f"{line}\n")
        return 0
    count = 0
    try:
        with Path(name).open("w", encoding="utf-8") as out:
            for line in lines:
                out.write(f"{line}\n")
                count += 1
    except OSError as exc:
        raise UsageError(f"--export: cannot write {name}: {exc.strerror}") from None
    ctx.note(f"wrote {calls(count)} to {name}")
    return 0


def import_calls(ctx: Context, name: str) -> None:
    """Take in the calls of a file; raises `UsageError` naming the line that is none."""
    from llmo.cli import files
    from llmo.ledger.transfer import read

    lines = files.lines(ctx, name, "--import")
    seen, new = ctx.ledger.import_calls(read(lines, files.shown(name)))
    ctx.note(f"read {calls(seen)}, {new} new or completed since")
