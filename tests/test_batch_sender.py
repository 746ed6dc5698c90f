"""Rows through the real engine and limiter, in virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from llmo.batch.feed import Work
from llmo.batch.intents import Intents
from llmo.batch.sender import Sender, Terms, _joined
from llmo.batch.tally import Tally
from llmo.config import ProviderConfig
from llmo.errors import ConfigError, CredentialsError, QuotaExhausted, RateLimited, Unavailable, UsageError
from llmo.limits import Limiter
from llmo.types import Finish, Text, Usage
from tests import virtual
from tests.fakes import HELLO, A, Scripted, Stage, candidate, plan
from tests.test_batch_runner import RESULT

GOOD = (0.5, Text("hi"), Usage(1, 2), Finish("stop"))


def send(provider, rows, *, planned=None, retries=2, timeout=60.0, marks=None, fault=None, **config):  # noqa: PLR0913 - what a test may vary
    """Send so many rows at once; what came back, how long it took, the tally."""

    async def main():
        limiter = Limiter({"a": ProviderConfig(kind="openai", **config)}, jitter=lambda: 0.5)
        stage = Stage({A: provider}, limiter=limiter)  # type: ignore[arg-type]  # the real one in the place of the open
        tally = Tally(total=rows)
        terms = Terms(run="R", tags={}, retries=retries, timeout=timeout)
        sender = Sender(
            stage.engine(),
            planned or (lambda _: plan(candidate(A, 1))),
            terms,
            tally=tally,
            intents=marks or Intents(None),
        )
        works = [
            Work(name=f"r{n}", index=n, seq=n, key="0" * 32, request=HELLO, model=None, fields={}, fault=fault)
            for n in range(rows)
        ]
        answers = await asyncio.gather(*map(sender, works))
        return answers, asyncio.get_running_loop().time(), tally

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

    assert (2, "the next try would come in 5 s, past --timeout 3") == (len(provider.requests), answer.result.error.hint)
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

    (answer,), _, tally = send(Scripted(GOOD), 1, planned=nobody)

    assert (False, "config", 0) == (answer.fatal, answer.result.error.kind, tally.spent)


def test_no_time_at_all_is_a_timeout():
    """
    `--timeout 1e-9` is over before anything is sent: an error of the row, not of the program.
    """
    provider = Scripted(GOOD)
    (answer,), _, _ = send(provider, 1, timeout=0.0)

    assert (0, "timeout", "--timeout 0 was over before anything was sent") == (
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
    (answer,), _, tally = send(provider, 1, fault=fault, marks=marks)

    assert (answer.fatal, answer.result.error, provider.requests, marks.seen) == (False, fault, [], [])
    assert (tally.private, tally.cut) == (0, 0)


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        pytest.param(GOOD, ["+r0"], id="answered"),
        pytest.param((QuotaExhausted("no credit", status=429),), ["+r0", "-r0"], id="surely not answered"),
        pytest.param((Unavailable("down", status=503),), ["+r0"], id="a failure of the row has its line"),
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
