"""What one attempt sends, when, and what it refuses to send."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llmo.catalog.catalog import Model
from llmo.errors import RateLimited
from llmo.types.events import RateInfo
from llmo.types.messages import Params, Target
from tests.desk import GOOD, IN, OUT, Desk
from tests.fakes import HELLO, A, candidate


def test_the_wait_for_a_slot_ends_with_the_clock_of_the_command() -> None:
    """
    Nothing was sent: the hold is given back, and exit code 5 says to try again.
    """
    desk = Desk(line_s=61.0)
    result, provider = desk.play(GOOD)

    assert result.error is not None
    assert (result.error.message, int(result.error.exit)) == ("no free slot for a within 60 s", 5)
    assert (desk.ends, desk.slots, len(provider.requests), result.cost) == (["rate_limited"], [], 0, 0)
    assert result.error.hint == "raise --timeout or the provider's limits"
    assert desk.clock.elapsed == 60.0


def test_in_a_batch_the_wait_for_a_slot_is_no_part_of_the_time() -> None:
    """
    Its answer has all of `timeout`, and no more.
    """
    desk, slow = Desk(line_s=100.0), Desk(line_s=100.0)
    result, _ = desk.play([59.0, *GOOD], queues=True)
    late, _ = slow.play([61.0, *GOOD], queues=True)

    assert (result.ok, result.total_s) == (True, 59.0)
    assert late.error is not None
    assert (late.error.kind, slow.clock.elapsed) == ("timeout", 160.0)
    assert late.error.message == "no complete answer within 60 s"
    assert late.error.hint == "--timeout sets the total time"


def test_a_retry_that_would_come_too_late_is_not_waited_for() -> None:
    """
    The job ends at once with what happened last, and says when another try would have been.
    """
    desk = Desk()
    result, provider = desk.play([RateLimited("busy", retry_after=100)], GOOD, retries=1)

    assert result.error is not None
    assert (result.error.message, int(result.error.exit), len(provider.requests)) == ("busy", 5, 1)
    assert "after --timeout 60" in (result.error.hint or "")
    assert desk.clock.elapsed == 0.0


def test_a_job_whose_time_is_over_before_it_begins_sends_nothing() -> None:
    """
    It costs nothing, and exit code 5 says to try again.
    """
    result, provider = Desk().play(GOOD, timeout=0.0)

    assert result.error is not None
    assert (result.error.kind, int(result.error.exit), result.cost, provider.requests) == ("timeout", 5, 0, [])


def test_a_retry_in_a_batch_has_the_time_that_waiting_did_not_take() -> None:
    """
    However long both attempts stood in line.
    """
    desk = Desk(line_s=100.0)
    result, _ = desk.play([RateLimited("busy", retry_after=8)], [40.0, *GOOD], retries=1, queues=True)

    assert (result.ok, result.text) == (True, "hi")


@pytest.mark.parametrize(
    ("budgeted", "of", "need", "asked", "sent"),
    [
        pytest.param(False, {}, {}, None, (None, None), id="nobody asked"),
        pytest.param(False, {}, {}, 30, (30, None), id="the user's"),
        pytest.param(False, {}, {"max_output": 40}, None, (40, None), id="the profile's"),
        pytest.param(True, {}, {}, None, (100, (IN, OUT, 0)), id="held for"),
        pytest.param(True, {}, {}, 30, (100, (IN, OUT, 0)), id="what is held for wins"),
        pytest.param(True, {"parameters": frozenset()}, {}, None, (None, (IN, OUT, 0)), id="not taken by its kind"),
        pytest.param(True, {"model": Model(id="m")}, {}, None, (100, None), id="no price"),
    ],
)
def test_what_limit_and_ceiling_are_sent(budgeted: bool, of: Any, need: Any, asked: int | None, sent: Any) -> None:
    """
    The output limit that money is held for, and the dearest price it covers.
    """
    request = replace(HELLO, params=Params(max_tokens=asked))
    result, provider = Desk(budgeted=budgeted).play(GOOD, of=candidate(A, 1, **of), need=need, request=request)

    assert result.ok
    assert provider.requests == [replace(request, params=Params(max_tokens=sent[0]), ceiling=sent[1])]


@pytest.mark.parametrize("queues", [False, True])
def test_a_slot_is_asked_for_the_tokens_that_a_provider_will_count(queues: bool) -> None:
    """
    The prompt and the output limit of what is sent; without one, what an answer is expected to be.
    """
    limited, free = Desk(), Desk()
    limited.play(
        GOOD, queues=queues, need={"input_estimate": 700}, request=replace(HELLO, params=Params(max_tokens=30))
    )
    free.play(GOOD, queues=queues, need={"input_estimate": 700})

    assert (limited.asked, free.asked) == ([("a", 700, 30)], [("a", 700, None)])


def test_a_parameter_that_a_server_refused_is_not_sent() -> None:
    """
    Not even as the limit that money is held for.
    """
    of = replace(candidate(A, 1), dropped=("max_tokens",))
    _, provider = Desk(budgeted=True).play(GOOD, of=of, request=replace(HELLO, params=Params(max_tokens=9)))

    assert [request.params.max_tokens for request in provider.requests] == [None]


def test_a_private_request_is_marked_and_goes_nowhere_else() -> None:
    """
    A target on this machine is told that it is private; one that is not is never asked, and nothing is held.
    """
    near = candidate(A, 1)
    near = replace(near, facts=replace(near.facts, local=True))
    private = {"private": True, "strategy": "cheapest"}
    inside, outside = Desk(), Desk()
    kept, told = inside.play(GOOD, of=near, need=private)
    stopped, silent = outside.play(GOOD, need=private)

    assert kept.ok
    assert told.requests == [replace(HELLO, private=True, strategy="cheapest")]
    assert stopped.error is not None
    assert ("config", 4, 0) == (stopped.error.kind, int(stopped.error.exit), stopped.cost)
    assert "a/m" in stopped.error.message
    assert ([], [], []) == (outside.held, outside.ends, silent.requests)
    (attempt,) = stopped.attempts
    assert (attempt.outcome, attempt.cost_pico) == ("config", 0)


@pytest.mark.parametrize(
    ("facts", "sent"),
    [
        pytest.param({"budgeted": True}, 0, id="a limit of dollars"),
        pytest.param({"budgeted": True, "allow_unpriced": True}, 1, id="allowed"),
        pytest.param({}, 1, id="no limit"),
    ],
)
def test_what_has_no_price_is_not_bought_under_a_limit(facts: dict[str, bool], sent: int) -> None:
    """
    Exit code 3 before anything is held, unless the user allows it.
    """
    desk = Desk(**facts)  # type: ignore[arg-type]
    result, provider = desk.play(GOOD, of=replace(candidate(A, 1), unpriced=("web_search",)))

    assert (sent, sent) == (len(provider.requests), len(desk.held))
    assert (3 if not sent else None) == (int(result.error.exit) if result.error else None)


def test_the_model_of_the_target_is_asked() -> None:
    """
    By the name that its provider uses; what its headers say of limits goes to the slot.
    """
    info, other = RateInfo(remaining_requests=3), Target("a", "other")
    desk = Desk()
    result, provider = desk.play([info, *GOOD], of=candidate(other, 1))

    assert (provider.names, desk.told, result.target) == (["other"], [info], other)
    assert (result.ok, result.text) == (True, "hi"), "headers are no end of an answer"
