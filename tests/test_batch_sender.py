"""Rows through the real engine and limiter, in virtual time."""

from __future__ import annotations

import asyncio

from llmo.batch.feed import Work
from llmo.batch.intents import Intents
from llmo.batch.sender import Sender, Terms
from llmo.batch.tally import Tally
from llmo.config import ProviderConfig
from llmo.errors import ConfigError, QuotaExhausted, RateLimited, Unavailable
from llmo.limits import Limiter
from llmo.types import Finish, Text, Usage
from tests import virtual
from tests.fakes import HELLO, A, Scripted, Stage, candidate, plan

GOOD = (0.5, Text("hi"), Usage(1, 2), Finish("stop"))


def send(provider, rows, *, planned=None, **config):
    """Send so many rows at once; what came back, how long it took, the tally."""

    async def main():
        limiter = Limiter({"a": ProviderConfig(kind="openai", **config)}, jitter=lambda: 0.5)
        stage = Stage({A: provider}, limiter=limiter)  # type: ignore[arg-type]  # the real one in the place of the open
        tally = Tally(total=rows)
        terms = Terms(run="R", tags={}, retries=2, timeout=60.0)
        sender = Sender(
            stage.engine(), planned or (lambda _: plan(candidate(A, 1))), terms, tally=tally, intents=Intents(None)
        )
        works = [
            Work(name=f"r{n}", index=n, seq=n, key="0" * 32, request=HELLO, model=None, fields={}) for n in range(rows)
        ]
        answers = await asyncio.gather(*map(sender, works))
        return answers, asyncio.get_running_loop().time(), tally

    return virtual.run(main())


def test_one_long_retry_after_pauses_all_rows_once_and_fails_none():
    """
    Also when it is far beyond the time that a row has to be answered.
    """
    provider = Scripted((RateLimited("slow down", status=429, retry_after=300.0),), GOOD)
    answers, took, _ = send(provider, 20, concurrency=2)

    assert [answer.result.error for answer in answers] == [None] * 20
    assert len(provider.requests) <= 20 + 2
    assert 300 <= took < 330


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
