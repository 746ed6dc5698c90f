"""No sequence of entries passes a limit or lets a counter drift from the calls."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from llmo.ledger import processes, transfer
from llmo.ledger.periods import Period
from llmo.ledger.records import Billed, Call, ImportedCall, Limit, Settlement
from llmo.ledger.refusals import OverBudget
from llmo.ledger.reports import Spending
from llmo.ledger.sql import counters, queries
from tests.ledger.storages import Storage
from tests.servers import postgres

LIMITS = (
    Limit(name="day", usd=100, window="day"),
    Limit(name="week of a", usd=150, window="week", match={"provider": "a"}),
    Limit(name="month in calls", calls=12, window="month"),
    Limit(name="team", usd=60, match={"tag.team": "*"}),
    Limit(name="model", usd=120, calls=9, window="total", match={"model": "a/m*"}),
    Limit(name="run", usd=90, window="run"),
)


class Clock:
    time = 1_795_300_000.0

    def now(self):
        return self.time


class Money(RuleBasedStateMachine):
    """Two processes with different profiles share a ledger; calls cost at most what they held."""

    held = Bundle("held")
    kind = "sqlite"

    @initialize()
    def begin(self):
        self.directory = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.storage = Storage(self.kind, Path(self.directory.name))
        self.ledgers = [self.storage.ledger(self.clock, zone) for zone in ("Europe/Berlin", "America/St_Johns")]
        self.next = 0
        self.far = []
        self.refused = []

    @rule(
        target=held,
        who=st.sampled_from([0, 1]),
        provider=st.sampled_from(["a", "b"]),
        model=st.sampled_from(["m1", "n"]),
        run=st.sampled_from(["r1", "r2"]),
        tags=st.sampled_from([{}, {"team": "x"}]),
        billing=st.sampled_from(["metered", "metered", "local", "subscription"]),
        worst=st.integers(0, 40),
    )
    def hold(self, who, provider, model, run, tags, billing, worst):  # noqa: PLR0913, PLR0917 - hypothesis draws them
        self.next += 1
        worst = worst if billing == "metered" else 0
        call = Call(id=str(self.next), run=run, provider=provider, model=model, tags=tags, billing=billing)
        # Each process knows half of the limits: the other half must be kept for it all the same.
        try:
            self.ledgers[who].hold(call, worst, LIMITS[who::2] if self.next % 3 else LIMITS)
        except OverBudget as refusal:
            self.refused.append((refusal, worst))
            return None
        return str(self.next), worst

    @rule(who=st.sampled_from([0, 1]), taken=consumes(held), share=st.integers(0, 100), again=st.booleans())
    def settle(self, who, taken, share, again):
        if taken:
            cost = taken[1] * share // 100
            for amount in (cost, cost + 1)[: 1 + again]:
                self.ledgers[who].settle(taken[0], Settlement(cost=amount, source="computed"))

    @rule(who=st.sampled_from([0, 1]), taken=consumes(held), share=st.integers(0, 100))
    def fall_into_doubt(self, who, taken, share):
        """A part was received; nobody knows of the rest."""
        if taken:
            cost = taken[1] * share // 100
            end = Settlement(cost=cost, in_doubt=taken[1] - cost, source="estimated", outcome="timeout")
            self.ledgers[who].settle(taken[0], end)
            self.ledgers[who].settle(taken[0], Settlement(cost=cost + 1, source="computed"))

    @rule(who=st.sampled_from([0, 1]), share=st.integers(0, 100), whole=st.booleans())
    def learn_the_truth(self, who, share, whole):
        """At most what was held; the oldest doubt first, and only once."""
        for one in self.ledgers[who].doubts()[:1]:
            cost = one.spent + one.in_doubt * share // 100
            billed = Billed(cost=None if whole else cost)
            self.ledgers[who].resolve({one.id: billed})
            self.ledgers[1 - who].resolve({one.id: Billed(cost=0)})

    @rule(who=st.sampled_from([0, 1]), taken=consumes(held))
    def release(self, who, taken):
        if taken:
            self.ledgers[who].release(taken[0], "rate_limited")

    @rule(hours=st.integers(-50, 400))
    def wait(self, hours):
        """Clocks are set back, too."""
        self.clock.time += hours * 3600

    @rule(who=st.sampled_from([0, 1]))
    def somebody_takes_everything_in_again(self, who):
        if self.ledgers[who]._reader():
            lines = list(self.ledgers[1 - who].export_calls())
            ended = [line for line in lines if json.loads(line)["state"] != "held"]
            assert (len(ended), 0) == self.ledgers[who].import_calls(transfer.read(ended, "x"))

    @rule(who=st.sampled_from([0, 1]), cost=st.integers(0, 3), days=st.integers(0, 40))
    def a_call_comes_from_elsewhere(self, who, cost, days):
        self.next += 1
        call = Call(id=f"far {self.next}", run="r1", provider="a", model="m1", tags={"team": "x"})
        end = Settlement(cost=cost, source="computed")
        at = int((self.clock.time - days * 86_400) * 1e6)
        self.far += [(at, cost)]
        assert (1, 1) == self.ledgers[who].import_calls(
            [ImportedCall(call=call, worst=9, held_at=at, ended_at=at, end=end)]
        )

    @rule(who=st.sampled_from([0, 1]))
    def everybody_dies(self, who):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(queries, "lives", lambda _: False)
            self.ledgers[who].reconcile()

    @invariant()
    def nobody_is_refused_for_nothing(self):
        for refusal, worst in getattr(self, "refused", ()):
            assert refusal.by_calls or worst > refusal.status.left

    @invariant()
    def counters_are_what_the_calls_add_up_to(self):
        if db := self.ledgers[0]._reader():
            rows = db.execute('SELECT run, "end", start, match, spent, held, in_doubt, calls FROM counters').fetchall()
            for run, end, start, match, *sums in rows:
                assert counters.added(db, match, Period(start, end), run) == tuple(sums)
                assert counters.total(db, match, Period(start, end), run) == tuple(sums)

    @invariant()
    def a_call_is_in_exactly_one_state(self):
        """What is in doubt is the rest of its hold, and is no part of what is spent."""
        if db := self.ledgers[0]._reader():
            assert (
                []
                == db.execute(
                    "SELECT id FROM calls WHERE (state = 'in_doubt') <> (in_doubt > 0)"
                    " OR in_doubt > 0 AND cost + in_doubt <> worst OR (state = 'held') <> (ended_at IS NULL)"
                ).fetchall()
            )

    @invariant()
    def days_are_what_the_calls_add_up_to(self):
        """Asked in any zone, by day or not, from any instant on: sums and calls tell the same."""
        for ledger in getattr(self, "ledgers", ()) if self.next else ():
            since = self.clock.time - 86_400 * 3.3
            for by, begin in ((["day", "model", "outcome"], None), (["week"], since), (["tag:team"], since)):
                plain = [*by, "run"]
                fast = {row.group: row for row in ledger.spending(by, since=begin)}
                slow: dict[tuple[str, ...], Spending] = {}
                for row in ledger.spending(plain, since=begin):
                    slow.setdefault(row.group[:-1], Spending(row.group[:-1])).add(row)
                assert slow == fast

    def teardown(self):
        for ledger in getattr(self, "ledgers", ()):
            ledger.close()
        if hasattr(self, "directory"):
            self.storage.close()
            self.directory.cleanup()


class MoneyOfMany(Money):
    """The same in a database that machines share."""

    kind = "postgres"


Money.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
MoneyOfMany.TestCase.settings = settings(max_examples=6, stateful_step_count=30, deadline=None)
needs_server = pytest.mark.skipif(bool(postgres.lacking()), reason=postgres.lacking())
test_counters_of_a_database_follow_every_entry = needs_server(MoneyOfMany.TestCase)
test_counters_follow_every_entry = Money.TestCase


class Capped(Money):
    """Everybody knows every limit: none is passed, at any instant."""

    @rule(
        target=Money.held,
        who=st.sampled_from([0]),
        provider=st.sampled_from(["a", "b"]),
        model=st.sampled_from(["m1", "n"]),
        run=st.sampled_from(["r1", "r2"]),
        tags=st.sampled_from([{}, {"team": "x"}]),
        billing=st.sampled_from(["metered", "local"]),
        worst=st.integers(0, 40),
    )
    def hold(self, who, provider, model, run, tags, billing, worst):  # noqa: PLR0913, PLR0917 - hypothesis draws them
        self.next += 3 - self.next % 3
        call = Call(id=str(self.next), run=run, provider=provider, model=model, tags=tags, billing=billing)
        worst = worst if billing == "metered" else 0
        try:
            self.ledgers[0].hold(call, worst, LIMITS)
        except OverBudget:
            return None
        return str(self.next), worst

    @invariant()
    def nothing_passes_a_limit(self):
        if hasattr(self, "ledgers"):
            for run in ("r1", "r2"):
                for status in self.ledgers[0].status(LIMITS, run):
                    assert status.left is None or status.left >= 0
                    assert min(status.spent, status.held, status.in_doubt) >= 0
                    assert status.limit_calls is None or status.calls <= status.limit_calls

    def a_call_comes_from_elsewhere(self):
        """What was spent elsewhere may pass any limit: it is booked all the same."""


class CappedOfMany(Capped):
    """The same in a database that machines share."""

    kind = "postgres"


CappedOfMany.TestCase.settings = settings(max_examples=6, stateful_step_count=30, deadline=None)
test_no_limit_of_a_database_is_ever_passed = needs_server(CappedOfMany.TestCase)
Capped.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
test_no_limit_is_ever_passed = Capped.TestCase


def test_the_owner_of_a_hold_is_this_process():
    """
    The machine above rests on it: nothing here is dead unless it says so.
    """
    assert processes.lives(processes.me())
