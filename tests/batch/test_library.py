"""A batch without a command line: values and collaborators in, lines and a report out, in virtual time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from llmo.batch.executors.executor import Ending
from llmo.batch.finish import finish
from llmo.batch.forecast import dry_run
from llmo.batch.job import BatchJob
from llmo.batch.output.appended import OutputLost
from llmo.batch.prepare import BatchFiles, NotConfirmed, prepare
from llmo.batch.run import BatchRun, StandardOutput, workers
from llmo.batch.spec import BatchSpec, OutputSpec
from llmo.config.profile import Profile, ProviderConfig
from llmo.engine.rate_limits import RateLimits
from llmo.errors import Exit, Unavailable, UsageError
from llmo.routing.planner import Selection
from llmo.types.events import Finish, Text, Usage
from tests import virtual
from tests.fakes import A, Note, Scripted, Stage, candidate, plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from llmo.engine.engine import Engine
    from llmo.routing.plan import Plan
    from llmo.types.messages import Request

GOOD = (0.5, Text("hi"), Usage(1, 2), Finish("stop"))
BAD = (Unavailable("down", status=503, may_be_billed=False),)
PROFILE = Profile(model="a/m", providers={"a": ProviderConfig(kind="openai", concurrency=2)})


class Everybody:
    """A planner with one model for every row."""

    def plan(self, _request: Request, _choice: Selection) -> Plan:
        return plan(candidate(A, 1))


class Empty:
    """A ledger in which no run has died."""

    def reconcile(self, _run: str | None = None) -> list[tuple[str, int | None]]:
        return []

    def lost_rows(self, _run: str) -> list[str]:
        return []


@dataclass
class Purse(Note):
    """An account that says what it holds."""

    held: int = 0


@dataclass
class Session:
    """What rows are asked with."""

    engine: Engine


@dataclass
class Place:
    """A directory with rows, and everything that a run is told and says."""

    home: Path
    answers: dict[str, bool] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    printed: list[bytes] = field(default_factory=list)
    provider: Scripted = field(default_factory=lambda: Scripted(GOOD))
    gone: bool = False

    def job(self, output: OutputSpec, **more: Any) -> BatchJob:
        """A checked batch over the rows."""
        given = {"inputs": (str(self.home / "rows.jsonl"),), "timeout": 60.0, "retries": 0, **more}
        job = BatchJob(
            BatchSpec(selection=Selection(), output=output, **given),
            profile=PROFILE,
            planner=Everybody(),  # type: ignore[arg-type]  # what is asked of it
            ledger=Empty(),  # type: ignore[arg-type]  # what is asked of it
            notify=self.notes.append,
            confirm=self.confirm,
        )
        job.check()
        return job

    def confirm(self, question: str) -> bool:
        self.asked.append(question)
        return bool(self.answers)

    def check(self) -> None:
        if self.gone:
            raise OutputLost("nobody reads it")

    def play(
        self, job: BatchJob, then: Callable[[BatchRun], None] = lambda _: None, caught: Exit | None = None
    ) -> tuple[Ending, dict[str, Any]]:
        """Run it to its end; how it ended, and the report."""
        files = BatchFiles()

        async def main() -> tuple[Ending, dict[str, Any]]:
            limits = RateLimits(PROFILE.providers, jitter=lambda: 0.5)
            stage = Stage({A: self.provider}, Purse([]), limits)  # type: ignore[arg-type]  # the real one in the place of the open
            stdout = StandardOutput(write=self.printed.append, check=self.check)
            run = BatchRun(job, files, Session(stage.engine()), name=name, workers=width, stdout=stdout)
            then(run)
            ending = await run.run()
            return ending, finish(run, ending, elapsed=2.0, caught=caught)

        try:
            width = workers(job)
            name = prepare(job, files, run="RUN", saved=self.home / "saved")
            return virtual.run(main())
        finally:
            files.close()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Three rows."""
    rows = [{"id": f"r{n}", "prompt": f"row {n}"} for n in range(3)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return Place(tmp_path)


def test_rows_are_answered_once_and_reported(place: Place) -> None:
    """
    The second run of the same values finds them done, under the name of the first.
    """
    output = OutputSpec(target=place.home / "out.jsonl", ordered=True)
    ending, report = place.play(place.job(output))
    again, second = place.play(place.job(output))
    lines = [json.loads(line) for line in (place.home / "out.jsonl").read_bytes().splitlines()]

    assert (ending, again) == (Ending(), Ending())
    assert [(line["id"], line["status"], line["text"]) for line in lines] == [(f"r{n}", "ok", "hi") for n in range(3)]
    assert (report["run"], report["done"], report["exit"], report["ended"], report["seconds"]) == (
        *("RUN", 3, 0, "done"),
        2.0,
    )
    assert (second["run"], second["done"], second["skipped"], len(place.provider.requests)) == ("RUN", 0, 3, 3)
    assert place.notes == [f"resuming {output.target}: 3 rows are done, and no file has changed since"]
    assert list(place.home.glob("*.saved*")) == []


def test_without_a_file_lines_go_where_the_caller_says(place: Place) -> None:
    """
    In the shape that is asked for, its head first; nothing is written anywhere.
    """
    before = set(place.home.iterdir())
    _, report = place.play(place.job(OutputSpec(shape="csv", ordered=True)))

    assert [line.split(b",")[0] for line in place.printed] == [b"id", b"r0", b"r1", b"r2"]
    assert (report["done"], before) == (3, set(place.home.iterdir()))


def test_nothing_is_sent_that_nobody_would_get(place: Place) -> None:
    """
    Whoever takes the lines is asked before a request leaves.
    """
    place.gone = True
    ending, report = place.play(place.job(OutputSpec()))

    assert (ending.reason, str(ending.error), place.provider.requests) == ("output", "nobody reads it", [])
    assert (report["left"], report["exit"]) == (3, int(Exit.FAILED))


def test_a_stopped_run_says_which_signal_it_was(place: Place) -> None:
    """
    What is in flight is finished; the code is the caller's.
    """
    ending, report = place.play(place.job(OutputSpec(), concurrency=1), lambda run: run.stop(), Exit.SIGTERM)

    assert (ending, report["left"], report["exit"]) == (Ending("signal"), 3, int(Exit.SIGTERM))


def test_rows_that_failed_have_a_file_of_their_own(place: Place) -> None:
    """
    The run ends where more have failed than may.
    """
    place.provider = Scripted(BAD)
    errors = place.home / "failed.jsonl"
    ending, report = place.play(place.job(OutputSpec(errors=errors), concurrency=1, max_failures_percent=34))

    assert (ending.reason, report["failed"], report["exit"]) == ("failures", 2, int(Exit.ROWS_FAILED))
    assert [json.loads(line)["id"] for line in errors.read_bytes().splitlines()] == ["r0", "r1"]


def test_an_output_is_thrown_away_only_when_somebody_says_so(place: Place) -> None:
    """
    Asked once; with `assume_yes` nobody is.
    """
    target = place.home / "out.jsonl"
    place.play(place.job(OutputSpec(target=target)))
    with pytest.raises(NotConfirmed):
        place.play(place.job(OutputSpec(target=target), restart=True))
    kept = target.read_bytes()
    place.answers = {"yes": True}
    _, report = place.play(place.job(OutputSpec(target=target), restart=True))
    place.answers = {}
    _, second = place.play(place.job(OutputSpec(target=target), restart=True, assume_yes=True))

    assert (kept.count(b"\n"), report["done"], second["done"]) == (3, 3, 3)
    assert place.asked == [f"discard {target} and start over?"] * 2


def test_somebody_is_asked_about_a_run_that_may_cost_more(place: Place) -> None:
    """
    The forecast plans every row, and is what a dry run gets too; nothing is sent.
    """
    job = place.job(OutputSpec())
    found = dry_run(job)
    assert found.worst is not None
    with pytest.raises(UsageError, match=r"^it may cost more than"):
        place.play(place.job(OutputSpec(), confirm_over=found.worst - 1))
    place.play(place.job(OutputSpec(), confirm_over=found.worst))

    assert (found.rows, found.copies, list(found.shares), len(place.asked)) == (3, 0, [str(A)], 1)
    assert (len(place.provider.requests), job.stats.skipped) == (3, 0)


def test_a_run_without_rows_is_refused(place: Place) -> None:
    """
    Where nobody has piped any.
    """
    for inputs in ((), ("-",)):
        with pytest.raises(UsageError, match=r"^no input$"):
            place.job(OutputSpec(), inputs=inputs)
