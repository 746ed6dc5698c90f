"""The account: refuses at once for one request, waits for its own money in a batch."""

import asyncio
from threading import Event

import pytest

import llmo.ledger.grouped
from llmo.config.profile import BudgetConfig, Profile, ProviderConfig
from llmo.errors import ConfigError, Locked
from llmo.ledger.accounts import DirectAccount
from llmo.ledger.allowance import Allowance, limits
from llmo.ledger.grouped import CROWD, GroupedAccount
from llmo.ledger.records import Call, Held, Limit, Settlement
from llmo.ledger.refusals import OverBudget
from llmo.ledger.sql import queries
from llmo.ledger.sqlite.ledger import SQLiteLedger
from tests import virtual
from tests.ledger.storages import file_only
from tests.patience import LONG

CAP = Limit(name="--max-cost", usd=100, window="run")


class Clock:
    def now(self):
        return 1_795_300_000.0


@pytest.fixture
def ledger(storage):
    book = storage.ledger(Clock())
    yield book
    book.close()


def call(identifier, **facts):
    return Call(**{"id": str(identifier), "run": "r", "provider": "p", "model": "m", **facts})


def settled(cost):
    return Settlement(cost=cost, source="computed")


async def ticks(number=50):
    for _ in range(number):
        await asyncio.sleep(0)


def grouped(ledger, scenario, *caps, **options):
    """Run a scenario with an account; the sums of the run's limit after it."""

    async def main():
        account = GroupedAccount(ledger, caps or (CAP,), **options)
        try:
            return await scenario(account)
        finally:
            await account.close()

    result = asyncio.run(asyncio.wait_for(main(), LONG))
    (status,) = ledger.status([CAP], "r")
    return result, (status.spent, status.held, status.calls)


@file_only
def test_a_direct_till_opens_nothing_until_the_first_hold_and_refuses_at_once(ledger):
    """
    An ask is told at once; what it held becomes what it cost.
    """

    async def scenario():
        account = DirectAccount(ledger, [CAP])
        nothing = not ledger.path.exists()
        first = await account.hold(call(1), 60)
        with pytest.raises(OverBudget):
            await account.hold(call(2), 60)
        await first.settle(settled(7))
        second = await account.hold(call(3), 60)
        await second.release("rate_limited")
        await account.close()
        return nothing

    assert asyncio.run(scenario())
    (status,) = ledger.status([CAP], "r")
    assert (7, 0, 1) == (status.spent, status.held, status.calls)


def test_a_direct_till_is_closed_when_what_its_callers_left_is_booked(ledger, monkeypatch):
    """
    Another program keeps the ledger while a command ends: what is paid for is booked, and then the ledger closed.
    """
    book, order = ledger.apply, list[object]()

    def busy(entries, **options):
        order.append("tried")
        if order.count("tried") < 4:
            raise Locked("busy")
        return book(entries, **options)

    async def scenario():
        account = DirectAccount(ledger, [CAP])
        hold = await account.hold(call(1), 60)
        monkeypatch.setattr(ledger, "apply", busy)
        monkeypatch.setattr(ledger, "close", lambda: order.append("closed"))
        ending = asyncio.create_task(hold.settle(settled(7)))
        await asyncio.sleep(0)
        await account.close()
        order.append(ending.done())
        await account.close()

    virtual.run(scenario())
    (status,) = ledger.status([CAP], "r")
    assert ["tried"] * 4 + ["closed", True, "closed"] == order
    assert (7, 0, 1) == (status.spent, status.held, status.calls)


def elsewhere(ledger, identifier, amount, *caps):
    """A hold of another process that lives."""
    other = ledger.clone()
    other.hold(call(identifier, run="other"), amount, caps)
    other.close()


def waited(ledger, scenario, *caps, **options):
    """A scenario with the account of an `ask`, in virtual time; how long it took and what was told."""
    told: list[str] = []

    async def main():
        account = DirectAccount(ledger, caps, **options)
        account.tell, account.rand = told.append, lambda: 1.0
        began = asyncio.get_running_loop().time()
        try:
            result = await scenario(account)
        except OverBudget as refusal:
            result = refusal
        await account.close()
        return result, asyncio.get_running_loop().time() - began

    return *virtual.run(main()), told


DAY = Limit(name="day", usd=100, window="day")


async def later(seconds, *actions):
    await asyncio.sleep(seconds)
    for action in actions:
        action()


def test_an_ask_waits_for_what_living_processes_hold(ledger):
    """
    Until they have settled lower, and says once whom it waits for.
    """
    elsewhere(ledger, "a", 60, DAY)
    elsewhere(ledger, "b", 40, DAY)

    async def scenario(account):
        ends = [
            asyncio.create_task(later(3, lambda: ledger.settle("a", settled(50)))),
            asyncio.create_task(later(5, lambda: ledger.settle("b", settled(1)))),
        ]
        hold = await account.hold(call("mine"), 45, patience=60)
        await asyncio.gather(*ends)
        return hold.id

    result, took, told = waited(ledger, scenario, DAY)

    assert "mine" == result
    assert 5 <= took <= 5.5
    assert ["waiting up to 1 min 0 s for $0.0000000001 of budget day, held by other calls in flight"] == told


@pytest.mark.parametrize(
    ("before", "worst", "why"),
    [
        pytest.param([("settle", 60)], 41, "spent $0.00000000006", id="spent"),
        pytest.param([("doubt", 60)], 41, "in doubt up to $0.00000000006", id="in doubt"),
        pytest.param([("dead", 60)], 41, "held $0.00000000006", id="held by the dead"),
        pytest.param([("live", 60)], 101, "held $0.00000000006", id="more than the limit"),
    ],
)
def test_an_ask_that_could_not_pass_even_then_is_refused_at_once(ledger, monkeypatch, before, worst, why):
    """
    With the amounts, and without a word about waiting.
    """
    for fate, amount in before:
        elsewhere(ledger, fate, amount, DAY)
        if fate == "settle":
            ledger.settle(fate, settled(amount))
        if fate == "doubt":
            ledger.settle(fate, Settlement(cost=0, in_doubt=amount, source="estimated", outcome="timeout"))
        if fate == "dead":
            monkeypatch.setattr(queries, "lives", lambda _: False)

    refused, took, told = waited(ledger, lambda account: account.hold(call("mine"), worst, patience=60), DAY)

    assert (0, []) == (took, told)
    assert why in refused.message
    assert ("llmo cost --reconcile" in refused.hint) == (before[0][0] in {"doubt", "dead"})


def test_an_ask_waits_no_longer_than_it_may(ledger):
    """
    A process that holds on is no reason to hang; who says nothing does not wait.
    """
    elsewhere(ledger, "a", 60, DAY)
    looks = []
    status = ledger.status

    def counted(*args, **options):
        looks.append(args)
        return status(*args, **options)

    ledger.status = counted
    refused, took, told = waited(ledger, lambda account: account.hold(call("mine"), 60, patience=20), DAY)

    at_once = waited(ledger, lambda account: account.hold(call("mine"), 60), DAY)[1:]

    assert isinstance(refused, OverBudget)
    assert (20, 1) == (took, len(told))
    assert (0, []) == at_once
    assert "held $0.00000000006" in refused.message
    assert len(looks) < 60


def test_an_ask_takes_less_at_once_rather_than_wait_for_all(ledger):
    """
    Its caller asks again for what there is.
    """
    elsewhere(ledger, "a", 60, DAY)
    refused, took, told = waited(ledger, lambda account: account.hold(call("mine"), 90, least=40, patience=60), DAY)
    more, _, _ = waited(
        ledger, lambda account: account.hold(call("mine"), refused.status.left, least=40, patience=60), DAY
    )

    assert (0, [], 40) == (took, told, refused.status.left)
    assert "mine" == more.id


def test_calls_in_flight_are_not_waited_for_where_calls_are_counted(ledger):
    """
    A call that settles stays counted; one of unknown price that is allowed is refused for nothing else.
    """
    limit = Limit(name="one", calls=1)
    elsewhere(ledger, "a", 0, limit)
    for worst, how in ((0, {}), (None, {"allow_unpriced": True})):
        refused, took, _ = waited(
            ledger, lambda account, worst=worst: account.hold(call("mine"), worst, patience=60), DAY, limit, **how
        )

        assert (0, "budget one is used up: 1 of 1 calls") == (took, refused.message)


def test_a_batch_with_nothing_outstanding_waits_for_other_processes_too(ledger):
    """
    It does not end because an `ask` is in flight beside it.
    """
    elsewhere(ledger, "a", 60, DAY)
    told: list[str] = []

    async def scenario(account):
        account.rand = lambda: 0.01

        def tell(line):
            told.append(line)
            ledger.settle("a", settled(1))

        account.tell = tell
        hold = await account.hold(call("mine"), 60, patience=60)
        await hold.settle(settled(60))
        with pytest.raises(OverBudget):
            await account.hold(call("more"), 60, patience=60)
        return hold.id

    assert "mine" == grouped(ledger, scenario, DAY)[0]
    assert 1 == len(told)


def test_what_is_left_is_shared_out_among_the_calls_that_are_wanted_at_once(ledger):
    """
    Own holds will settle and are shared out again; what others hold, what is spent and in doubt is not.
    """

    async def scenario(account):
        account.width = 4
        shares = [account.share(call("x")), account.share(call("y", provider="q"))]
        await account.hold(call("own"), 30)
        elsewhere(ledger, "a", 10, DAY)
        account._rooms = (-1.0, [])
        return [*shares, account.share(call("z")), account.held]

    ledger.hold(call("before"), 30, [DAY])
    ledger.settle("before", Settlement(cost=10, in_doubt=20, source="estimated"))
    limit = Limit(name="p", usd=1000, match={"provider": "p"})
    assert [14, 14, 12, 30] == grouped(ledger, scenario, DAY, limit)[0]


def test_a_share_is_a_whole_part_of_what_the_limits_of_a_call_leave(ledger):
    """
    Of its own run; none where no limit of dollars counts it, nothing when nothing is left, and known for a moment.
    """

    async def scenario(account):
        found = [account.share(call("x", provider=name)) for name in ("p", "q", "none")]
        await account.hold(call("own", provider="p"), 0)
        ledger.hold(call("more"), 200)
        found.append(account.share(call("x")))
        account._rooms = (-1.0, [])
        return [*found, account.share(call("x"))]

    run = Limit(name="run", usd=100, window="run", match={"provider": "p"})
    other, calls = Limit(name="other", usd=9, match={"provider": "q"}), Limit(name="calls", calls=5)
    ledger.hold(call("before"), 31, [run])
    shares, _ = grouped(ledger, scenario, run, other, calls, width=2)

    assert [int(69 * 0.8) // 2, 3, None, int(69 * 0.8) // 2, 0] == shares
    assert all(share is None or type(share) is int for share in shares)


def test_a_batch_takes_less_at_once_rather_than_wait_for_all(ledger):
    """
    Where there is room for the least that would do now, and where there will be when others have settled.
    """
    elsewhere(ledger, "a", 60, DAY)
    told: list[str] = []

    async def refused(account, worst, least):
        with pytest.raises(OverBudget) as refusal:
            await account.hold(call(f"of {worst}"), worst, least=least, patience=60)
        return refusal.value.status.left, len(told)

    async def scenario(account):
        account.rand = lambda: 0.01

        def tell(line):
            told.append(line)
            ledger.settle("a", settled(1))

        account.tell = tell
        return [await refused(account, 90, 40), await refused(account, 110, 50)]

    assert [(40, 0), (99, 1)] == grouped(ledger, scenario, DAY)[0]


def test_a_refused_hold_waits_for_own_holds_to_settle(ledger):
    """
    Worst cases mostly settle lower: twenty calls of 60 under a cap of 100 all pass, one after another.
    """

    async def one(account, number):
        hold = await account.hold(call(number), 60)
        await ticks(3)
        await hold.settle(settled(2))
        return number

    async def scenario(account):
        return await asyncio.gather(*(one(account, number) for number in range(20)))

    assert (list(range(20)), (40, 0, 20)) == grouped(ledger, scenario)


def test_a_refusal_is_final_when_nothing_of_ours_is_outstanding(ledger):
    """
    At the cap everybody who waits is refused, and nothing was passed.
    """

    async def one(account, number):
        hold = await account.hold(call(number), 30)
        await ticks(3)
        await hold.settle(settled(30))

    async def scenario(account):
        results = await asyncio.gather(*(one(account, number) for number in range(10)), return_exceptions=True)
        return [isinstance(result, OverBudget) for result in results]

    assert ([False] * 3 + [True] * 7, (90, 0, 3)) == grouped(ledger, scenario)


def test_nobody_overtakes_those_who_wait_for_the_same_money(ledger):
    """
    A small hold waits behind a large one; one that other limits count passes.
    """
    order = []

    async def one(account, number, worst, **facts):
        hold = await account.hold(call(number, **facts), worst)
        order.append(number)
        return hold

    async def scenario(account):
        first = await account.hold(call(0), 90)
        large = asyncio.create_task(one(account, 1, 80))
        await ticks()
        await account.hold(call("behind it", provider="q"), 0)
        small = asyncio.create_task(one(account, 2, 5))
        other = await one(account, 3, 5, provider="q")
        await first.settle(settled(1))
        for hold in (await large, await small, other):
            await hold.settle(settled(1))
        return order

    cap = Limit(name="p", usd=100, match={"provider": "p"})
    result, _ = grouped(ledger, scenario, cap)
    assert [3, 1, 2] == result


def test_a_release_wakes_those_who_wait_for_a_call(ledger):
    """
    Budgets of calls get a call back when one surely cost nothing, never when it settled.
    """

    async def scenario(account):
        first = await account.hold(call(0), 0)
        waiting = asyncio.create_task(account.hold(call(1), 0))
        await ticks()
        await first.release("rate_limited")
        second = await waiting
        last = asyncio.create_task(account.hold(call(2), 0))
        await ticks()
        await second.settle(settled(0))
        with pytest.raises(OverBudget) as refusal:
            await last
        return refusal.value.message

    result, sums = grouped(ledger, scenario, Limit(name="one", calls=1))
    assert ("budget one is used up: 1 of 1 calls", (0, 0, 1)) == (result, sums)


def test_an_unknown_price_is_refused_at_once(ledger):
    """
    Waiting would not tell the price.
    """

    async def scenario(account):
        await account.hold(call(0), 1)
        with pytest.raises(OverBudget) as refusal:
            await account.hold(call(1), None)
        return refusal.value.message, refusal.value.hint

    (message, hint), _ = grouped(ledger, scenario)
    assert "the price of p/m is unknown, and budget --max-cost limits dollars" == message
    assert hint.startswith("use --allow-unpriced")


def test_an_unknown_price_in_line_is_refused_when_its_turn_comes(ledger):
    """
    While others are in flight, whose end would tell nothing.
    """

    async def scenario(account):
        await account.hold(call(0), 90)
        large = asyncio.create_task(account.hold(call("large"), 80))
        await ticks()
        await account.hold(call("behind it", provider="q"), 0)
        unknown = asyncio.create_task(account.hold(call("unknown"), None))
        await ticks()
        waits = not unknown.done()
        large.cancel()
        with pytest.raises(OverBudget):
            await unknown
        return waits, account.outstanding

    cap = Limit(name="p", usd=100, match={"provider": "p"})
    assert (True, 2) == grouped(ledger, scenario, cap)[0]


def test_an_unknown_price_may_be_allowed(ledger):
    """
    It is counted, and holds nothing.
    """

    async def scenario(account):
        await (await account.hold(call(1), None)).settle(Settlement(cost=None, source="unknown"))

    assert (None, (0, 0, 1)) == grouped(ledger, scenario, allow_unpriced=True)


@file_only
def test_a_till_that_is_closed_books_what_has_come_and_ends(ledger):
    """
    Also where the end is asked for while a group is being booked, and more waits behind it.
    """
    go = Event()

    class Slow(SQLiteLedger):
        def another(self):
            return Slow(self.path, Clock(), "UTC")

        def apply(self, entries, **options):
            go.wait(LONG)
            return super().apply(entries, **options)

    slow = Slow(ledger.path, Clock(), "UTC")

    async def main():
        account = GroupedAccount(slow, [CAP])
        holds = [asyncio.create_task(account.hold(call(number), 10)) for number in range(3)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(account.close())
        await asyncio.sleep(0)
        go.set()
        await closing
        return [hold.id for hold in await asyncio.gather(*holds)], account.outstanding

    assert (["0", "1", "2"], 3) == asyncio.run(asyncio.wait_for(main(), LONG))
    assert [(30, 3)] == [(status.held, status.calls) for status in ledger.status([CAP], "r")]


@file_only
def test_a_till_that_is_closed_releases_what_a_caller_has_left(ledger):
    """
    The hold is granted after its caller was canceled, and while the account closes.
    """
    go = Event()

    class Slow(SQLiteLedger):
        def clone(self):
            return Slow(self.path, Clock(), "UTC")

        def apply(self, entries, **options):
            go.wait(LONG)
            return super().apply(entries, **options)

    async def main():
        account = GroupedAccount(Slow(ledger.path, Clock(), "UTC"), [CAP])
        asking = asyncio.create_task(account.hold(call(1), 10))
        await ticks()
        closing = asyncio.create_task(account.close())
        await ticks()
        asking.cancel()
        await ticks()
        go.set()
        await closing
        return account.outstanding

    assert 0 == asyncio.run(asyncio.wait_for(main(), LONG))
    assert [(0, 0)] == [(status.held, status.calls) for status in ledger.status([CAP], "r")]


@file_only
def test_a_settlement_of_many_is_not_waited_for(ledger):
    """
    A hold is stored before anything is sent; what a call cost is stored by the time the account is closed.
    """
    go = Event()

    class Slow(SQLiteLedger):
        def clone(self):
            return Slow(self.path, Clock(), "UTC")

        def apply(self, entries, **options):
            if not isinstance(entries[0], Held):
                go.wait(LONG)
            return super().apply(entries, **options)

    async def main():
        account = GroupedAccount(Slow(ledger.path, Clock(), "UTC"), [CAP])
        hold = await account.hold(call(1), 10)
        await hold.settle(settled(7))
        (before,) = ledger.status([CAP], "r")
        go.set()
        await account.close()
        return before.spent, before.held

    assert (0, 10) == asyncio.run(asyncio.wait_for(main(), LONG))
    assert [(7, 0)] == [(status.spent, status.held) for status in ledger.status([CAP], "r")]


def counting(ledger, groups):
    """The ledger, noting how many entries each group has."""

    class Counting(SQLiteLedger):
        def clone(self):
            return Counting(self.path, Clock(), "UTC")

        def apply(self, entries, **options):
            groups.append(len(entries))
            return super().apply(entries, **options)

    return Counting(ledger.path, Clock(), "UTC")


@file_only
def test_entries_of_many_calls_wait_for_each_other(ledger):
    """
    A hold that comes a moment later is in the same transaction, and so are settlements.
    """
    groups: list[int] = []

    async def scenario(account):
        first = [await account.hold(call(number), 1) for number in range(CROWD)]
        groups.clear()
        more = [asyncio.create_task(account.hold(call(f"more {number}"), 1)) for number in range(5)]
        await asyncio.sleep(0)
        for one in first:
            await one.settle(settled(1))
        await asyncio.gather(*more)
        return list(groups)

    found, sums = grouped(counting(ledger, groups), scenario)

    assert ([5 + CROWD], (CROWD, 5, 5 + CROWD)) == (found, sums)


@file_only
def test_a_settlement_is_stored_at_once_when_somebody_waits_for_its_money(ledger):
    """
    However many are in flight.
    """
    groups: list[int] = []

    async def scenario(account):
        first = [await account.hold(call(number), 5) for number in range(20)]
        waiting = asyncio.create_task(account.hold(call("waits"), 5))
        while not account._lines:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        await first[0].settle(settled(0))
        delays = [account._turn_at - loop.time()] if account._turn is not None else []
        await waiting
        return max(delays, default=0.0) <= 0

    assert grouped(counting(ledger, groups), scenario)[0]


def test_a_caller_that_is_cancelled_while_its_hold_is_granted_leaves_nothing(ledger):
    """
    Nobody will send that call.
    """

    async def scenario(account):
        tasks = [asyncio.create_task(account.hold(call(number), 10)) for number in range(5)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await account.hold(call("last"), 100)
        return account.outstanding

    assert (1, (0, 100, 1)) == grouped(ledger, scenario)


def test_a_caller_that_is_cancelled_in_the_turn_of_the_loop_that_grants_its_hold_leaves_nothing(ledger):
    """
    The answer of the ledger is there, but the caller has not gone on with it.
    """

    async def scenario(account):
        task = asyncio.create_task(account.hold(call(1), 1))
        while not account.outstanding:  # noqa: ASYNC110 - each turn of the loop is looked at
            await asyncio.sleep(0)
        granted = not task.done()
        task.cancel()
        await asyncio.wait([task])
        return granted, task.cancelled()

    assert ((True, True), (0, 0, 0)) == grouped(ledger, scenario)


def test_a_waiter_that_is_cancelled_gives_its_place_to_the_next(ledger):
    """
    The line moves on.
    """

    async def scenario(account):
        first = await account.hold(call(0), 100)
        waiting = [asyncio.create_task(account.hold(call(number), 100)) for number in (1, 2)]
        await ticks()
        waiting[0].cancel()
        await first.settle(settled(0))
        return (await waiting[1]).id

    assert "2" == grouped(ledger, scenario)[0]


@file_only
def test_a_ledger_that_fails_fails_the_callers(ledger):
    """
    Nothing is sent that can't be booked.
    """
    ledger.path.parent.mkdir()
    ledger.path.write_bytes(b"damaged" * 1000)

    async def scenario(account):
        results = await asyncio.gather(account.hold(call(0), 1), account.hold(call(1), 1), return_exceptions=True)
        return [type(result) for result in results]

    with pytest.raises(ConfigError, match="damaged"):
        grouped(ledger, scenario)


def test_which_calls_must_carry_an_output_limit(ledger):
    """
    Those that a limit of dollars counts.
    """
    account = DirectAccount(ledger, [Limit(name="p", usd=1, match={"provider": "p"}), Limit(name="calls", calls=9)])

    assert [True, False, False] == [
        account.limited(call(1)),
        account.limited(call(1, provider="q")),
        account.limited(call(1, billing="local")),
    ]


def test_the_limits_of_a_command():
    """
    The profile's budgets, a flat plan's calls a day, the flag.
    """
    profile = Profile(
        budgets=(BudgetConfig(name="daily", limit_usd="0.000000000005", window="day"),),
        providers={
            "cursor": ProviderConfig(kind="cursor", max_calls_per_day=200),
            "ollama": ProviderConfig(kind="ollama"),
        },
    )

    assert (
        Limit(name="daily", usd=5, window="day"),
        Limit(name="cursor.max_calls_per_day", calls=200, window="day", match={"provider": "cursor"}),
        Limit(name="--max-cost", usd=2 * 10**12, window="run"),
    ) == limits(profile, "2")


def test_limits_that_run_low_are_told_by_either_account(ledger):
    """
    Once, and only those that count what was asked; nobody listens, nobody is noted as told.
    """
    low, other = Limit(name="low", usd=100), Limit(name="other", calls=1, match={"provider": "q"})
    ledger.hold(call("elsewhere", provider="q"), 0)
    said: list[str] = []

    async def spend(account, number, cost):
        hold = await account.hold(call(number), cost)
        await hold.settle(settled(cost))

    async def direct(warn):
        account = DirectAccount(ledger, [low, other])
        account.warn = warn
        await spend(account, f"direct {warn}", 41)
        await account.close()

    async def many(account):
        account.warn = said.append
        await spend(account, "grouped", 14)
        await ticks()

    asyncio.run(direct(None))
    asyncio.run(direct(said.append))
    assert ["budget low is used to 80 % and more: $0.000000000082 of $0.0000000001 spent"] == said
    grouped(ledger, many, low, other)
    assert ["budget low is used to 95 % and more: $0.000000000096 of $0.0000000001 spent"] == said[1:]


@file_only
def test_limits_that_run_low_are_looked_at_now_and_then_and_after_the_last_entry(ledger, monkeypatch):
    """
    Not after every group; and what only the last settlement brings about is told all the same.
    """
    looks: list[str] = []

    class Looked(SQLiteLedger):
        def clone(self):
            return Looked(self.path, Clock(), "UTC")

        def new_alerts(self, limits, run):
            looks.append(run)
            return super().new_alerts(limits, run)

    async def scenario(account):
        for number in range(5):
            hold = await account.hold(call(number), 20)
            await hold.settle(settled(17 if number < 4 else 20))
        return list(said)

    monkeypatch.setattr(llmo.ledger.grouped, "REST_S", LONG)
    said: list[str] = []
    during, sums = grouped(Looked(ledger.path, Clock(), "UTC"), scenario, warn=said.append)

    assert (["r"] * 2, [], (88, 0, 5)) == (looks, during, sums)
    assert ["budget --max-cost is used to 80 % and more by run r: $0.000000000088 of $0.0000000001 spent"] == said


def test_a_pause_is_long_enough_to_look_at_limits_that_run_low(ledger, monkeypatch):
    """
    Nothing need follow.
    """
    monkeypatch.setattr(llmo.ledger.grouped, "REST_S", 0.01)

    async def scenario(account):
        told = asyncio.get_running_loop().create_future()
        account.warn = told.set_result
        hold = await account.hold(call(1), 90)
        await hold.settle(settled(85))
        return await told

    assert "80 %" in grouped(ledger, scenario)[0]


def test_what_is_told_of_a_limit_that_runs_low(ledger):
    """
    What is spent and in doubt, or the calls, and when it begins anew; of the run that asked.
    """
    run = Limit(name="run", usd=100, window="run")
    day = Limit(name="day", usd=100, window="day")
    many = Limit(name="many", usd=1000, calls=1)
    said: list[str] = []

    async def main():
        account = DirectAccount(ledger, [run, day, many, Limit(name="calls", calls=1)])
        account.warn = said.append
        hold = await account.hold(call(1), 90)
        await hold.settle(Settlement(cost=80, in_doubt=5, source="estimated"))

    asyncio.run(main())
    spent = "$0.00000000008 of $0.0000000001 spent, up to $0.000000000005 in doubt"
    assert [
        f"budget run is used to 80 % and more by run r: {spent}",
        f"budget day is used to 80 % and more: {spent}, resets 2026-11-22T00:00:00+00:00",
        f"budget many is used to 95 % and more: {spent.replace('0.0000000001', '0.000000001')}, 1 of 1 calls",
        "budget calls is used to 95 % and more: 1 of 1 calls",
    ] == said


@pytest.mark.parametrize("kind", [DirectAccount, GroupedAccount])
def test_each_run_is_told_by_name_of_a_limit_of_its_own_that_runs_low(ledger, kind):
    """
    The limit counts for every run anew, in one process too; the line says for which.
    """
    said: list[str] = []

    async def main():
        for number, run in enumerate(["nightly", "hourly"]):
            account = kind(ledger, [CAP], warn=said.append)
            hold = await account.hold(call(number, run=run), 90)
            await hold.settle(settled(85))
            await account.close()
        await ticks()

    asyncio.run(main())
    spent = "$0.000000000085 of $0.0000000001 spent"
    assert [
        f"budget --max-cost is used to 80 % and more by run {run}: {spent}" for run in ("nightly", "hourly")
    ] == said


def test_a_ledger_that_fails_after_a_booking_fails_nobody(ledger, monkeypatch):
    """
    What is booked is booked; the next look tells of limits that run low, and moves the log.
    """
    asked: list[str] = []

    def busy(_ledger):
        asked.append("checkpoint")
        raise Locked("busy")

    async def main():
        for number, account in enumerate((DirectAccount(ledger, [CAP]), GroupedAccount(ledger, [CAP]))):
            hold = await account.hold(call(number), 60)
            monkeypatch.setattr(type(ledger), "checkpoint", busy)
            await hold.settle(settled(7))
            await account.close()
            await account.close()

    asyncio.run(asyncio.wait_for(main(), LONG))
    assert {"checkpoint"} == set(asked)
    assert len(asked) > 1
    assert [14] == [status.spent for status in ledger.status([CAP], "r")]


@file_only
@pytest.mark.parametrize(
    ("failure", "why"),
    [(ConfigError("the ledger is damaged"), "the ledger is damaged"), (ValueError("odd"), "odd")],
    ids=["known", "unknown"],
)
def test_a_settlement_of_many_that_can_not_be_stored_is_told(ledger, failure, why):
    """
    Its caller has gone on: the reservation stays and counts, and a line says what settles it.
    """

    class Failing(SQLiteLedger):
        def clone(self):
            return Failing(self.path, Clock(), "UTC")

        def apply(self, entries, **options):
            if isinstance(entries[0], Held):
                return super().apply(entries, **options)
            raise failure

    said: list[str] = []

    async def main():
        account = GroupedAccount(Failing(ledger.path, Clock(), "UTC"), [CAP])
        hold = await account.hold(call(1), 10)
        await hold.settle(settled(7))
        await account.close()
        account.warn = said.append
        hold = await account.hold(call(2), 10)
        await hold.settle(settled(7))
        await account.close()

    asyncio.run(asyncio.wait_for(main(), LONG))
    assert [f"{why}; this call is not settled; its reservation counts until llmo cost --reconcile"] == said
    assert [(0, 20)] == [(status.spent, status.held) for status in ledger.status([CAP], "r")]


def test_what_is_left_is_what_the_tightest_limit_of_dollars_leaves(ledger):
    """
    Of those that count a call; nothing is known where none does.
    """
    of_p = Limit(name="p", usd=100, match={"provider": "p"})
    limits = [Limit(name="calls", calls=9), of_p, Limit(name="m", usd=70, match={"model": "m"})]
    ledger.hold(call("before"), 30, limits)
    money = Allowance(limits=limits, statuses=ledger.status(limits, "r"))
    calls = [call(1), call(1, model="x"), call(1, provider="q"), call(1, provider="q", model="x")]

    assert [40, 70, 40, None] == [money.left(one) for one in calls]
