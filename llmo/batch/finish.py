"""After a run: finish the files, and put together what came of it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from llmo.batch import resumed
from llmo.batch.forecast import forecast
from llmo.batch.output import comparison, export
from llmo.batch.resume import manifest
from llmo.errors import Exit, LlmoError
from llmo.types import jsontext
from llmo.types.dataclass import replace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from llmo.batch.executors.deferred.run import DeferredRun
    from llmo.batch.executors.executor import Ending
    from llmo.batch.forecast import Forecast
    from llmo.batch.job import BatchJob
    from llmo.batch.output.comparison import Summary
    from llmo.batch.prepare import BatchFiles
    from llmo.batch.run import BatchRun


def finish(run: BatchRun | DeferredRun, ending: Ending, *, elapsed: float, caught: Exit | None) -> dict[str, Any]:
    """
    Finish what a run wrote; the report on it.

    `caught` is the exit code of a signal. Raises `BrokenPipeError` when nobody reads its lines, and `LlmoError` for an
    output that can't be written.
    """
    job, files = run.job, run.files
    complete = ending.reason == "done"
    if complete:
        files.intents.end()
    if complete and files.manifest is not None and len(job.recorded.table) and not job.head.whole:
        job.notify(f"resumed {job.spec.output.target}: {resumed.told(job, job.stats, files.manifest)}")
    if ending.reason == "pipe":
        raise BrokenPipeError
    # Asked now: its name means another file once it has been rewritten.
    kept = files.journal is not None and not files.journal.lost
    compared = (_finish_output(job, files, complete=complete) if kept else None) or run.compared
    if complete and kept:
        _seal(job, files)
    report = {
        **job.stats.report(),
        "run": run.name,
        "ended": ending.reason,
        "exit": int(_code(job, ending, caught)),
        "seconds": round(elapsed, 3),
    }
    if job.stats.estimated and not job.stream.known:
        report |= {"left": None}
    if compared is not None:
        report |= {
            "rows": job.stats.total // len(job.spec.output.compared_targets),
            "answers": job.stats.total,
            "comparison": compared.report(),
        }
    return report


def _finish_output(job: BatchJob, files: BatchFiles, *, complete: bool) -> Summary | None:
    """Bring the output into its requested form, now that no more lines come; returns the summary of a comparison."""
    stats, output, journal = job.stats, job.spec.output, job.journal
    target, targets = output.target, output.compared_targets
    if target is None or journal is None:
        return None
    ordered = output.ordered and output.shape == "jsonl" and not targets and job.sealed_rows is None
    try:
        if complete and (stats.changed or stats.resent or files.superseded or job.recorded.broken or ordered):
            export.rewrite(journal, manifest.beside(target, "old.jsonl"), ordered=ordered)
        if targets:
            return comparison.write(journal, target, targets, comparison.shaper(output.shape, targets, job.columns))
        if output.shape != "jsonl":
            export.export(journal, target, output.shape, kept=job.columns)
    except OSError as exc:
        why = exc.strerror or exc  # pyarrow's own have no strerror
        raise LlmoError(f"cannot write {target}: {why}", hint=f"all rows are kept in {journal}") from None
    return None


def _seal(job: BatchJob, files: BatchFiles) -> None:
    """Note what the files are like now that every row is answered, so that the next resume need not read them."""
    target, journal = job.spec.output.target, job.journal
    if files.manifest is None or target is None or journal is None:
        return
    if _is_answered(job) and (found := job.seal.of(journal)) is not None:
        with suppress(OSError):  # the next resume reads them
            replace(files.manifest, seal=found, rows=job.stats.total).write(manifest.beside(target, "json"))


def _is_answered(job: BatchJob) -> bool:
    """Whether each row of the input has an answer in the output, and each line of the output is one of those."""
    stats, recorded = job.stats, job.recorded
    lines = len(recorded.table) if job.sealed_rows is None else stats.skipped
    return (
        not stats.estimated
        and stats.total == stats.skipped + stats.done
        and stats.statuses.keys() <= {"ok"}
        and lines == stats.recorded
        and not (stats.failed or stats.kept_failed or recorded.broken)
    )


def _code(job: BatchJob, ending: Ending, caught: Exit | None) -> Exit:
    if caught is not None:
        return caught
    if ending.error is not None:
        return ending.error.exit
    return Exit.ROWS_FAILED if job.stats.failed or job.stats.kept_failed else Exit.OK


def still_to_send(job: BatchJob) -> Forecast | None:
    """Forecast the rows that are still missing from the output of a run; None if they can't be read again."""
    if not job.repeatable:
        return None
    job.read_recorded()
    return forecast(job)


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """Write it as JSON. Raises `LlmoError`."""
    try:
        path.write_text(jsontext.write(report, indent=2) + "\n", "utf-8")
    except OSError as exc:
        raise LlmoError(
            f"cannot write {path}: {exc.strerror}", hint="the rows are written; only the report is not"
        ) from None
