"""Before a run: take the output, see what it holds and what was in flight, ask what must be asked."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from llmo.batch.input.identity import canonical, short
from llmo.batch.output import appended, records
from llmo.batch.output.appended import Appended, check_all
from llmo.batch.output.journal import Journal, encoded
from llmo.batch.resume import manifest
from llmo.batch.resume.intents import Intents
from llmo.batch.resume.recorded import Recorded
from llmo.batch.stats import RunStats
from llmo.cli import options
from llmo.cli.commands.batch import forecast
from llmo.cli.commands.batch.job import works
from llmo.config import parameters
from llmo.errors import UsageError
from llmo.storage.paths import data_dir
from llmo.types.format import dollars, exact
from llmo.types.ids import ulid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.cli.commands.batch.job import BatchJob
    from llmo.types.jsontext import Json


@dataclass(slots=True)
class BatchFiles:
    """What a run writes to besides standard output."""

    journal: Journal | None = None
    errors: Appended | None = None
    intents: Intents = field(default_factory=lambda: Intents(None))

    def failed(self, row: Mapping[str, Json] | str) -> None:
        """Put a failed row apart, one that can't be read as it stands. Raises `OutputLost`."""
        if self.errors is not None:
            self.errors.write(row.encode("utf-8", "surrogateescape") + b"\n" if isinstance(row, str) else encoded(row))

    def check(self) -> None:
        """Raise `OutputLost` when one of them is no longer the file that is written."""
        check_all([None if self.journal is None else self.journal.file, self.errors])

    def close(self) -> None:
        """Give the files back."""
        if self.errors is not None:
            os.close(self.errors.fd)
        if self.journal is not None:
            self.journal.close()


def prepare(task: BatchJob, files: BatchFiles) -> None:
    """Open the files and say what is there already."""
    manner, target, path = task.flags.manner, task.target, task.journal
    now = manifest.Manifest(run=manner.run or ulid(task.ctx.clock.now()), made_of=_made_of(task))
    if path is None or target is None:
        task.ctx.run_id = now.run
    else:
        # Whoever removes an output wants a new run, with its own spending.
        kept = path.exists()
        files.journal = Journal(path, durable=manner.durable, refuge=data_dir(task.ctx.env) / "saved")
        before = manifest.read(manifest.beside(target, "json"))
        if files.journal.cut:
            task.ctx.note(f"llmo: {path}: a torn end of {files.journal.cut:,} bytes was cut off")
        if manner.restart:
            _restart(task, files.journal)
        elif before is not None and kept and manner.run is None:
            now = manifest.Manifest(run=before.run, made_of=now.made_of)
        task.ctx.run_id = now.run
        lost = task.ctx.ledger.reconcile(before.run) if before else []
        task.recorded.read(path, task.same, task.flags.manner.retry_errors)
        _say_resumed(task, before, now)
        files.intents = _begin(task, files.journal, now, lost=[cost or 0 for _, cost in lost])
    _confirm(task)
    if task.flags.output.errors is not None:
        files.errors = _emptied(task.flags.output.errors)


def opened(name: str) -> BinaryIO:
    """A file to write from its beginning. Raises `UsageError`."""
    try:
        return Path(name).open("wb", buffering=0)
    except OSError as exc:
        raise UsageError(f"cannot write {name}: {exc.strerror}") from None


def _emptied(name: str) -> Appended:
    """A file for failed rows, of this run only. Raises `UsageError`."""
    try:
        return Appended(appended.opened(Path(name)), Path(name))
    except OSError as exc:
        raise UsageError(f"cannot write {name}: {exc.strerror}") from None


def _restart(task: BatchJob, journal: Journal) -> None:
    """Throw the output away, if that is really wanted."""
    if journal.size == 0:
        return
    if not task.flags.manner.yes and not _agreed(task, f"throw away what is in {journal.path}?"):
        hint = "answer y, or give -y" if task.ctx.stdin_tty else "give -y as well"
        raise UsageError(f"--restart would throw away {journal.path}", hint=hint)
    journal.empty()
    if task.target is not None:
        manifest.beside(task.target, "intents").unlink(missing_ok=True)


def _say_resumed(task: BatchJob, before: manifest.Manifest | None, now: manifest.Manifest) -> None:
    """Look at all rows to say how many are done and how many have changed."""
    broken = task.recorded.broken
    if broken and task.target is not None:
        what = "1 line" if broken == 1 else f"{broken:,} lines"
        aside = manifest.beside(task.target, "old.jsonl")
        task.ctx.note(f"llmo: {task.journal}: {what} can't be trusted: their rows run again; kept in {aside}")
    if not len(task.recorded.table):
        return
    found = RunStats()
    for _ in works(task.feed(stats=found)):
        pass
    parts = [f"{found.skipped:,} {task.unit} are done"]
    if found.kept_failed:
        parts.append(f"{found.kept_failed:,} failed before and stay so (--retry-errors=KIND runs them again)")
    if found.resent:
        parts.append(f"{found.resent:,} failed {task.unit} run again")
    if found.changed:
        why = now.differs(before) if before else []
        parts.append(f"{found.changed:,} have changed ({', '.join(why) or 'their input'}) and run again")
    orphans = len(task.recorded.table) - found.recorded
    if orphans > 0:
        parts.append(f"{orphans:,} are no longer in the input")
    task.ctx.note(f"llmo: resuming {task.target}: {', '.join(parts)}")


def _begin(task: BatchJob, journal: Journal, now: manifest.Manifest, *, lost: list[int]) -> Intents:
    """Settle what was in flight at the end of the last run; begin the files beside the output."""
    assert task.target is not None
    path = manifest.beside(task.target, "intents")
    wanted = task.flags.manner.at_most_once
    marked = _mark_doubtful(task, journal, Intents(path)) if wanted else 0
    if lost or marked:
        again = f"{marked:,} {task.unit} are marked unknown" if wanted else "they are sent again"
        task.ctx.note(
            f"llmo: {len(lost):,} requests were in flight when the last run ended: {again}, "
            f"and their first sending stays booked with {dollars(sum(lost))}"
        )
    path.unlink(missing_ok=True)
    intents = Intents(path if wanted else None)
    try:
        intents.begin(journal.size)
        now.write(manifest.beside(task.target, "json"))
    except OSError as exc:
        raise UsageError(f"cannot write beside {task.target}: {exc.strerror}") from None
    return intents


def _mark_doubtful(task: BatchJob, journal: Journal, intents: Intents) -> int:
    """Give each row that may have been answered its line; how many."""
    lost = (name for name in task.ctx.ledger.lost_rows(task.ctx.run_id) if short(name) not in task.recorded.table)
    names = intents.doubtful(journal.path) | set(lost)
    marked = 0
    if names:
        for work in works(task.feed(stats=RunStats())):
            if work.name in names:
                journal.append(encoded(records.doubtful(work.identity, task.keep(work.fields))))
                marked += 1
        task.recorded = Recorded()
        task.recorded.read(journal.path, task.same, task.flags.manner.retry_errors)
    return marked


def _made_of(task: BatchJob) -> Mapping[str, str]:
    """What requests are made of, hashed, to say later what has changed."""
    source = task.flags.source
    template = source.prompt if source.template is None else Path(source.template).read_text("utf-8")
    parts: Mapping[str, Json] = {
        "prompt": template,
        "system": source.system,
        "model": task.choice,
        "parameters": repr(options.params(task.flags.selection, source.option)),
        "schema": task.schema,
    }
    return {name: blake2b(canonical(part), digest_size=8).hexdigest() for name, part in parts.items()}


def _confirm(task: BatchJob) -> None:
    """Ask before a run that may cost more than `--confirm-over`."""
    text = task.flags.manner.confirm_over
    if text is None or task.flags.manner.yes:
        return
    limit = parameters.dollars(text, "--confirm-over")
    found = forecast.forecast(task)
    if found.worst is not None and found.worst <= limit:
        return
    question = f"{found.rows:,} {task.unit}: {dollars(found.estimate)} expected, {dollars(found.worst)} at worst"
    if not _agreed(task, f"{question}; send them?"):
        raise UsageError(f"it may cost more than {exact(limit)}: {question}", hint="give -y to send them")


def _agreed(task: BatchJob, question: str) -> bool:
    """Ask on the terminal; False without one."""
    ctx = task.ctx
    if not (ctx.stdin_tty and ctx.stderr_tty):
        return False
    ctx.ask(f"llmo: {question} [y/N] ")
    return ctx.stdin.readline().strip().lower() in ("y", "yes")
