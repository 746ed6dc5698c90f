"""Before a run: open the output, find out what it holds and what was in flight, and ask for confirmation."""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import TYPE_CHECKING, BinaryIO

from llmo.batch import resumed
from llmo.batch.forecast import forecast
from llmo.batch.input.identity import canonical, short
from llmo.batch.output import appended
from llmo.batch.output.appended import Appended, check_all
from llmo.batch.output.journal import Journal, encoded
from llmo.batch.resume import manifest, parts
from llmo.batch.resume.feed import works
from llmo.batch.resume.intents import Intents
from llmo.batch.stats import RunStats
from llmo.errors import UsageError
from llmo.types.dataclass import dataclass, field, replace
from llmo.types.format import dollars, exact

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from llmo.batch.job import BatchJob
    from llmo.batch.resume.manifest import Manifest
    from llmo.types.jsontext import Json


class NotConfirmed(UsageError):
    """An output would be discarded, and nobody has confirmed it."""


@dataclass(slots=True)
class BatchFiles:
    """What a run writes to besides standard output."""

    journal: Journal | None = None
    errors: Appended | None = None
    intents: Intents = field(default_factory=lambda: Intents(None))
    manifest: Manifest | None = None
    superseded: int = 0
    """Lines of the output that others have taken the place of, before anything was sent."""

    def failed(self, row: Mapping[str, Json] | str) -> None:
        """Write a failed row to the errors file; one that can't be parsed unchanged. Raises `OutputLost`."""
        if self.errors is not None:
            self.errors.write(row.encode("utf-8", "surrogateescape") + b"\n" if isinstance(row, str) else encoded(row))

    def check(self) -> None:
        """Raise `OutputLost` when one of them is no longer the file that is written."""
        check_all([None if self.journal is None else self.journal.file, self.errors])

    def close(self) -> None:
        """Close the files."""
        if self.errors is not None:
            os.close(self.errors.fd)
        if self.journal is not None:
            self.journal.close()


def prepare(job: BatchJob, files: BatchFiles, *, run: str, saved: Path) -> str:
    """
    Open the files, report what they hold and ask for confirmation; returns the name of the run in the ledger.

    A new run is called `run`. What can't be saved beside a lost output is saved in the directory `saved`.
    """
    spec, target, path = job.spec, job.spec.output.target, job.journal
    now = manifest.Manifest(run=spec.run or run, made_of=_made_of(job))
    if path is not None and target is not None:
        # Whoever removes an output wants a new run, with its own spending.
        before = job.before
        files.journal = Journal(path, durable=spec.durable, refuge=saved)
        if files.journal.cut:
            job.notify(f"{path}: removed an incomplete last line ({files.journal.cut:,} bytes)")
        if spec.restart:
            _restart(job, target, files.journal)
        elif before is not None and spec.run is None:
            now = manifest.Manifest(run=before.run, made_of=now.made_of)
        parts.gone(parts.folder(target))
        lost = job.ledger.reconcile(before.run) if before else []
        if _is_sealed(job, target):
            assert before is not None
            job.sealed_rows = job.stats.skipped = job.stats.expected_skips = before.rows
        else:
            job.read_recorded()
            _merge(job, target, files)
        _say_resumed(job, target, now)
        files.manifest = now = replace(now, id_field=job.head.id_field or "")
        files.intents = _begin(job, target, files.journal, now, lost=[cost or 0 for _, cost in lost])
    _confirm(job)
    if spec.output.errors is not None:
        files.errors = _emptied(spec.output.errors)
    return now.run


def opened(path: Path) -> BinaryIO:
    """A file to write from its beginning. Raises `UsageError`."""
    try:
        return path.open("wb", buffering=0)
    except OSError as exc:
        raise UsageError(f"cannot write {path}: {exc.strerror}") from None


def _emptied(path: Path) -> Appended:
    """A file for failed rows, of this run only. Raises `UsageError`."""
    try:
        return Appended(appended.opened(path), path)
    except OSError as exc:
        raise UsageError(f"cannot write {path}: {exc.strerror}") from None


def _restart(job: BatchJob, target: Path, journal: Journal) -> None:
    """Discard the output, if the user confirms it."""
    if journal.size == 0:
        return
    if not job.spec.assume_yes and not job.confirm(f"discard {journal.path} and start over?"):
        raise NotConfirmed(f"--restart would discard {journal.path}", hint="confirm with -y")
    journal.empty()
    manifest.beside(target, "intents").unlink(missing_ok=True)
    parts.remove(parts.folder(target))


def _is_sealed(job: BatchJob, target: Path) -> bool:
    """Whether nothing has changed since all was answered."""
    assert job.journal is not None
    if job.before is None or job.before.seal is None or parts.folder(target).exists():
        return False
    return job.before.seal == job.seal.of(job.journal)


def _merge(job: BatchJob, target: Path, files: BatchFiles) -> None:
    """Take over what workers of a cluster had written when their run was killed."""
    directory = parts.folder(target)
    if not directory.is_dir():
        return
    assert files.journal is not None
    fresh, files.superseded = parts.merge(directory, files.journal, job.recorded)
    parts.remove(directory)
    if fresh:
        job.notify(f"{target}: took over {fresh:,} {job.unit} from workers of the last run")
        job.read_recorded()


def _say_resumed(job: BatchJob, target: Path, now: manifest.Manifest) -> None:
    """Report how many rows are done and how many have changed, if all of the input is known already."""
    if job.sealed_rows is not None:
        job.notify(f"resuming {target}: {job.sealed_rows:,} {job.unit} are done, and no file has changed since")
    broken = job.recorded.broken
    if broken:
        what = "1 line" if broken == 1 else f"{broken:,} lines"
        aside = manifest.beside(target, "old.jsonl")
        job.notify(f"{job.journal}: {what} cannot be trusted: their rows are sent again; kept in {aside}")
    if not len(job.recorded.table):
        return
    found = RunStats()
    for _ in works(job.forecast_feed(job.head.rows, found)):
        pass
    if not job.head.whole:
        job.stats.expected_skips = resumed.expected(job, found)
        first = (
            f"; of the first {len(job.head.rows):,} rows, {resumed.changed(job, found, now)}" if found.changed else ""
        )
        job.notify(f"resuming {target}: it holds {len(job.recorded.table):,} {job.unit}{first}")
        return
    job.stats.expected_skips = found.skipped + found.kept_failed
    job.notify(f"resuming {target}: {resumed.told(job, found, now)}")


def _begin(job: BatchJob, target: Path, journal: Journal, now: manifest.Manifest, *, lost: list[int]) -> Intents:
    """Report what was in flight when the last run ended, and start the files beside the output."""
    path = manifest.beside(target, "intents")
    wanted = job.spec.at_most_once
    job.doubtful = _doubtful(job, now.run, journal, Intents(path)) if wanted else frozenset()
    if lost or job.doubtful:
        again = f"{len(job.doubtful):,} {job.unit} are marked unknown" if wanted else "they are sent again"
        job.notify(
            f"{len(lost):,} requests were in flight when the last run ended: {again}, "
            f"and the cost of the first request stays booked: {dollars(sum(lost))}"
        )
    if not wanted:
        path.unlink(missing_ok=True)
    intents = Intents(path if wanted else None)
    try:
        intents.begin(journal.size, job.doubtful)
        now.write(manifest.beside(target, "json"))
    except OSError as exc:
        raise UsageError(f"cannot write beside {target}: {exc.strerror}") from None
    return intents


def _doubtful(job: BatchJob, run: str, journal: Journal, intents: Intents) -> frozenset[str]:
    """The rows that may have been answered when the last run ended: they get a line that says so."""
    lost = (name for name in job.ledger.lost_rows(run) if short(name) not in job.recorded.table)
    return frozenset(intents.doubtful(journal.path) | set(lost))


def _made_of(job: BatchJob) -> Mapping[str, str]:
    """Hashes of everything that requests are made of, to explain later what has changed."""
    spec = job.spec
    parts: Mapping[str, Json] = {
        "prompt": spec.prompt if spec.template is None else spec.template,
        "system": spec.system,
        "model": job.choice,
        "parameters": repr(spec.params),
        "schema": spec.schema,
    }
    return {name: blake2b(canonical(part), digest_size=8).hexdigest() for name, part in parts.items()}


def _confirm(job: BatchJob) -> None:
    """Ask before a run that may cost more than it may without asking."""
    limit = job.spec.confirm_over
    if limit is None or job.spec.assume_yes:
        return
    found = forecast(job)
    if found.worst is not None and found.worst <= limit:
        return
    question = f"{found.rows:,} {job.unit}: {dollars(found.estimate)} expected, {dollars(found.worst)} at worst"
    if not job.confirm(f"{question}; continue?"):
        raise UsageError(f"it may cost more than {exact(limit)}: {question}", hint="confirm with -y")
