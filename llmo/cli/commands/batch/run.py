"""What `llmo batch` does: refuse what can't be, then check everything, then show or run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from llmo.batch.output.comparison import is_comparison
from llmo.batch.resume import manifest
from llmo.batch.resume.recorded import KINDS
from llmo.cli import inputs
from llmo.cli.commands.batch.job import STDOUT, BatchJob
from llmo.errors import Exit, UsageError

if TYPE_CHECKING:
    from llmo.cli.commands.batch.job import BatchSpec
    from llmo.cli.context import Context


def batch(ctx: Context, flags: BatchSpec) -> int:
    """Run; the exit code."""
    from llmo.cli import options
    from llmo.cli.commands.batch import execute, forecast

    _refuse(flags)
    if flags.manner.reparse is not None:
        return _reparse(ctx, flags)
    ctx.online = not flags.manner.dry_run
    ctx.ledger.patience = options.clocks(flags.selection, ctx.profile)[0]
    task = BatchJob(ctx, flags)
    task.check()
    if flags.manner.dry_run:
        return forecast.show(task)
    return execute.run(task)


def _refuse(flags: BatchSpec) -> None:
    """Raise for flags that can't be followed."""
    if flags.manner.deferred:
        raise UsageError("--deferred is not built yet", hint="leave it out: the rows are then sent one by one")
    if flags.manner.engine != "local":
        raise UsageError(f"--engine {flags.manner.engine} is not built yet", hint="leave it out to run on this machine")
    if flags.source.prompt is not None and flags.source.template is not None:
        raise UsageError("--prompt and --template exclude each other")
    if flags.output.as_json and not flags.manner.dry_run:
        raise UsageError("--json needs --dry-run", hint="rows are JSON already; --report FILE has the summary")
    _refuse_useless(flags)
    retry = flags.manner.retry_errors
    if retry is not None and retry not in ("all", *KINDS):
        raise UsageError(f"unknown kind of error: {retry}", hint=f"kinds: {', '.join(KINDS)}")


def _refuse_useless(flags: BatchSpec) -> None:
    """Raise for flags that would be ignored while the rows are paid for."""
    source, manner = flags.source, flags.manner
    if source.repair is not None and source.schema is None:
        raise UsageError("--repair needs --schema", hint="without a schema no answer is sent back")
    if source.files and source.input_format != "auto":
        raise UsageError("--files and --input-format exclude each other", hint="with --files a whole file is a row")
    recorded = {
        "--restart": manner.restart,
        "--retry-errors": manner.retry_errors,
        "--at-most-once": manner.at_most_once,
        "--durable": manner.durable,
    }
    for flag, given in recorded.items():
        if given and flags.output.output in STDOUT:
            raise UsageError(f"{flag} needs -o FILE", hint="standard output can't be resumed")
    if manner.reparse is not None and flags.output.output:
        raise UsageError("--reparse takes no -o", hint="it re-validates the answers in its own file")


def _reparse(ctx: Context, flags: BatchSpec) -> int:
    from llmo.batch.reparse import reparse
    from llmo.requests.validator import checked

    path = Path(flags.manner.reparse or "")
    schema = inputs.schema(flags.source.schema)
    if schema is None:
        raise UsageError("--reparse needs --schema", hint="the schema that the answers should meet")
    if not path.is_file():
        raise UsageError(f"no such file: {path}")
    if is_comparison(path):
        beside = manifest.beside(path, "jsonl")
        raise UsageError(
            f"a comparison is made of the answers beside it: {path}",
            hint=f"--reparse {beside}, then give the command of the comparison again",
        )
    good, bad = reparse(path, checked(schema))
    ctx.note(f"llmo: {good:,} answers match the schema, {bad:,} do not; nothing was sent")
    return int(Exit.ROWS_FAILED if bad else Exit.OK)
