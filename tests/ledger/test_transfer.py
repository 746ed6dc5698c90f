"""Carrying calls from one ledger into another: nothing twice, nothing lost, budgets count them."""

import json
from typing import Any

import pytest

from llmo.errors import UsageError
from llmo.ledger import transfer
from llmo.ledger.records import LOST, Billed, Call, Limit, Settlement
from llmo.ledger.refusals import OverBudget
from llmo.types.events import Usage
from llmo.types.money import DOLLAR


class Clock:
    time = 1_795_300_000.123_456

    def now(self):
        return self.time


@pytest.fixture
def books(storage):
    """A CI job's ledger, and the one at home."""
    both = [storage.ledger(Clock(), name=name) for name in ("job", "home")]
    yield both
    for book in both:
        book.close()


def call(identifier, **facts):
    return Call(**{"id": identifier, "run": "r", "provider": "p", "model": "m", **facts})


def fill(book):
    """One call of every fate."""
    book.hold(call("settled", task="t", tags={"k": "v"}, row="7", prices="table"), 9)
    end = Settlement(cost=5, source="reported", usage=Usage(1, 2, 3, 4, 5), served_model="m1", duration_s=1.5)
    book.settle("settled", end)
    book.hold(call("unpriced"), None)
    book.settle("unpriced", Settlement(cost=None, source="unknown"))
    book.hold(call("released"), 9)
    book.release("released", "rate_limited")
    book.hold(call("held"), 7)
    book.hold(call("own", billing="local"), 0)
    book.hold(call("doubt"), 9)
    book.settle("doubt", Settlement(cost=2, in_doubt=6, source="estimated", outcome="timeout", request_id="gen-1"))


def sums(book):
    (total,) = book.spending()
    return total.calls, total.cost, total.in_doubt, total.unpriced, total.in_flight, total.released, total.estimated


def brought(book, lines):
    return book.import_calls(transfer.read(lines, "x.jsonl"))


def test_what_comes_over_is_what_there_was(books):
    """
    Every fact of every call; what was in flight there is booked here, as estimated.
    """
    job, home = books
    fill(job)
    lines = list(job.export_calls())

    assert (6, 6) == brought(home, lines)
    assert (5, 14, 6, 1, 0, 1, 2) == sums(home)
    ended = {one["id"]: one for one in map(json.loads, lines) if one["state"] != "held"}
    assert ended == {one["id"]: one for one in map(json.loads, home.export_calls()) if one["id"] in ended}
    assert {("held", LOST), ("own", LOST)} == {
        (one["id"], one["outcome"]) for one in map(json.loads, home.export_calls()) if one["id"] not in ended
    }


def test_again_changes_nothing_and_a_later_export_brings_the_end(books):
    """
    Idempotent; what was taken for lost is corrected when its end comes.
    """
    job, home = books
    fill(job)
    early = list(job.export_calls())
    brought(home, early)
    assert (6, 0) == brought(home, early)
    job.settle("held", Settlement(cost=3, in_doubt=4, source="estimated", outcome="timeout"))
    job.release("own", "unavailable")
    job.resolve({"doubt": Billed(cost=1, source="reported")})

    assert (6, 3) == brought(home, job.export_calls())
    assert (4, 9, 4, 1, 0, 2, 1) == sums(home)
    job.resolve({"held": Billed(cost=None)})
    assert (6, 1) == brought(home, job.export_calls())
    assert (6, 0) == brought(home, early)
    assert (4, 13, 0, 1, 0, 2, 1) == sums(home)


def test_budgets_count_what_was_brought(books):
    """
    Those that were there before, and those that are new.
    """
    job, home = books
    before, after = Limit(name="before", usd=20), Limit(name="after", usd=20, window="day")
    home.hold(call("first"), 1, [before])
    fill(job)
    brought(home, job.export_calls())

    for limit in (before, after):
        with pytest.raises(OverBudget):
            home.hold(call("too much"), 4, [limit])
        (status,) = home.status([limit])
        assert (14, 1, 6, 6) == (status.spent, status.held, status.in_doubt, status.calls)


GOOD: dict[str, Any] = {
    **dict.fromkeys(transfer.END), **dict.fromkeys(transfer.USAGE), "id": "a", "run": "r", "provider": "p", "model": "m", "task": "",
    "attempt": 1, "billing": "metered", "row": None, "prices": None, "tags": {}, "state": "settled", "outcome": "ok",
    "source": "computed", "worst_usd": "1", "cost_usd": "0.5", "held_at": "2026-11-22T12:00:00+00:00", "ended_at": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param({"state": "done"}, "'done' is not one of held, settled, released", id="state"),
        pytest.param({"cost_usd": "much"}, "not an amount in dollars: much", id="cost"),
        pytest.param({"cost_usd": 0.5}, "0.5 is not text", id="a float is no money"),
        pytest.param({"cost_usd": "-1"}, "not an amount in dollars: -1", id="negative"),
        pytest.param({"held_at": "2026-11-22T12:00:00"}, "no time zone: 2026-11-22T12:00:00", id="no zone"),
        pytest.param({"held_at": "0001-01-01T00:00:00+00:00"}, "not a time", id="long ago"),
        pytest.param({"billing": "free"}, "'free' is not one of metered", id="billing"),
        pytest.param({"tags": {"a": 1}}, "1 is not text", id="tags"),
        pytest.param({"input_tokens": -1}, "tokens are whole numbers", id="tokens"),
        pytest.param({"id": None}, "None is not text", id="id"),
        pytest.param({"attempt": 0}, "attempt is not a number of 1 or more", id="attempt"),
        pytest.param({"in_doubt_usd": "-1"}, "not an amount in dollars: -1", id="negative doubt"),
        pytest.param({"in_doubt_usd": "0.6", "state": "in_doubt"}, "more in doubt than was held", id="doubt"),
    ],
)
def test_a_line_that_is_no_call_is_named(books, change, why):
    """
    File, line and reason; nothing of it is booked.
    """
    lines = [json.dumps(GOOD), json.dumps({**GOOD, "id": "b", **change})]
    with pytest.raises(UsageError) as error:
        brought(books[1], lines)

    assert error.value.message.startswith(f"x.jsonl:2: not an exported call: {why}")
    assert [] == books[1].spending()


@pytest.mark.parametrize("line", ["{", "[]", '"x"', "{}", "null"])
def test_other_files_are_refused(books, line):
    """
    Whatever they hold.
    """
    with pytest.raises(UsageError, match="not an exported call"):
        brought(books[1], [line])


def test_an_amount_is_carried_exactly(books):
    """
    To the last picodollar.
    """
    job, home = books
    job.hold(call("a"), DOLLAR)
    job.settle("a", Settlement(cost=123_456_789_012, source="reported"))
    brought(home, job.export_calls())

    assert 123_456_789_012 == home.spending()[0].cost
