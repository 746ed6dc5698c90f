"""Output of `llmo batch`: the forecast, the summary of a run, and how to continue."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

from llmo.batch.finish import still_to_send
from llmo.batch.forecast import seconds_at_limits
from llmo.batch.input.remote import shown
from llmo.errors import BudgetExceeded
from llmo.render import run_summary, side_by_side
from llmo.render.json_output import money
from llmo.render.spending import budgets
from llmo.types.format import counted, dollars, rounded, span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.batch.executors.executor import Ending
    from llmo.batch.forecast import Forecast
    from llmo.batch.job import BatchJob
    from llmo.cli.commands.batch.flags import BatchFlags
    from llmo.cli.context import Context
    from llmo.types.messages import Request

SHOWN = 500
"""Characters of a prompt that are shown to a person."""


def show_forecast(ctx: Context, flags: BatchFlags, job: BatchJob, found: Forecast) -> None:
    """Print the forecast."""
    body = _body(ctx, flags, job, found)
    if flags.output.as_json:
        ctx.json(body)
    else:
        ctx.out("\n".join(_lines(job, found, body)) + "\n")


def _body(ctx: Context, flags: BatchFlags, job: BatchJob, found: Forecast) -> dict[str, Any]:
    session = ctx.session(max_cost=flags.selection.max_cost, allow_unpriced=flags.selection.allow_unpriced)
    shares, targets = found.shares, max(1, len(job.spec.output.compared_targets))
    return {
        "rows": found.total // targets,
        "done": found.total - found.rows,
        "to_send": found.rows - found.copies,
        "copies": found.copies,
        "unanswered": found.unanswered,
        "tokens": {
            "input_estimate": sum(share.input_tokens for share in shares.values()),
            "output_estimate": sum(share.output_tokens for share in shares.values()),
        },
        "cost": {"estimate_usd": money(found.estimate), "worst_usd": money(found.worst)},
        "models": [
            {
                "target": target,
                "rows": share.rows,
                "input_tokens": share.input_tokens,
                "output_tokens": share.output_tokens,
                "estimate_usd": money(share.estimate),
                "worst_usd": money(share.worst),
                "time_at_limits_s": seconds_at_limits(job, target, share),
            }
            for target, share in shares.items()
        ],
        "time_at_limits_s": max((seconds_at_limits(job, *one) or 0.0 for one in shares.items()), default=0.0) or None,
        "budgets": budgets(session.allowance(job.spec.selection.tags).statuses),
        "first": [{"prompt": _prompt(asked.request)} for asked in job.head.first[::targets]],
    }


def _prompt(request: Request) -> str:
    """What the user's side of a request says."""
    return next((m.text for m in reversed(request.messages) if m.role == "user"), "")


def _lines(job: BatchJob, found: Forecast, body: dict[str, Any]) -> list[str]:
    copies = f", {found.copies:,} duplicates" if found.copies else ""
    lines = [f"{found.total:,} {job.unit}: {body['done']:,} done, {body['to_send']:,} to send{copies}"]
    for target, share in found.shares.items():
        took = seconds_at_limits(job, target, share)
        lines.append(
            f"{target}: {share.rows:,} {job.unit}, about {share.input_tokens:,} → {share.output_tokens:,} tokens, "
            f"{dollars(share.estimate)} expected, {dollars(share.worst)} at worst"
            + (f", {span(took)} at its limits" if took else "")
        )
    lines += [f"no model for {count:,} rows: {why}" for why, count in found.unanswered.items()]
    repairs = " and repairs" if job.spec.schema is not None and job.spec.repair else ""
    worst = f"{dollars(found.worst)} at worst, retries{repairs} not counted"
    lines.append(f"cost: {dollars(found.estimate)} expected, {worst}")
    for number, first in enumerate(body["first"], 1):
        text = first["prompt"]
        lines += ["", f"prompt {number}:", text if len(text) <= SHOWN else f"{text[:SHOWN]} …"]
    return lines


def show_report(ctx: Context, flags: BatchFlags, job: BatchJob, report: Mapping[str, Any], elapsed: float) -> None:
    """Print the summary of a run."""
    width = ctx.stderr_width if ctx.stderr_tty else None

    def retry(kind: str) -> str | None:
        return None if job.journal is None else f"retry: {_same_command(retry=kind)}"

    for line in run_summary.summary(report, elapsed, unit=job.unit, retry=retry, width=width):
        ctx.note(line)
    if report["failures"] and flags.output.errors is not None:
        ctx.note(f"llmo: the failed rows are in {flags.output.errors}")
    for line in side_by_side.standings(report["comparison"], width) if "comparison" in report else ():
        ctx.note(line)
    for warning, count in job.stats.warnings.items():
        ctx.note(f"llmo: warning: {warning} ({count:,} {job.unit if count > 1 else job.unit[:-1]})")


def explain(ctx: Context, flags: BatchFlags, job: BatchJob, ending: Ending, *, resumable: bool) -> None:
    """Say why a run ended early, and how it continues."""
    _explain_stop(ctx, flags, job, ending)
    if ending.reason == "done" or not (job.stats.left or job.stats.estimated):
        return
    # The summary has said how many rows are left, unless it was not printed.
    left = f"{_left(job)} {job.unit} are left; " if ctx.quiet else ""
    if ending.reason == "budget":
        left = f"{_left_and_its_cost(job, resumable=resumable)}; "
    ctx.err(f"llmo: {left}{f'resume with: {_same_command()}' if resumable else 'use -o FILE to make a run resumable'}")


def _explain_stop(ctx: Context, flags: BatchFlags, job: BatchJob, ending: Ending) -> None:
    if ending.error is not None:
        ctx.err(f"llmo: stopped: {ending.error.message}")
        if isinstance(ending.error, BudgetExceeded):
            ctx.refused(ending.error.message)
        if ending.error.hint:
            ctx.err(f"hint: {ending.error.hint}")
    if ending.reason == "failures":
        failed = f"{job.stats.failed:,} {job.unit} failed"
        ctx.err(f"llmo: stopped: {failed} (--max-failures {flags.manner.max_failures})")
    if ending.lost:
        paid = f"{counted(ending.lost, 'answers')} {'was' if ending.lost == 1 else 'were'} paid for"
        ctx.err(f"llmo: {paid} but could not be written")


def _left_and_its_cost(job: BatchJob, *, resumable: bool) -> str:
    stats = job.stats
    found = still_to_send(job) if resumable else None
    if found is None:
        about = stats.spent * stats.left // stats.done if stats.done else None
        return f"{_left(job)} {job.unit} are left, about {dollars(about)}"
    return f"{found.rows:,} {job.unit} are left, about {dollars(found.estimate)}, at most {dollars(found.worst)}"


def _left(job: BatchJob) -> str:
    """How many rows are left: of an input that was not read to its end, an estimate."""
    if not job.stats.estimated:
        return f"{job.stats.left:,}"
    return f"about {rounded(job.stats.left):,}" if job.stream.known else "more"


def _same_command(retry: str | None = None) -> str:
    """The command that continues from here; `retry` names the failures that it sends again."""
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    words = [word for word in sys.argv[1:end] if word not in ("--restart", "-y", "--yes")]
    if retry is not None:
        words = [*(word for word in words if not word.startswith("--retry-errors")), f"--retry-errors={retry}"]
    return shlex.join(["llmo", *map(shown, [*words, *sys.argv[end:]])])
