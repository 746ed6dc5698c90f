"""After a run: finish the files, say what came of it and how it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmo.batch.output import comparison, export
from llmo.batch.resume import manifest
from llmo.batch.resume.recorded import Recorded
from llmo.cli.commands.batch import forecast
from llmo.errors import BudgetExceeded, Exit, LlmoError
from llmo.render import progress, side_by_side
from llmo.types import jsontext
from llmo.types.format import dollars

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.batch.executors.executor import Ending
    from llmo.batch.output.comparison import Summary
    from llmo.cli.commands.batch.job import BatchJob
    from llmo.cli.commands.batch.prepare import BatchFiles


def finish(
    task: BatchJob,
    files: BatchFiles,
    ending: Ending,
    *,
    caught: Exit | None,
    elapsed: float,
    streamed: Summary | None = None,
) -> int:
    """Finish what the run wrote; the exit code."""
    complete = ending.reason == "done"
    if complete:
        files.intents.end()
    if ending.reason == "pipe":
        raise BrokenPipeError
    compared = _finish_output(task, files, complete=complete) or streamed
    code = _code(task, ending, caught)
    report = {
        **task.stats.report(),
        "run": task.ctx.run_id,
        "ended": ending.reason,
        "exit": code,
        "seconds": round(elapsed, 3),
    }
    if compared is not None:
        report |= {"rows": task.scan.rows, "answers": task.total, "comparison": compared.report()}
    _say(task, report, elapsed)
    _explain(task, files, ending)
    if task.flags.output.report is not None:
        _write_json(Path(task.flags.output.report), report)
    return code


def _say(task: BatchJob, report: Mapping[str, Any], elapsed: float) -> None:
    """What came of it, in lines."""
    for line in progress.summary(report, elapsed, unit=task.unit):
        task.ctx.note(f"llmo: {line}")
    for line in side_by_side.standings(report["comparison"]) if "comparison" in report else ():
        task.ctx.note(line)
    for warning, count in task.stats.warnings.items():
        task.ctx.note(f"llmo: warning: {warning} ({count:,} {task.unit if count > 1 else task.unit[:-1]})")


def _finish_output(task: BatchJob, files: BatchFiles, *, complete: bool) -> Summary | None:
    """Make the output what was asked for, once no more lines come; what a comparison came to."""
    stats, target, journal = task.stats, task.target, task.journal
    if files.journal is None or target is None or journal is None or files.journal.lost:
        return None
    ordered = task.flags.output.ordered and task.shape == "jsonl" and not task.compared_targets
    try:
        if complete and (stats.changed or stats.resent or task.recorded.broken or ordered):
            export.rewrite(journal, manifest.beside(target, "old.jsonl"), ordered=ordered)
        if task.compared_targets:
            return comparison.write(
                journal,
                target,
                task.compared_targets,
                comparison.shaper(task.shape, task.compared_targets, task.columns),
            )
        if task.shape != "jsonl":
            export.export(journal, target, task.shape, kept=task.columns)
    except OSError as exc:
        why = exc.strerror or exc  # pyarrow's own have no strerror
        raise LlmoError(f"cannot write {target}: {why}", hint=f"all rows are kept in {journal}") from None
    return None


def _code(task: BatchJob, ending: Ending, caught: Exit | None) -> int:
    if caught is not None:
        return int(caught)
    if ending.error is not None:
        return int(ending.error.exit)
    return int(Exit.ROWS_FAILED if task.stats.failed or task.stats.kept_failed else Exit.OK)


def _explain(task: BatchJob, files: BatchFiles, ending: Ending) -> None:
    """Say why it ended early, and how it goes on."""
    ctx, stats = task.ctx, task.stats
    if ending.error is not None:
        ctx.err(f"llmo: stopped: {ending.error.message}")
        if isinstance(ending.error, BudgetExceeded):
            ctx.refused(ending.error.message)
        if ending.error.hint:
            ctx.err(f"hint: {ending.error.hint}")
    if ending.reason == "failures":
        ctx.err(f"llmo: stopped: {stats.failed:,} {task.unit} failed (--max-failures {task.flags.manner.max_failures})")
    if ending.lost:
        ctx.err(f"llmo: {ending.lost:,} answers are paid for and could not be written")
    if ending.reason == "done" or not stats.left:
        return
    left = _left(task, files) if ending.reason == "budget" else f"{stats.left:,} {task.unit} are left"
    if files.journal is None:
        ctx.err(f"llmo: {left}; with -o FILE the same command would go on from there")
    else:
        ctx.err(f"llmo: {left}; go on with: {task.resumed()}")


def _left(task: BatchJob, files: BatchFiles) -> str:
    """How many rows are left and what they would cost."""
    stats = task.stats
    if files.journal is None:
        about = stats.spent * stats.left // stats.done if stats.done else None
        return f"{stats.left:,} {task.unit} are left, about {dollars(about)}"
    task.recorded = Recorded()
    task.recorded.read(files.journal.path, task.same, task.flags.manner.retry_errors)
    found = forecast.forecast(task)
    cost = f"about {dollars(found.estimate)}, at most {dollars(found.worst)}"
    return f"{found.rows:,} {task.unit} are left, {cost}"


def _write_json(path: Path, body: Mapping[str, Any]) -> None:
    try:
        path.write_text(jsontext.write(body, indent=2) + "\n", "utf-8")
    except OSError as exc:
        raise LlmoError(
            f"cannot write {path}: {exc.strerror}", hint="the rows are written; only the report is not"
        ) from None
