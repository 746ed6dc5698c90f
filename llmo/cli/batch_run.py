"""The run itself: resume, signals, progress, the end."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from llmo.batch import export, outcome, state
from llmo.batch.identity import canonical
from llmo.batch.intents import Intents
from llmo.batch.journal import Journal, encoded
from llmo.batch.runner import GRACE_S, Rules, Runner
from llmo.batch.sender import Sender, Terms
from llmo.batch.sinks import WINDOW, ToJournal, ToStream
from llmo.cli import batch_dry, options
from llmo.cli.batching import write_json
from llmo.errors import Exit, LlmoError, UsageError
from llmo.ids import ulid
from llmo.limits import Wish, limits
from llmo.money import parse_usd, usd
from llmo.render import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llmo.batch.runner import Ending, Sink
    from llmo.cli.batching import Task
    from llmo.types import Json

MOST_IN_FLIGHT = 10_000
SIGNALS = {"SIGINT": Exit.SIGINT, "SIGTERM": Exit.SIGTERM}
FILES_BESIDE = 64
"""Descriptors that are needed besides one for each row in flight."""


def run(task: Task) -> int:
    """Send what is left; the exit code."""
    job = Job(task)
    try:
        job.open()
        _confirm(task)
        return asyncio.run(job.main())
    finally:
        job.close()


@dataclass
class Job:
    """One run with its files."""

    task: Task
    journal: Journal | None = None
    errors: BinaryIO | None = None
    intents: Intents = field(default_factory=lambda: Intents(None))
    caught: Exit | None = None
    began: float = 0.0

    def open(self) -> None:
        """Take the output, see what it holds, say what that means."""
        task, manner = self.task, self.task.flags.manner
        target, path = task.target, task.journal
        before: state.State | None = None
        if path is not None and target is not None:
            self.journal = Journal(path, durable=manner.durable)
            before = state.read(state.beside(target, "json"))
            if manner.restart:
                self._restart(path, target)
                before = None
            elif self.journal.cut:
                task.ctx.note(f"llmo: {path}: a torn end of {self.journal.cut:,} bytes was cut off")
        run = manner.run or (before.run if before else ulid(task.ctx.clock.now()))
        task.ctx.run_id = run
        now = state.State(run=run, made_of=self._made_of())
        if path is not None and target is not None:
            if not manner.restart:
                task.recorded.read(path, task.same)
                self._resume(path, before, now)
            self._begin(target, now)
        if task.flags.output.errors is not None:
            self.errors = _opened(task.flags.output.errors)

    def close(self) -> None:
        """Give the files back."""
        if self.journal is not None:
            self.journal.close()
        if self.errors is not None:
            self.errors.close()

    async def main(self) -> int:
        """Run until the end, whatever ends it."""
        from llmo.cli.wiring import Wired

        task = self.task
        workers = self._workers()
        wired = Wired(task.ctx, task.flags.selection, wish=self._wish(), busy=True)
        total, retries = options.clocks(task.flags.selection, task.ctx.profile)
        terms = Terms(
            run=task.ctx.run_id,
            tags=options.tags(task.flags.selection),
            retries=retries,
            timeout=total,
            validator=task.validator,
            repair=task.flags.source.repair,
        )
        sender = Sender(wired.engine, task.plan, terms, tally=task.tally, intents=self.intents)
        sink = self._sink(workers)
        rules = Rules(
            workers=workers,
            same=task.same,
            max_failures=self._max_failures(),
            keep=task.keep,
            failed=self._failed,
        )
        runner = Runner(iter(task.feed(self._failed)), sender, sink, rules=rules, tally=task.tally)
        sender.stopping = lambda: runner.stopping
        self.began = time.monotonic()
        shown = self._shown()
        syncing = asyncio.create_task(self.journal.keep_synced()) if self.journal else None
        try:
            self._listen(runner)
            ending = await runner.run()
        finally:
            for other in (shown[0] if shown else None, syncing):
                if other is not None:
                    other.cancel()
                    with suppress(asyncio.CancelledError):
                        await other
            if shown:
                shown[1].close()
            if isinstance(sink, ToStream):
                sink.flush()
            await wired.close()
        return self._end(ending)

    def _restart(self, path: Path, target: Path) -> None:
        """Throw the output away, if that is really wanted."""
        assert self.journal is not None
        if self.journal.size == 0:
            return
        ctx, manner = self.task.ctx, self.task.flags.manner
        if not manner.yes and not _agreed(self.task, f"throw away what is in {path}?"):
            hint = "answer y, or give -y" if ctx.stdin_tty else "give -y as well"
            raise UsageError(f"--restart would throw away {path}", hint=hint)
        self.journal.empty()
        state.beside(target, "intents").unlink(missing_ok=True)

    def _resume(self, path: Path, before: state.State | None, now: state.State) -> None:
        """Say what an earlier run left, and settle what it had in flight."""
        task = self.task
        broken = task.recorded.counts.broken
        if broken:
            task.ctx.note(f"llmo: {path}: {broken:,} lines can't be read; their rows run again")
        lost = task.ctx.ledger.reconcile(task.ctx.run_id) if before else []
        self._count_resumed(before, now)
        if lost:
            again = "marked unknown" if task.flags.manner.at_most_once else "sent again"
            amount = progress.dollars(sum(cost or 0 for _, cost in lost))
            task.ctx.note(
                f"llmo: {len(lost):,} requests were in flight when the last run ended: {again}; "
                f"their first sending stays booked with {amount}"
            )

    def _count_resumed(self, before: state.State | None, now: state.State) -> None:
        """Look at all rows once more to say how many are done and how many have changed."""
        task, table = self.task, self.task.recorded.table
        if not len(table):
            return
        from llmo.batch.tally import Tally

        for _ in task.feed(tally=Tally()):
            pass
        counts = task.recorded.counts
        parts = [f"{counts.done:,} rows are done"]
        if counts.failed:
            parts.append(f"{counts.failed:,} failed before (--retry-errors runs them again)")
        if counts.retry:
            parts.append(f"{counts.retry:,} failed rows run again")
        if counts.changed:
            why = now.differs(before) if before else []
            parts.append(f"{counts.changed:,} have changed ({', '.join(why) or 'their input'}) and run again")
        if task.recorded.orphans > 0:
            parts.append(f"{task.recorded.orphans:,} are no longer in the input")
        task.ctx.note(f"llmo: resuming {task.target}: {', '.join(parts)}")
        for name in ("done", "failed", "changed", "retry"):
            setattr(counts, name, 0)

    def _begin(self, target: Path, now: state.State) -> None:
        """Write the state, and with --at-most-once the rows in doubt."""
        assert self.journal is not None
        path = state.beside(target, "intents")
        wanted = self.task.flags.manner.at_most_once
        self.intents = Intents(path if wanted or path.exists() else None)
        if wanted:
            self._mark_doubtful(self.intents.doubtful(self.journal.path))
        if not wanted:
            path.unlink(missing_ok=True)
            self.intents = Intents(None)
        self.intents.begin(self.journal.size)
        try:
            now.write(state.beside(target, "json"))
        except OSError as exc:
            raise UsageError(f"cannot write {state.beside(target, 'json')}: {exc.strerror}") from None

    def _mark_doubtful(self, names: set[str]) -> None:
        """Give each row that may have been answered its line."""
        if not names or self.journal is None:
            return
        task = self.task
        from llmo.batch.tally import Tally

        for work in task.feed(tally=Tally()):
            if work is not None and work.name in names:
                self.journal.append(encoded(outcome.doubtful(work.identity, task.keep(work.fields))))
        task.recorded = type(task.recorded)()
        task.recorded.read(self.journal.path, task.same)

    def _made_of(self) -> Mapping[str, str]:
        from hashlib import blake2b

        task, source = self.task, self.task.flags.source
        parts: Mapping[str, Json] = {
            "prompt": source.prompt or (source.template and Path(source.template).read_text("utf-8")),
            "system": source.system,
            "model": task.choice,
            "parameters": repr(options.params(task.flags.selection, source.option)),
            "schema": task.schema,
        }
        return {name: blake2b(canonical(part), digest_size=8).hexdigest() for name, part in parts.items()}

    def _workers(self) -> int:
        given, task = self.task.flags.manner.concurrency, self.task
        if given != "auto":
            workers = _number("--concurrency", given, MOST_IN_FLIGHT)
        else:
            names = {c.target.provider for asked in task.survey.first for c in task.plan(asked).ranked}
            workers = max((limits(task.ctx.profile.providers[n]).concurrency or 1 for n in names), default=1)
        _allow_files(workers + FILES_BESIDE)
        return max(1, min(workers, task.survey.rows))

    def _wish(self) -> Wish:
        manner = self.task.flags.manner
        given = None if manner.concurrency == "auto" else _number("--concurrency", manner.concurrency, MOST_IN_FLIGHT)
        return Wish(rpm=manner.rpm, tpm=manner.tpm, share=manner.share, concurrency=given)

    def _max_failures(self) -> int | None:
        text = self.task.flags.manner.max_failures
        if text is None:
            return None
        if text.endswith("%"):
            return _number("--max-failures", text[:-1], 100) * self.task.survey.rows // 100
        return _number("--max-failures", text, None, least=0)

    def _sink(self, workers: int) -> Sink:
        if self.journal is not None:
            return ToJournal(self.journal)
        task = self.task
        shaped = export.shaper(task.shape, task.columns)
        write = self._writer()
        head = shaped(None)
        if head:
            write(head)
        plain = task.shape == "jsonl"
        window = WINDOW * workers if task.flags.output.ordered else None
        return ToStream(write if plain else lambda line: write(shaped(json.loads(line))), task.same, window=window)

    def _writer(self) -> Callable[[bytes], None]:
        task = self.task
        if task.target is not None:
            file = _opened(str(task.target))
            return lambda line: _whole(file, line)
        if task.ctx.stdout_tty:
            return lambda line: task.ctx.out(line.decode())
        stream = task.ctx.stdout.buffer

        def write(line: bytes) -> None:
            stream.write(line)
            stream.flush()

        return write

    def _failed(self, fields: Mapping[str, Json]) -> None:
        if self.errors is not None:
            self.errors.write(encoded(fields))

    def _listen(self, runner: Runner) -> None:
        """Let the first signal stop, the second cancel."""
        loop = asyncio.get_running_loop()

        def heard(code: Exit) -> None:
            if self.caught is not None:
                runner.cancel()
                return
            self.caught = code
            runner.stop("signal")
            self.task.ctx.note(
                f"llmo: stop: {self.task.tally.in_flight:,} rows in flight have {GRACE_S:.0f} s, again ends at once"
            )
            loop.call_later(GRACE_S, runner.cancel)

        for name, code in SIGNALS.items():
            with suppress(NotImplementedError):
                loop.add_signal_handler(getattr(signal, name), heard, code)

    def _shown(self) -> tuple[asyncio.Task[None], progress.Watch] | None:
        ctx, kind = self.task.ctx, self.task.flags.output.progress
        if kind == "none" or (kind == "auto" and ctx.quiet):
            return None
        if kind == "bar" or (kind == "auto" and ctx.stderr_tty and ctx.env.get("TERM") != "dumb"):
            on: progress.Watch = progress.Bar(ctx.stderr, color=ctx.color, width=ctx.width)
        else:
            on = progress.Log(ctx.err)
        return asyncio.create_task(progress.watch(self._snapshot, on)), on

    @cached_property
    def _cap(self) -> int | None:
        text = self.task.flags.selection.max_cost
        return None if text is None else parse_usd(text)

    def _snapshot(self) -> progress.Snapshot:
        tally = self.task.tally
        return progress.Snapshot(
            total=tally.total,
            skipped=tally.skipped + tally.kept_failed,
            done=tally.done,
            failed=tally.failed,
            in_flight=tally.in_flight,
            spent=tally.spent,
            held=tally.held,
            cap=self._cap,
            unpriced=tally.unpriced,
            throttled=tally.throttled,
            used=None,
            elapsed=time.monotonic() - self.began,
        )

    def _end(self, ending: Ending) -> int:
        """Finish the files, say what came of it; the exit code."""
        task, tally = self.task, self.task.tally
        elapsed = time.monotonic() - self.began
        if ending.reason == "done":
            self.intents.end()
        if ending.reason == "pipe":
            raise BrokenPipeError
        self._finish_output(complete=ending.reason == "done")
        code = self._code(ending)
        report = {**tally.report(), "run": task.ctx.run_id, "ended": ending.reason, "exit": code, "seconds": elapsed}
        for line in progress.summary(report, elapsed):
            task.ctx.note(f"llmo: {line}")
        self._explain(ending)
        if task.flags.output.report is not None:
            write_json(Path(task.flags.output.report), report)
        return code

    def _code(self, ending: Ending) -> int:
        tally = self.task.tally
        if self.caught is not None:
            return int(self.caught)
        if ending.error is not None:
            return int(ending.error.exit)
        return int(Exit.ROWS_FAILED if tally.failed or tally.kept_failed else Exit.OK)

    def _explain(self, ending: Ending) -> None:
        """Say why it ended early, and how it goes on."""
        ctx, tally = self.task.ctx, self.task.tally
        if ending.error is not None:
            ctx.err(f"llmo: stopped: {ending.error.message}")
            if ending.error.hint:
                ctx.err(f"hint: {ending.error.hint}")
        if ending.reason == "failures":
            ctx.err(
                f"llmo: stopped: {tally.failed:,} rows failed (--max-failures {self.task.flags.manner.max_failures})"
            )
        if ending.lost:
            ctx.err(f"llmo: {ending.lost:,} answers are paid and could not be written")
        if ending.reason == "budget":
            ctx.err(f"llmo: {self._what_is_left()}")
        if ending.reason != "done" and tally.left:
            if self.journal is not None:
                ctx.err(f"llmo: {tally.left:,} rows are left; go on with: {self.task.resumed()}")
            else:
                ctx.err(f"llmo: {tally.left:,} rows are left; with -o FILE the same command would go on from there")

    def _what_is_left(self) -> str:
        """How many rows are left and what they would cost."""
        task = self.task
        if self.journal is not None:
            task.recorded = type(task.recorded)()
            task.recorded.read(self.journal.path, task.same)
        found = batch_dry.forecast(task) if self.journal is not None else None
        tally = task.tally
        if found is None:
            each = tally.spent // tally.done if tally.done else None
            about = None if each is None else each * tally.left
            return f"{tally.left:,} rows are left, about {progress.dollars(about)}"
        cost = f"about {progress.dollars(found.estimate)}, at most {progress.dollars(found.worst)}"
        return f"{found.rows:,} rows are left, {cost}"

    def _finish_output(self, *, complete: bool) -> None:
        """Make the output what was asked for, once no more lines come."""
        task, counts = self.task, self.task.recorded.counts
        if self.journal is None or task.target is None or task.journal is None:
            return
        superseded = counts.changed or counts.retry or counts.broken
        try:
            if complete and (superseded or (task.flags.output.ordered and task.shape == "jsonl")):
                export.rewrite(task.journal, state.beside(task.target, "old.jsonl"), ordered=task.flags.output.ordered)
            if task.shape != "jsonl":
                export.export(task.journal, task.target, task.shape, kept=task.columns)
        except OSError as exc:
            raise LlmoError(
                f"cannot write {task.target}: {exc.strerror}", hint=f"all rows are kept in {task.journal}"
            ) from None


def _confirm(task: Task) -> None:
    """Ask before a run that may cost more than `--confirm-over`."""
    text = task.flags.manner.confirm_over
    if text is None or task.flags.manner.yes:
        return
    try:
        limit = parse_usd(text)
    except ValueError as exc:
        raise UsageError(f"--confirm-over: {exc}", hint="give dollars, like 5") from None
    found = batch_dry.forecast(task)
    if found.worst is not None and found.worst <= limit:
        return
    question = (
        f"{found.rows:,} rows: {progress.dollars(found.estimate)} expected, {progress.dollars(found.worst)} at worst"
    )
    if not _agreed(task, f"{question}; send them?"):
        raise UsageError(f"it may cost more than ${usd(limit)}: {question}", hint="give -y to send them")


def _agreed(task: Task, question: str) -> bool:
    """Ask on the terminal; False without one."""
    ctx = task.ctx
    if not (ctx.stdin_tty and ctx.stderr_tty):
        return False
    ctx.stderr.write(f"llmo: {question} [y/N] ")
    ctx.stderr.flush()
    return ctx.stdin.readline().strip().lower() in ("y", "yes")


def _number(flag: str, text: str, most: int | None, *, least: int = 1) -> int:
    try:
        value = int(text)
    except ValueError:
        raise UsageError(f"{flag} is not a whole number: {text}") from None
    if value < least or (most is not None and value > most):
        raise UsageError(f"{flag} is out of range: {text}", hint=f"{least} to {most or 'any number'}")
    return value


def _opened(name: str) -> BinaryIO:
    try:
        return Path(name).open("wb", buffering=0)
    except OSError as exc:
        raise UsageError(f"cannot write {name}: {exc.strerror}") from None


def _whole(file: BinaryIO, line: bytes) -> None:
    """Write all of a line: an unbuffered file may take a part at a time."""
    rest = memoryview(line)
    while rest:
        rest = rest[file.write(rest) :]


def _allow_files(wanted: int) -> None:
    """Raise the soft limit of open files as far as it goes."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < wanted:
            resource.setrlimit(
                resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
            )
