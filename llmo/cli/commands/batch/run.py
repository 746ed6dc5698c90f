"""What `llmo batch` does: refuse what can't be, then check everything, then show or run."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from llmo.batch import forecast, prepare
from llmo.batch.input import rows
from llmo.batch.job import BatchJob
from llmo.batch.output import export
from llmo.batch.output.comparison import is_comparison
from llmo.batch.registry import Registry
from llmo.batch.resume import manifest
from llmo.batch.resume.recorded import KINDS
from llmo.batch.run import BatchRun, workers
from llmo.cli import files, options, output_files, templates
from llmo.cli.commands.batch import cluster, deferred, live, output
from llmo.cli.commands.batch.ending import ended, files_of_run, listen, standard_output
from llmo.cli.commands.batch.flags import STDOUT
from llmo.cli.commands.batch.recording import over, recorded
from llmo.cli.commands.batch.specs import batch_spec, output_spec
from llmo.cli.durations import seconds
from llmo.cli.files import STDIN
from llmo.cli.output import explain
from llmo.errors import Exit, LlmoError, UsageError
from llmo.render import explained
from llmo.storage.paths import data_dir
from llmo.types.dataclass import replace
from llmo.types.format import counted
from llmo.types.ids import ulid
from llmo.types.nearest import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmo.batch.spec import OutputSpec
    from llmo.cli.commands.batch.flags import BatchFlags
    from llmo.cli.context import Context
    from llmo.routing.plan import Plan


def batch(ctx: Context, flags: BatchFlags) -> int:
    """Run; the exit code."""
    _refuse(flags)
    if flags.manner.reparse is not None:
        return _reparse(ctx, flags)
    ctx.online = not flags.manner.dry_run
    ctx.ledger.patience = options.clocks(flags.selection, ctx.profile)[0]
    job = checked_job(ctx, flags)
    explain(ctx, _first_plans(job))
    if flags.manner.dry_run:
        output.show_forecast(ctx, flags, job, forecast.dry_run(job))
        return int(Exit.OK)
    if not flags.manner.deferred:
        return _run(ctx, flags, job)
    code = deferred.run(ctx, flags, job)
    # What the batches leave open is one more run of the same command, which continues the output.
    return batch(ctx, deferred.at_once(flags)) if code is None else code


def _with_template(ctx: Context, flags: BatchFlags) -> BatchFlags:
    """The flags over the front matter of the template. Raises `UsageError`."""
    if flags.reads_stdin:
        ctx.stdin_taken_by = "the rows"
    template = templates.opened(ctx, flags.source.template)
    if flags.source.repair is not None and flags.source.schema is None and (template is None or not template.schema):
        raise UsageError("--repair requires --schema", hint="only answers that do not match a schema are repaired")
    return replace(flags, template=template, selection=templates.under(ctx, flags.selection, template))


def checked_job(ctx: Context, flags: BatchFlags) -> BatchJob:
    """The batch that the flags describe, checked as far as possible before anything is paid for. Raises `LlmoError`."""
    flags = _with_template(ctx, flags)
    named = {"-o": flags.output.output, "--errors": flags.output.errors, "--report": flags.output.report}
    for flag, name in named.items():
        export.local(flag, name)
    export.lines_only("--errors", flags.output.errors)
    writes = output_spec(flags, ctx.names)
    piped = flags.reads_stdin
    output_files.apart(
        _written(writes),
        _read(ctx, flags),
        stdin=ctx.stdin if piped else None,
        stdout=ctx.stdout if writes.target is None else None,
    )
    output_files.writable("--report", None if writes.report is None else str(writes.report))
    typed = not flags.inputs and ctx.stdin_tty
    job = BatchJob(
        batch_spec(ctx, flags, writes),
        profile=ctx.profile,
        planner=ctx.planner,
        ledger=ctx.ledger,
        stdin=ctx.stdin.buffer if piped and not typed and ctx.stdin is not None else None,
        notify=lambda line: ctx.note(f"llmo: {line}"),
        attempted=lambda row, attempt: ctx.told(f"{row}: {explained.ended(attempt)}"),
        confirm=lambda question: _agreed(ctx, question),
        open_cache=lambda: ctx.answer_cache(flags.manner.cache),
    )
    job.check()
    return job


def _first_plans(job: BatchJob) -> Iterator[Plan]:
    """Who may answer the first row, for each model of a comparison."""
    for target in job.spec.output.compared_targets or (None,):
        asked = next((one for one in job.head.first if one.compared_target == target), None)
        if asked is not None:
            with suppress(LlmoError):  # told when the row is sent
                yield job.plan(asked)


def _written(writes: OutputSpec) -> list[output_files.Named]:
    named = [("-o", writes.target), ("--errors", writes.errors), ("--report", writes.report)]
    return [
        *(output_files.Named(flag, path) for flag, path in named if path is not None),
        *(output_files.Named("-o", path) for path in writes.beside),
    ]


def _read(ctx: Context, flags: BatchFlags) -> list[output_files.Named]:
    """Every file that a run reads; with --files, only inputs named individually."""
    source = flags.source
    named = [Path(name) for name in flags.inputs if name != rows.STDIN]
    return [
        *(output_files.Named("an input", path) for path in named if not source.files or path.is_file()),
        *(output_files.Named("--template", path) for path in (flags.template.files if flags.template else ())),
        *output_files.given("--schema", source.schema),
        *output_files.given("--system", source.system, mark="@"),
        *output_files.own(ctx),
    ]


def _agreed(ctx: Context, question: str) -> bool:
    """Ask on the terminal; False without one."""
    if not (ctx.stdin_tty and ctx.stderr_tty):
        return False
    ctx.ask(f"llmo: {question} [y/N] ")
    return ctx.stdin.readline().strip().lower() in ("y", "yes")


def _run(ctx: Context, flags: BatchFlags, job: BatchJob) -> int:
    """Send what is left; the exit code."""
    cluster.check(flags, job)
    with files_of_run(ctx) as files:
        width = workers(job)
        ctx.told(f"{counted(width, job.unit)} at a time")
        fresh = ulid(ctx.clock.now())
        name = prepare.prepare(job, files, run=fresh, saved=data_dir(ctx.env) / "saved")
        if files.journal is None:
            return asyncio.run(_sent(ctx, flags, job, files, name=name, width=width))
        record = recorded(ctx, job, "local", identifier=fresh, name=name)
        Registry.of(ctx.env).write(record, durable=False)
        return over(ctx, job, record, asyncio.run(_sent(ctx, flags, job, files, name=name, width=width)))


async def _sent(
    ctx: Context, flags: BatchFlags, job: BatchJob, files: prepare.BatchFiles, *, name: str, width: int
) -> int:
    selection = flags.selection
    session = ctx.session(
        run=name,
        max_cost=selection.max_cost,
        allow_unpriced=selection.allow_unpriced,
        rates=job.spec.rates,
        width=width,
    )
    caught: list[Exit] = []
    try:
        async with cluster.crew(ctx, flags, job, files, name=name) as crew:
            run = BatchRun(job, files, session, name=name, workers=width, stdout=standard_output(ctx, job), crew=crew)
            listen(ctx, run, caught)
            async with live.progress(ctx, flags, run):
                ending = await run.run()
    finally:
        await session.close()
    return ended(ctx, flags, run, ending, caught=caught)


def _refuse(flags: BatchFlags) -> None:
    """Raise for flags that can't be followed."""
    deferred.refuse(flags)
    if flags.source.prompt is not None and flags.source.template is not None:
        raise UsageError("--prompt and --template cannot be combined")
    if flags.output.as_json and not flags.manner.dry_run:
        raise UsageError("--json requires --dry-run", hint="rows are JSON already; --report FILE has the summary")
    _refuse_useless(flags)
    _refuse_mixed(flags)
    retry = flags.manner.retry_errors
    if retry is not None and retry not in ("all", *KINDS):
        raise UsageError(f"unknown kind of error: {retry}", hint=suggestion(retry, KINDS, "kinds"))


def _refuse_mixed(flags: BatchFlags) -> None:
    """Raise for two kinds of lines on standard output."""
    output, dry = flags.output, flags.manner.dry_run
    rows = {"the rows": output.output in STDOUT} if not dry else {}
    mixed = {**rows, "--errors -": output.errors == STDIN, "--report -": output.report == STDIN}
    one, *others = [*(name for name, given in mixed.items() if given), None]
    if one and others[:-1]:
        hint = "give the rows a file with -o" if one in rows else "give one of them a file"
        raise UsageError(f"{one} and {others[0]} cannot both write standard output", hint=hint)
    if flags.manner.reparse == STDIN:
        raise UsageError("--reparse requires a file", hint="it changes the file in place")


def _refuse_useless(flags: BatchFlags) -> None:
    """Raise for flags that would be ignored while the rows are paid for."""
    source, manner = flags.source, flags.manner
    if source.files and source.input_format != "auto":
        raise UsageError("--files and --input-format cannot be combined", hint="--files makes each file a row")
    if manner.cache is not None:
        seconds("--cache", manner.cache)
        if manner.no_dedupe:
            raise UsageError(
                "--cache and --no-dedupe cannot be combined", hint="--no-dedupe asks for an answer per row"
            )
    recorded = {
        "--restart": manner.restart,
        "--retry-errors": manner.retry_errors,
        "--at-most-once": manner.at_most_once,
        "--durable": manner.durable,
        "--engine ray": manner.engine == "ray",
    }
    for flag, given in recorded.items():
        if given and flags.output.output in STDOUT:
            raise UsageError(f"{flag} requires -o FILE", hint="standard output cannot be resumed")
    if manner.reparse is not None and flags.output.output:
        raise UsageError("--reparse cannot be combined with -o", hint="it re-validates the answers in its own file")


def _reparse(ctx: Context, flags: BatchFlags) -> int:
    from llmo.batch.reparse import reparse
    from llmo.requests.validator import checked

    path = Path(flags.manner.reparse or "")
    schema = files.schema(ctx, flags.source.schema)
    if schema is None:
        raise UsageError("--reparse requires --schema", hint="add the schema that the answers must match")
    if not path.is_file():
        raise UsageError(f"no such file: {path}")
    if is_comparison(path):
        beside = manifest.beside(path, "jsonl")
        raise UsageError(
            f"the answers of a comparison are in another file: {path}",
            hint=f"--reparse {beside}, then run the comparison again",
        )
    good, bad = reparse(path, checked(schema))
    ctx.note(f"llmo: {good:,} answers match the schema, {bad:,} do not; nothing was sent")
    return int(Exit.ROWS_FAILED if bad else Exit.OK)
