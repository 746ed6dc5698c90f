"""Rows through the real engine and rate_limits, in virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from llmo.batch.executors.row import RowExecutor, RowSettings, _joined
from llmo.batch.resume.feed import Work
from llmo.batch.resume.intents import Intents
from llmo.batch.stats import RunStats
from llmo.catalog.catalog import Model
from llmo.config.profile import ProviderConfig
from llmo.engine.rate_limits import RateLimits
from llmo.errors import ConfigError, CredentialsError, Incomplete, QuotaExhausted, RateLimited, Unavailable, UsageError
from llmo.requests.validator import Validator
from llmo.types.events import Finish, ServedBy, Text, Usage
from tests import virtual
from tests.batch.test_local_executor import RESULT
from tests.fakes import HELLO, A, Note, Scripted, Stage, candidate, plan

GOOD = (0.5, Text("hi"), Usage(1, 2), Finish("stop"))


def send(  # noqa: PLR0913 - what a test may vary
    provider,
    rows,
    *,
    planned=None,
    retries=2,
    timeout=60.0,
    marks=None,
    fault=None,
    account=None,
    validator=None,
    repair=1,
    **config,
):
    """Send so many rows at once; what came back, how long it took, the stats."""

    async def main():
        rate_limits = RateLimits({"a": ProviderConfig(kind="openai", **config)}, jitter=lambda: 0.5)
        stage = Stage({A: provider}, account or Note([]), rate_limits)  # type: ignore[arg-type]  # the real one in the place of the open
        stats = RunStats(total=rows)
        settings = RowSettings(
            run="R", tags={"team": "x"}, retries=retries, timeout=timeout, validator=validator, repair=repair
        )
        row_executor = RowExecutor(
            stage.engine(),
            planned or (lambda _: plan(candidate(A, 1))),
            settings,
            stats=stats,
            intents=marks or Intents(None),
        )
        works = [
            Work(name=f"r{n}", index=n, seq=n, key="0" * 32, request=HELLO, model=None, fields={}, fault=fault)
            for n in range(rows)
        ]
        answers = await asyncio.gather(*map(row_executor, works))
        return answers, asyncio.get_running_loop().time(), stats

    return virtual.run(main())


@pytest.mark.parametrize(("after", "failed"), [(30.0, 0), (300.0, 1)])
def test_one_long_retry_after_pauses_all_rows_once(after, failed):
    """
    It fails only the rows that would be asked again after their time is over; who waits in line has not begun.
    """
    busy = (RateLimited("slow down", status=429, retry_after=after),)
    provider = Scripted(busy, GOOD)
    answers, took, _ = send(provider, 20, concurrency=2)

    assert [answer.result.error and answer.result.error.kind for answer in answers].count("rate_limited") == failed
    assert len(provider.requests) == 20 + 1 - failed
    assert after <= took < after * 1.3 + 10


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_a_provider_that_stays_busy_gets_the_attempts_that_were_asked_for(retries):
    """
    One more than the retries for each row, and no more time than each has.
    """
    provider = Scripted((RateLimited("slow down", status=429),))
    answers, took, _ = send(provider, 3, retries=retries)

    assert [(answer.fatal, answer.result.error.kind) for answer in answers] == [(False, "rate_limited")] * 3
    assert len(provider.requests) == 3 * (1 + retries)
    assert took <= 60


def test_a_row_has_its_time_and_no_more():
    """
    Waiting for a third attempt would take it past three seconds.
    """
    provider = Scripted((RateLimited("slow down", status=429),))
    (answer,), took, _ = send(provider, 1, timeout=3.0)

    assert (2, "the next retry is in 5 s, after --timeout 3") == (len(provider.requests), answer.result.error.hint)
    assert took <= 3


def test_waiting_in_line_is_no_part_of_the_time_to_answer():
    """
    The last of many rows behind one slot answers after ten timeouts, and is well.
    """
    answers, took, _ = send(Scripted((10.0, *GOOD)), 60, concurrency=1)

    assert {answer.result.error for answer in answers} == {None}
    assert 600 <= took < 700
    assert max(answer.result.total_s for answer in answers) < 11


def test_an_outage_fails_its_row_after_the_retries():
    """
    It is no reason to stop the others.
    """
    (answer,), _, _ = send(Scripted((Unavailable("down", status=503, may_be_billed=False),)), 1)

    assert (False, "unavailable", 3) == (answer.fatal, answer.result.error.kind, len(answer.result.attempts))


def test_an_empty_purse_at_the_provider_is_fatal():
    """
    Every other row would fail the same way.
    """
    (answer,), _, _ = send(Scripted((QuotaExhausted("no credit", status=429),)), 1)

    assert (True, "quota_exhausted") == (answer.fatal, answer.result.error.kind)


def test_a_row_that_nobody_may_answer_fails_alone():
    """
    Private data without a model on this machine, say.
    """

    def nobody(_):
        raise ConfigError("no model on this machine can answer")

    (answer,), _, stats = send(Scripted(GOOD), 1, planned=nobody)

    assert (False, "config", 0) == (answer.fatal, answer.result.error.kind, stats.spent)
    assert answer.result.id == "r0"


def test_no_time_at_all_is_a_timeout():
    """
    `--timeout 1e-9` is over before anything is sent: an error of the row, not of the program.
    """
    provider = Scripted(GOOD)
    (answer,), _, _ = send(provider, 1, timeout=0.0)

    assert (0, "timeout", "--timeout 0 expired before anything was sent") == (
        len(provider.requests),
        answer.result.error.kind,
        answer.result.error.message,
    )


class Marks(Intents):
    """Writes down what is marked."""

    def __init__(self):
        super().__init__(None)
        self.seen = []

    def sending(self, name):
        self.seen.append(f"+{name}")

    def unsent(self, name):
        self.seen.append(f"-{name}")


def test_without_a_key_no_row_can_be_sent():
    """
    Nothing is marked as sent, and the run ends.
    """

    def planned(_):
        raise CredentialsError("no key for a")

    marks = Marks()
    (answer,), _, _ = send(Scripted(GOOD), 1, planned=planned, marks=marks)

    assert (answer.fatal, answer.result.error.message, answer.result.id) == (True, "no key for a", "r0")
    assert (marks.seen, answer.result.cost, answer.result.attempts) == ([], 0, ())


def test_a_row_with_a_fault_is_not_sent_and_fails_alone():
    """
    Nobody is asked.
    """
    marks, provider, fault = Marks(), Scripted(GOOD), UsageError("broken JSON: in:7")
    (answer,), _, stats = send(provider, 1, fault=fault, marks=marks)

    assert (answer.fatal, answer.result.error, provider.requests, marks.seen) == (False, fault, [], [])
    assert (stats.private, stats.cut) == (0, 0)


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        pytest.param(GOOD, ["+r0"], id="answered"),
        pytest.param((QuotaExhausted("no credit", status=429),), ["+r0", "-r0"], id="surely not answered"),
        pytest.param((Unavailable("down", status=503),), ["+r0"], id="a failure of the row has its line"),
        pytest.param((RateLimited("slow down", status=429),), ["+r0"], id="so has one that cost nothing"),
    ],
)
def test_a_row_is_marked_before_it_is_sent_and_unmarked_when_it_surely_was_not_answered(script, seen):
    """
    So that --at-most-once knows what is in doubt after a kill.
    """
    marks = Marks()
    send(Scripted(script), 1, marks=marks, retries=0)

    assert marks.seen == seen


@pytest.mark.parametrize(
    ("first", "facts", "known"),
    [
        pytest.param((Text("hel"), Usage(99, 9999), Incomplete("gone")), {}, (True, False), id="paid"),
        pytest.param((ServedBy(model="m"), Incomplete("gone")), {}, (False, True), id="perhaps billed"),
        pytest.param(
            (ServedBy(model="m"), Incomplete("gone")), {"model": Model(id="m")}, (None, False), id="of unknown price"
        ),
    ],
)
def test_a_row_that_was_partly_answered_stays_marked_when_the_run_ends(first, facts, known):
    """
    By an attempt before the last one: with --at-most-once it is not sent again.
    """
    marks = Marks()
    (answer,), _, _ = send(
        Scripted(first, (QuotaExhausted("no credit", status=429),)),
        1,
        marks=marks,
        retries=1,
        planned=lambda _: plan(candidate(A, 1, **facts)),
    )
    cut, _ = answer.result.attempts

    assert (None if cut.cost is None else bool(cut.cost), bool(cut.in_doubt)) == known
    assert (answer.fatal, marks.seen) == (True, ["+r0"])


@pytest.mark.parametrize(
    ("second", "cost", "source"), [(5, 12, "computed"), (0, 7, "computed"), (None, None, "unknown")]
)
def test_a_row_that_was_asked_again_costs_both_answers(second, cost, source):
    """
    It has the attempts and the time of both, and the text of the one that is kept.
    """
    one = replace(RESULT, cost=7, total_s=1.5, text="cut")
    two = replace(RESULT, cost=second, total_s=2.0, text="whole")
    found = _joined(one, two, two)

    assert found == replace(two, cost=cost, cost_source=source, total_s=3.5, attempts=one.attempts + two.attempts)


@dataclass
class Books(Note):
    """An account that keeps what it is told of each call."""

    calls: list[Any] = field(default_factory=list)

    async def hold(self, call, worst, **more):
        self.calls.append(call)
        return await super().hold(call, worst, **more)


def test_each_call_is_booked_for_its_row_its_run_and_its_tags():
    """
    Budgets by tag and the costs of a run rest on that; the plan is made of the row.
    """
    books, seen = Books([]), []

    def planned(work):
        seen.append(work.name)
        return plan(candidate(A, 1))

    send(Scripted(GOOD), 2, account=books, planned=planned)

    assert [(call.row, call.run, call.tags) for call in books.calls] == [
        ("r0", "R", {"team": "x"}),
        ("r1", "R", {"team": "x"}),
    ]
    assert seen == ["r0", "r1"]


def test_an_answer_that_broke_off_is_asked_for_again():
    """
    Nobody has seen its beginning, and nothing of it is in the answer.
    """
    (answer,), _, stats = send(Scripted((Text("hel"), Incomplete("gone")), GOOD), 1)

    assert (answer.result.error, answer.result.text, len(answer.result.attempts)) == (None, "hi", 2)
    assert (stats.again, stats.cut) == (0, 0)


NUMBER = Validator({"type": "integer"})


def says(text):
    return Text(text), Usage(1, 2), Finish("stop")


@pytest.mark.parametrize(
    ("repair", "words", "data", "error"),
    [
        pytest.param(0, "7", 7, None, id="as it should be"),
        pytest.param(0, "x7", None, "invalid_output", id="not repaired"),
        pytest.param(1, "x7", 7, None, id="repaired"),
        pytest.param(1, "xy7", None, "invalid_output", id="not repaired once more"),
        pytest.param(2, "xy7", 7, None, id="repaired twice"),
    ],
)
def test_an_answer_that_does_not_match_its_schema_is_repaired_as_often_as_was_said(repair, words, data, error):
    """
    The row has the value, and all attempts.
    """
    provider = Scripted(*map(says, words))
    (answer,), _, _ = send(provider, 1, validator=NUMBER, repair=repair)

    assert (answer.data, answer.result.error and answer.result.error.kind, answer.fatal) == (data, error, False)
    assert len(answer.result.attempts) == len(provider.requests) == min(len(words), repair + 1)


def test_rows_with_private_data_are_counted():
    """
    Each that stayed on this machine.
    """

    def planned(work):
        here = candidate(A, 1)
        made = plan(replace(here, facts=replace(here.facts, local=True)))
        kinds = () if work.name == "r1" else ("email address",)
        return replace(made, requirements=replace(made.requirements, private_kinds=kinds))

    answers, _, stats = send(Scripted(GOOD), 3, planned=planned)

    assert ([answer.result.error for answer in answers], stats.private) == ([None] * 3, 2)


LENGTH = (Text("cut"), Usage(1, 100), Finish("length"))


@pytest.mark.parametrize(
    ("second", "text", "finish", "cut"),
    [
        pytest.param(GOOD, "hi", "stop", 0, id="whole"),
        pytest.param((Text("longer"), Usage(1, 100), Finish("length")), "longer", "length", 2, id="longer"),
        pytest.param((Unavailable("down", status=503),), "cut", "length", 2, id="failed"),
        pytest.param((30.0, *GOOD), "cut", "length", 2, id="its time was over"),
    ],
)
def test_a_row_that_the_money_cut_is_asked_again_within_its_time(second, text, finish, cut):
    """
    What is paid is kept unless more comes, and each row has the time of --timeout for both.
    """
    short = replace(candidate(A, 1), max_output=100, full_output=1000)
    scripts = [(40.0, *LENGTH)] * 2 + [second] * 2
    answers, took, stats = send(
        Scripted(*scripts), 2, planned=lambda _: plan(short), account=Note([], budgeted=True), retries=0
    )

    assert [(one.result.text, one.result.finish, one.fatal) for one in answers] == [(text, finish, False)] * 2
    assert [len(one.result.attempts) for one in answers] == [2, 2]
    assert (stats.again, stats.retries, stats.cut, took <= 60) == (2, -2, cut, True)


def test_a_row_that_the_money_can_not_ask_again_keeps_what_it_has():
    """
    Nobody was asked: that is neither a second time nor a retry.
    """
    short = replace(candidate(A, 1), max_output=100, full_output=1000)
    (answer,), _, stats = send(
        Scripted(LENGTH), 1, planned=lambda _: plan(short), account=Note([], limit=1, budgeted=True), retries=0
    )

    assert (answer.result.text, answer.result.finish, answer.fatal) == ("cut", "length", False)
    assert [one.outcome for one in answer.result.attempts] == ["ok", "budget_exceeded"]
    assert (stats.again, stats.retries, stats.cut) == (0, 0, 1)


def test_a_longer_answer_is_kept_even_where_it_is_cut_within_its_value():
    """
    Neither matches the schema; the longer one is nearer to it.
    """
    short = replace(candidate(A, 1), max_output=100, full_output=1000)
    longer = (Text("[12, 34"), Usage(1, 100), Finish("length"))
    (answer,), _, stats = send(
        Scripted((Text("[12"), Usage(1, 100), Finish("length")), longer),
        1,
        planned=lambda _: plan(short),
        account=Note([], budgeted=True),
        retries=0,
        repair=0,
        validator=Validator({"type": "array"}),
    )

    assert (answer.result.text, answer.result.finish, answer.data) == ("[12, 34", "length", None)
    assert (answer.result.error is not None, stats.again, stats.cut) == (True, 1, 1)
