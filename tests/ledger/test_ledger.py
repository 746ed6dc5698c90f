"""The ledger: what is held, settled, given back, and what a limit refuses."""

import json
import sqlite3
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from llmo.config.profile import BudgetConfig
from llmo.errors import ConfigError, Locked
from llmo.ledger import processes
from llmo.ledger.breakers import Breaker, Circuit
from llmo.ledger.processes import Owner
from llmo.ledger.records import LOST, Call, Held, Limit, Released, Settled, Settlement
from llmo.ledger.refusals import OverBudget
from llmo.ledger.sql import queries
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.events import Usage
from llmo.types.messages import Target
from llmo.types.money import DOLLAR
from tests.ledger.storages import file_only, rows

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 22, 12, tzinfo=BERLIN).timestamp()


class Clock:
    def __init__(self, now=NOON):
        self.time = now

    def now(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(storage, clock):
    book = storage.ledger(clock, "Europe/Berlin")
    yield book
    book.close()


def call(identifier, **facts):
    return Call(**{"id": identifier, "run": "r1", "provider": "openai", "model": "gpt", **facts})


def settled(cost, **facts):
    return Settlement(**{"cost": cost, "source": "computed", **facts})


def daily(dollars=5, **facts):
    return Limit(**{"name": "daily", "usd": dollars * DOLLAR, "window": "day", **facts})


def sums(book, limit, run="r1"):
    (status,) = book.status([limit], run)
    return status.spent, status.held, status.calls


def test_any_number_of_limits_is_asked_for_at_once(ledger):
    """
    Those that have counted a call, and those that have not.
    """
    limits = [Limit(name=f"{n}", usd=9 * DOLLAR, match={"model": f"gpt{n}"}) for n in range(1500)]
    ledger.hold(call("a", model="gpt7"), DOLLAR, limits[:8])

    assert [(0, DOLLAR, 1)] == [(one.spent, one.held, one.calls) for one in ledger.status(limits) if one.calls]


def test_a_hold_becomes_what_the_call_cost(ledger):
    """
    Held before, spent after; what is not needed is free again.
    """
    limit = daily()
    ledger.hold(call("a"), 4 * DOLLAR, [limit])
    before = sums(ledger, limit)
    ledger.settle("a", settled(1 * DOLLAR))

    assert ((0, 4 * DOLLAR, 1), (1 * DOLLAR, 0, 1)) == (before, sums(ledger, limit))


def test_a_limit_is_inclusive_and_names_every_amount_when_it_refuses(ledger):
    """
    Exactly the limit passes; a picodollar more is refused with all that is needed to understand it.
    """
    limit = daily(5)
    ledger.hold(call("a"), 2 * DOLLAR, [limit])
    ledger.settle("a", settled(2 * DOLLAR))
    ledger.hold(call("b"), 3 * DOLLAR, [limit])
    ledger.release("b", "rate_limited")
    ledger.hold(call("c"), 1 * DOLLAR, [limit])
    with pytest.raises(OverBudget) as refusal:
        ledger.hold(call("d"), 2 * DOLLAR + 1, [limit])

    assert (
        "budget daily does not cover openai/gpt: limit $5.00, spent $2.00, held $1.00, left $2.00, needed up to $2.000000000001, "
        "resets 2026-11-23T00:00:00+01:00"
    ) == refusal.value.message
    assert "raise the budget in the profile, or wait for calls in flight" == refusal.value.hint
    assert (2 * DOLLAR, 1 * DOLLAR, 2) == sums(ledger, limit)


@pytest.mark.parametrize(
    ("limit", "facts", "worst", "refused"),
    [
        pytest.param(Limit(name="zero", usd=0), {}, 1, True, id="zero dollars let nothing pass"),
        pytest.param(Limit(name="zero", calls=0), {"billing": "local"}, 0, True, id="zero calls let nothing pass"),
        pytest.param(Limit(name="zero", usd=0), {"billing": "local"}, 0, False, id="own hardware needs no dollars"),
        pytest.param(
            Limit(name="zero", usd=0), {"billing": "subscription"}, 0, False, id="a flat plan needs no dollars"
        ),
        pytest.param(Limit(name="zero", usd=0), {}, None, True, id="an unknown price is not free"),
        pytest.param(Limit(name="one", calls=1), {}, None, False, id="calls are counted without a price"),
        pytest.param(Limit(name="zero", usd=0, match={"provider": "x"}), {}, 1, False, id="another provider"),
        pytest.param(Limit(name="zero", usd=0, match={"model": "gpt"}), {}, 1, True, id="model"),
        pytest.param(Limit(name="zero", usd=0, match={"model": "openai/g*"}), {}, 1, True, id="pattern with provider"),
        pytest.param(Limit(name="zero", usd=0, match={"task": "simple"}), {"task": "simple"}, 1, True, id="task"),
        pytest.param(Limit(name="zero", usd=0, match={"tag.team": "a"}), {"tags": {"team": "a"}}, 1, True, id="tag"),
        pytest.param(Limit(name="zero", usd=0, match={"tag.team": "*"}), {}, 1, False, id="no such tag"),
    ],
)
def test_what_a_limit_counts(ledger, limit, facts, worst, refused):
    """
    Zero is a limit, own hardware and flat plans need no dollars, unknown is not free.
    """
    outcome = False
    try:
        ledger.hold(call("a", **facts), worst, [limit])
    except OverBudget:
        outcome = True

    assert refused == outcome


def test_an_unpriced_call_may_run_when_it_is_allowed(ledger):
    """
    It counts as a call, holds nothing, and what the provider reports is booked.
    """
    limit = daily(1)
    ledger.hold(call("a"), None, [limit], allow_unpriced=True)
    held = sums(ledger, limit)
    ledger.settle("a", settled(DOLLAR // 2, source="reported"))

    assert ((0, 0, 1), (DOLLAR // 2, 0, 1)) == (held, sums(ledger, limit))


def test_the_first_end_counts(ledger):
    """
    Settling twice, or releasing what is settled, changes nothing.
    """
    limit = daily()
    ledger.hold(call("a"), DOLLAR, [limit])
    ledger.settle("a", settled(7))
    ledger.settle("a", settled(8))
    ledger.release("a", "timeout")
    ledger.settle("never held", settled(9))

    assert (7, 0, 1) == sums(ledger, limit)


def test_a_call_without_usage_is_booked_at_its_hold(ledger):
    """
    Nobody knows what it cost: the worst case, marked as estimated.
    """
    ledger.hold(call("a"), DOLLAR)
    ledger.settle("a", settled(None))
    (total,) = ledger.spending()

    assert (DOLLAR, 1, 0) == (total.cost, total.estimated, total.unpriced)


def test_a_call_counts_in_the_period_of_its_hold(ledger, clock):
    """
    A call over midnight is yesterday's, and today begins with nothing.
    """
    limit = daily(1)
    clock.time = datetime(2026, 11, 22, 23, 59, 59, tzinfo=BERLIN).timestamp()
    ledger.hold(call("a"), DOLLAR, [limit])
    clock.time += 2
    ledger.hold(call("b"), DOLLAR, [limit])
    ledger.settle("a", settled(DOLLAR))

    assert (0, DOLLAR, 1) == sums(ledger, limit)


@pytest.mark.parametrize(
    ("window", "days", "refused"),
    [
        pytest.param("day", 0, True, id="the same day"),
        pytest.param("day", 1, False, id="the next day"),
        pytest.param("week", 3, True, id="Thursday of the same week"),
        pytest.param("week", 7, False, id="the next week"),
        pytest.param("month", 7, True, id="a week later in the month"),
        pytest.param("month", 8, False, id="the next month"),
        pytest.param("total", 400, True, id="a year later"),
    ],
)
def test_a_window_refuses_what_all_runs_spend_in_it(ledger, clock, window, days, refused):
    """
    Also where no other run has asked with that limit before.
    """
    clock.time = datetime(2026, 11, 23, 12, tzinfo=BERLIN).timestamp()  # a Monday
    limit = Limit(name="cap", usd=100, window=window)
    ledger.hold(call("a", run="earlier"), 60)
    ledger.settle("a", settled(60))
    clock.time += 86_400 * days

    found = ledger.apply([Held(call("b"), 60, (limit,))])

    assert refused == isinstance(found[0], OverBudget)
    assert sums(ledger, limit, "any") == ((60, 0, 1) if refused else (0, 60, 1))


def test_counters_of_a_past_that_is_a_month_ago_are_dropped_and_no_others(ledger, clock):
    """
    Those of days and of runs, when a new one is made; what was spent stays.
    """
    day, run = daily(9), Limit(name="run", usd=9 * DOLLAR, window="run")

    def kept():
        found = rows(ledger, 'SELECT run, "end" / 1000000 FROM counters ORDER BY "end", run')
        return [(of or "day", round((end - noon) / 86_400, 1) if of == "" else None) for of, end in found]

    noon = clock.time
    ledger.hold(call("a"), DOLLAR, [day, run])
    clock.time = noon + 29 * 86_400
    ledger.hold(call("b", run="r2"), DOLLAR, [day, run])
    before = kept()
    clock.time = noon + 31 * 86_400
    ledger.hold(call("c", run="r3"), DOLLAR, [day, run])

    assert before == [("day", 0.5), ("day", 29.5), ("r1", None), ("r2", None)]
    assert kept() == [("day", 29.5), ("day", 31.5), ("r2", None), ("r3", None)]
    assert (0, DOLLAR, 1) == sums(ledger, run)


def test_a_budget_that_is_new_counts_what_was_there_before(ledger):
    """
    Calls of other profiles, without that budget, are added up when it is first seen, and counted from then on.
    """
    ledger.hold(call("a", tags={"team": "x"}), DOLLAR)
    ledger.settle("a", settled(DOLLAR))
    ledger.hold(call("b"), DOLLAR)
    limit = Limit(name="team", usd=3 * DOLLAR, match={"tag.team": "x"})
    ledger.hold(call("c", tags={"team": "x"}), DOLLAR, [limit])
    ledger.hold(call("d", tags={"team": "x"}), DOLLAR)

    assert (DOLLAR, 2 * DOLLAR, 3) == sums(ledger, limit)


def test_a_run_limit_counts_its_run(ledger):
    """
    --max-cost of one run says nothing about another.
    """
    limit = Limit(name="--max-cost", usd=DOLLAR, window="run")
    ledger.hold(call("a"), DOLLAR, [limit])
    ledger.hold(call("b", run="r2"), DOLLAR, [limit])

    assert [(0, DOLLAR, 1), (0, DOLLAR, 1), (0, 0, 0)] == [sums(ledger, limit, run) for run in ("r1", "r2", "")]


def test_many_is_one_transaction_with_a_result_for_each(ledger):
    """
    A refused hold takes nothing and stops nobody else.
    """
    limit = daily(2)
    results = ledger.apply(
        [
            Held(call("a"), DOLLAR, (limit,)),
            Held(call("b"), 2 * DOLLAR, (limit,)),
            Settled("a", settled(1)),
            Held(call("c"), DOLLAR, (limit,)),
            Released("c", "rate_limited"),
        ]
    )

    assert [False, True, False, False, False] == [isinstance(result, OverBudget) for result in results]
    assert (1, 0, 1) == sums(ledger, limit)


def test_a_dead_process_keeps_its_holds_until_they_are_reconciled(ledger, monkeypatch):
    """
    Its money stays held; reconciling books it as estimated; a living process keeps its own.
    """
    limit = daily()
    ledger.hold(call("mine"), DOLLAR, [limit])
    monkeypatch.setattr(processes, "me", lambda: Owner(2**22 + 1, "1", processes._boot()))
    ledger.hold(call("dead"), DOLLAR, [limit])
    ledger.hold(call("dead too", run="r2", billing="local"), 0, [limit])

    assert [("r1", DOLLAR)] == ledger.reconcile("r1")
    assert [("r2", 0)] == ledger.reconcile()
    assert (DOLLAR, DOLLAR, 3) == sums(ledger, limit)
    assert [((LOST,), 2), (("in flight",), 1)] == [
        (row.group, row.calls) for row in reversed(ledger.spending(["outcome"]))
    ]
    assert 1 == ledger.spending()[0].estimated


@pytest.mark.parametrize(
    ("end", "expected"),
    [pytest.param("settle", (7, 0, 1), id="settled"), pytest.param("release", (0, 0, 0), id="released")],
)
def test_a_process_that_was_taken_for_dead_may_still_say_what_its_call_cost(ledger, monkeypatch, end, expected):
    """
    The truth replaces the guess.
    """
    limit = daily()
    monkeypatch.setattr(processes, "lives", lambda _: False)
    monkeypatch.setattr(queries, "lives", lambda _: False)
    ledger.hold(call("a"), DOLLAR, [limit])
    ledger.reconcile()
    ledger.settle("a", settled(7)) if end == "settle" else ledger.release("a", "rate_limited")

    assert expected == sums(ledger, limit)


@pytest.mark.parametrize(
    ("change", "alive"),
    [
        pytest.param({}, True, id="itself"),
        pytest.param({"pid": 2**22 + 1}, False, id="no such process"),
        pytest.param({"started": "1"}, False, id="its number was given away"),
        pytest.param({"boot": "another pid:[1]"}, False, id="the machine was started anew"),
        pytest.param(
            {"started": "1", "boot": processes._boot().partition(" ")[0] + " pid:[1]"}, True, id="a container's"
        ),
    ],
)
def test_a_living_owner_is_told_from_a_dead_one(change, alive):
    """
    By number, start, boot and namespace; who can't be looked at counts as alive.
    """
    assert alive == processes.lives(processes.me()._replace(**change))


@pytest.mark.parametrize(
    ("boot", "alive", "left"),
    [
        pytest.param(processes.me().among_machines().boot, True, False, id="itself"),
        pytest.param("another pid:[1] on elsewhere", True, True, id="another machine's"),
        pytest.param(f"another pid:[1] on {processes._machine()}", False, False, id="this machine was started anew"),
        pytest.param(
            f"{processes._boot().partition(' ')[0]} pid:[1] on {processes._machine()}", True, True, id="a container's"
        ),
        pytest.param(processes._boot().partition(" ")[0] + " pid:[1]", True, False, id="in a file of this machine"),
    ],
)
def test_a_hold_of_another_machine_is_left_behind_after_a_day(boot, alive, left):
    """
    Nobody here can look at its process, and it would keep its money held for good.
    """
    owner, day = processes.me()._replace(boot=boot), 24 * 3600 * 1_000_000

    assert (alive, False, left) == (
        processes.lives(owner),
        processes.abandoned(owner, 5, day + 5),
        processes.abandoned(owner, 5, day + 6),
    )


def test_spending_by_day_tag_and_outcome(ledger, clock):
    """
    Groups are sorted, days are those of the zone, released attempts are no calls.
    """
    usage = Usage(10, 5, cached_input_tokens=4, cache_write_tokens=1, reasoning_tokens=2)
    ledger.hold(call("a", tags={"team": "x"}), DOLLAR)
    ledger.settle("a", settled(3, usage=usage))
    clock.time = datetime(2026, 11, 23, 0, 30, tzinfo=BERLIN).timestamp()
    ledger.hold(call("b"), None)
    ledger.settle("b", settled(None, source="unknown"))
    ledger.hold(call("c", billing="local"), 0)
    ledger.release("c", "unavailable")
    ledger.hold(call("d"), 9)

    rows = [
        (row.group, row.calls, row.cost, row.unpriced, row.in_flight, row.held, row.released)
        for row in ledger.spending(["day", "tag:team"])
    ]

    assert [(("2026-11-22", "x"), 1, 3, 0, 0, 0, 0), (("2026-11-23", ""), 2, 0, 1, 1, 9, 1)] == rows
    assert ["in flight", "ok", "unavailable"] == [row.group[0] for row in ledger.spending(["outcome"])]
    assert [("2026-W47",), ("2026-W48",)] == [row.group for row in ledger.spending(["week"])]
    total = ledger.spending()[0]
    assert (10, 4, 1, 5, 2) == (
        *(total.input_tokens, total.cached_input_tokens, total.cache_write_tokens),
        *(total.output_tokens, total.reasoning_tokens),
    )
    assert [1] == [row.calls for row in ledger.spending(until=clock.time, run="r1")]


def test_latency_of_the_last_good_calls(ledger, clock):
    """
    Medians over the last fifty; failures and other targets don't count.
    """
    for number in range(60):
        clock.time += 1
        ledger.hold(call(f"{number}"), 0)
        first = 9.0 if number < 10 else 0.5
        ledger.settle(f"{number}", settled(0, usage=Usage(1, 30), duration_s=first + 1.5, first_token_s=first))
    ledger.hold(call("bad"), 0)
    ledger.settle("bad", settled(0, outcome="timeout", duration_s=99.0, first_token_s=99.0))
    found = ledger.latency(Target("openai", "gpt"))

    assert (0.5, 20.0, 50) == (found.first_token_p50_s, found.tokens_per_s_p50, found.samples)
    assert ledger.latency(Target("openai", "other")) is None


def test_a_breaker_is_kept_for_its_model_and_key(ledger, clock):
    """
    Whole, for the next process, until it is taken out or forgotten; a Retry-After is known of the provider.
    """
    busy = Breaker(at=clock.time, reason="rate_limited", until=clock.time + 30)
    full = Breaker(
        at=clock.time, reason="timeout", failures=4, last="x-xx", trips=2, opened_at=1.5, until=2.5, probed=True,
        probe_until=3.5,
    )  # fmt: skip
    for number, one in enumerate((busy, full)):
        assert one == ledger.change_breaker(Circuit("openai", f"m{number}", "k"), lambda _, one=one: one)
    other = ledger.clone()

    assert [busy, full] == [other.breaker(Circuit("openai", name, "k")) for name in ("m0", "m1")]
    assert [None, None] == [other.breaker(Circuit(*of)) for of in (("openai", "m0", "other"), ("x", "m0", "k"))]
    assert [30, 0] == [other.cooling(name) for name in ("openai", "x")]
    assert None is ledger.change_breaker(Circuit("openai", "m0", "k"), lambda _: None)
    clock.time += 86_500
    ledger.change_breaker(Circuit("a", "b", "c"), lambda _: replace(busy, at=clock.time))
    assert [None, None] == [other.breaker(Circuit("openai", name, "k")) for name in ("m0", "m1")]


@file_only
def test_reading_makes_no_file(ledger):
    """
    A plan or a report of nothing leaves nothing behind.
    """
    found = (ledger.spending(), ledger.reconcile(), ledger.latency(Target("a", "b")), ledger.cooling("a"))

    assert ([], [], None, 0.0) == found
    assert (0, 0, 0) == sums(ledger, daily())
    assert not ledger.path.parent.exists()


@file_only
def test_the_files_are_private(ledger):
    """
    Who spends what is nobody else's business.
    """
    ledger.hold(call("a"), 1)

    assert {0o600} == {path.stat().st_mode & 0o777 for path in ledger.path.parent.iterdir()}
    assert 0o700 == ledger.path.parent.stat().st_mode & 0o777


def _newer(path):
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA application_id = 1819045231")
        db.execute("PRAGMA user_version = 99")
    db.close()


def _foreign(path):
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE photos (id INTEGER)")
    db.close()


@pytest.mark.parametrize(
    ("spoil", "message", "hint"),
    [
        pytest.param(
            lambda path: path.write_bytes(b"not a database, " * 99),
            "damaged or not a ledger",
            "restore a copy, or move it away",
            id="damaged",
        ),
        pytest.param(
            _newer, "it was written by a newer llmo (schema 99, this one knows 4)", "upgrade llmo", id="newer"
        ),
        pytest.param(_foreign, "a database of another program", "restore a copy, or move it away", id="foreign"),
        pytest.param(lambda path: path.mkdir(), "it is a directory", "use LLMO_DATA_DIR", id="unusable"),
    ],
)
def test_a_ledger_that_cannot_be_used_is_one_clear_error_and_is_left_alone(tmp_path, clock, spoil, message, hint):
    """
    It is never replaced: what is in it is money.
    """
    path = tmp_path / "ledger.db"
    spoil(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(ConfigError) as error:
        SQLiteLedger(path, clock).hold(call("a"), 1)

    assert message in error.value.message
    assert str(path) in error.value.message
    assert (error.value.hint or "").startswith(hint)
    assert before == (path.read_bytes() if path.is_file() else None)


@file_only
def test_a_full_disk_is_one_clear_error_and_loses_nothing(ledger):
    """
    The transaction is undone; what was booked stays booked.
    """
    ledger.hold(call("a"), 1)
    db = ledger._db()
    db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}")
    held = [Held(call(f"{number}", tags={"note": "x" * 900}), 1) for number in range(999)]
    with pytest.raises(ConfigError, match="the disk is full"):
        ledger.apply(held)

    assert (1, 1) == (ledger.spending()[0].held, db.execute("SELECT count(*) FROM calls").fetchone()[0])


@file_only
def test_a_locked_ledger_is_one_clear_error(ledger):
    """
    After patience runs out; it may work later.
    """
    ledger.hold(call("a"), 1)
    ledger.until = 0.0
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Locked, match="another program locks it"):
        ledger.settle("a", settled(1))
    other.close()
    ledger.settle("a", settled(1))

    assert 1 == ledger.spending()[0].cost


def test_limits_of_a_profile():
    """
    Dollars become picodollars; a key that means nothing is an error, not a budget that never counts.
    """
    found = Limit.of(BudgetConfig(name="d", limit_usd="5.00", window="day", match={"provider": "openai"}))

    assert ("d", 5 * DOLLAR, None, "day", '{"provider": "openai"}') == (
        found.name,
        found.usd,
        found.calls,
        found.window,
        found.key,
    )
    with pytest.raises(ConfigError, match="budget d: unknown key in match: modle"):
        Limit.of(BudgetConfig(name="d", match={"modle": "x"}))


def test_everything_that_is_known_of_a_call_is_stored(ledger):
    """
    Requested and served model, attempt, run, row, task, tags, price table, tokens, times.
    """
    ledger.hold(
        call("a", task="simple", tags={"b": "2", "a": "1"}, attempt=3, row="r-17", prices="table 2026-11-22"), 9
    )
    ledger.settle(
        "a",
        settled(
            5,
            usage=Usage(1, 2, 3, 4, 5),
            served_model="gpt-1",
            request_id="req",
            service_tier="flex",
            duration_s=1.5,
            first_token_s=0.5,
        ),
    )
    cursor = ledger._db().execute("SELECT * FROM calls")
    row = dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))

    assert {
        "id": "a", "run": "r1", "row": "r-17", "attempt": 3, "provider": "openai", "model": "gpt", "served_model": "gpt-1",
        "task": "simple", "tags": json.dumps({"a": "1", "b": "2"}), "billing": "metered", "state": "settled", "outcome": "ok",
        "worst": 9, "cost": 5, "in_doubt": 0, "source": "computed", "input_tokens": 1, "cached_input_tokens": 3, "cache_write_tokens": 4,
        "output_tokens": 2, "reasoning_tokens": 5, "prices": "table 2026-11-22", "service_tier": "flex", "request_id": "req",
        "held_at": int(NOON * 1e6), "ended_at": int(NOON * 1e6), "duration_s": 1.5, "first_token_s": 0.5,
        "owner_pid": processes.me().pid, "owner_started": processes.me().started, "owner_boot": ledger._owner().boot,
    } == row  # fmt: skip


def test_a_limit_that_runs_low_is_told_once_a_window(ledger, clock):
    """
    At 80 and at 95 percent, by one process for all, anew in the next window and after the limit was raised.
    """
    limit, other = daily(100), Limit(name="calls", calls=2)
    second = ledger.clone()

    def told(identifier, dollars, of=limit):
        ledger.hold(call(identifier), dollars * DOLLAR)
        ledger.settle(identifier, settled(dollars * DOLLAR))
        return [
            [(percent, status.name) for percent, status in book.new_alerts([of, Limit(name="zero", usd=0)], "r1")]
            for book in (ledger, second)
        ]

    assert [[], []] == told("a", 79)
    assert [[(80, "daily")], []] == told("b", 2)
    assert [[], []] == told("c", 1)
    assert [[(95, "daily")], []] == told("d", 17)
    assert [[(80, "daily")], []] == told("e", 1, of=daily(120))
    clock.time += 86_400
    assert [[(95, "daily")], []] == told("f", 99)
    assert [[(95, "calls")], []] == told("g", 0, of=other)
    second.close()


def test_a_jump_to_the_top_is_told_once(ledger):
    """
    The lower level is not told after the higher one.
    """
    ledger.hold(call("a"), 99)
    ledger.settle("a", settled(99))

    limit = Limit(name="x", usd=100)
    other = ledger.clone()
    assert [[95], []] == [[percent for percent, _ in book.new_alerts([limit], "r1")] for book in (ledger, other)]
    assert [] == other.new_alerts([Limit(name="run", usd=100, window="run")], "r2")
    other.close()
