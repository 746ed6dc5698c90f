"""The till: refuses at once for one request, waits for its own money in a batch."""

import asyncio

import pytest

from llmo.budget import Direct, Grouped, limits
from llmo.config import BudgetConfig, Profile, ProviderConfig
from llmo.errors import ConfigError
from llmo.ledger import Call, Ledger, Limit, OverBudget, Settlement

CAP = Limit(name="--max-cost", usd=100, window="run")


class Clock:
    def now(self):
        return 1_795_300_000.0


@pytest.fixture
def ledger(tmp_path):
    book = Ledger(tmp_path / "ledger.db", Clock(), "UTC")
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
    """Run a scenario with a till; the sums of the run's limit after it."""

    async def main():
        till = Grouped(ledger, caps or (CAP,), **options)
        try:
            return await scenario(till)
        finally:
            await till.close()

    result = asyncio.run(asyncio.wait_for(main(), 20))
    (status,) = ledger.status([CAP], "r")
    return result, (status.spent, status.held, status.calls)


def test_a_direct_till_opens_nothing_until_the_first_hold_and_refuses_at_once(ledger):
    """
    An ask is told at once; what it held becomes what it cost.
    """

    async def scenario():
        till = Direct(ledger, [CAP])
        nothing = not ledger.path.exists()
        first = await till.hold(call(1), 60)
        with pytest.raises(OverBudget):
            await till.hold(call(2), 60)
        await first.settle(settled(7))
        second = await till.hold(call(3), 60)
        await second.release("rate_limited")
        await till.close()
        return nothing

    assert asyncio.run(scenario())
    (status,) = ledger.status([CAP], "r")
    assert (7, 0, 1) == (status.spent, status.held, status.calls)


def test_a_refused_hold_waits_for_own_holds_to_settle(ledger):
    """
    Worst cases mostly settle lower: twenty calls of 60 under a cap of 100 all pass, one after another.
    """

    async def one(till, number):
        hold = await till.hold(call(number), 60)
        await ticks(3)
        await hold.settle(settled(2))
        return number

    async def scenario(till):
        return await asyncio.gather(*(one(till, number) for number in range(20)))

    assert (list(range(20)), (40, 0, 20)) == grouped(ledger, scenario)


def test_a_refusal_is_final_when_nothing_of_ours_is_outstanding(ledger):
    """
    At the cap everybody who waits is refused, and nothing was passed.
    """

    async def one(till, number):
        hold = await till.hold(call(number), 30)
        await ticks(3)
        await hold.settle(settled(30))

    async def scenario(till):
        results = await asyncio.gather(*(one(till, number) for number in range(10)), return_exceptions=True)
        return [isinstance(result, OverBudget) for result in results]

    assert ([False] * 3 + [True] * 7, (90, 0, 3)) == grouped(ledger, scenario)


def test_nobody_overtakes_those_who_wait_for_the_same_money(ledger):
    """
    A small hold waits behind a large one; one that other limits count passes.
    """
    order = []

    async def one(till, number, worst, **facts):
        hold = await till.hold(call(number, **facts), worst)
        order.append(number)
        return hold

    async def scenario(till):
        first = await till.hold(call(0), 90)
        large = asyncio.create_task(one(till, 1, 80))
        await ticks()
        await till.hold(call("behind it", provider="q"), 0)
        small = asyncio.create_task(one(till, 2, 5))
        other = await one(till, 3, 5, provider="q")
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

    async def scenario(till):
        first = await till.hold(call(0), 0)
        waiting = asyncio.create_task(till.hold(call(1), 0))
        await ticks()
        await first.release("rate_limited")
        second = await waiting
        last = asyncio.create_task(till.hold(call(2), 0))
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

    async def scenario(till):
        await till.hold(call(0), 1)
        with pytest.raises(OverBudget) as refusal:
            await till.hold(call(1), None)
        return refusal.value.message, refusal.value.hint

    (message, hint), _ = grouped(ledger, scenario)
    assert "the price of p/m is unknown, and budget --max-cost limits dollars" == message
    assert hint.startswith("--allow-unpriced")


def test_an_unknown_price_may_be_allowed(ledger):
    """
    It is counted, and holds nothing.
    """

    async def scenario(till):
        await (await till.hold(call(1), None)).settle(Settlement(cost=None, source="unknown"))

    assert (None, (0, 0, 1)) == grouped(ledger, scenario, allow_unpriced=True)


def test_a_caller_that_is_cancelled_while_its_hold_is_granted_leaves_nothing(ledger):
    """
    Nobody will send that call.
    """

    async def scenario(till):
        tasks = [asyncio.create_task(till.hold(call(number), 10)) for number in range(5)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await till.hold(call("last"), 100)
        return till.outstanding

    assert (1, (0, 100, 1)) == grouped(ledger, scenario)


def test_a_waiter_that_is_cancelled_gives_its_place_to_the_next(ledger):
    """
    The line moves on.
    """

    async def scenario(till):
        first = await till.hold(call(0), 100)
        waiting = [asyncio.create_task(till.hold(call(number), 100)) for number in (1, 2)]
        await ticks()
        waiting[0].cancel()
        await first.settle(settled(0))
        return (await waiting[1]).id

    assert "2" == grouped(ledger, scenario)[0]


def test_a_ledger_that_fails_fails_the_callers(ledger):
    """
    Nothing is sent that can't be booked.
    """
    ledger.path.write_bytes(b"damaged" * 1000)

    async def scenario(till):
        results = await asyncio.gather(till.hold(call(0), 1), till.hold(call(1), 1), return_exceptions=True)
        return [type(result) for result in results]

    with pytest.raises(ConfigError, match="damaged"):
        grouped(ledger, scenario)


def test_which_calls_must_carry_an_output_limit(ledger):
    """
    Those that a limit of dollars counts.
    """
    till = Direct(ledger, [Limit(name="p", usd=1, match={"provider": "p"}), Limit(name="calls", calls=9)])

    assert [True, False, False] == [
        till.limited(call(1)),
        till.limited(call(1, provider="q")),
        till.limited(call(1, billing="local")),
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


def test_limits_that_run_low_are_told_by_either_till(ledger):
    """
    Once, and only those that count what was asked; nobody listens, nobody is noted as told.
    """
    low, other = Limit(name="low", usd=100), Limit(name="other", calls=1, match={"provider": "q"})
    ledger.hold(call("elsewhere", provider="q"), 0)
    said: list[str] = []

    async def spend(till, number, cost):
        hold = await till.hold(call(number), cost)
        await hold.settle(settled(cost))

    async def direct(warn):
        till = Direct(ledger, [low, other])
        till.warn = warn
        await spend(till, f"direct {warn}", 41)
        await till.close()

    async def many(till):
        till.warn = said.append
        await spend(till, "grouped", 14)
        await ticks()

    asyncio.run(direct(None))
    asyncio.run(direct(said.append))
    assert ["budget low is used to 80 % and more: $0.000000000082 of $0.0000000001 spent"] == said
    grouped(ledger, many, low, other)
    assert ["budget low is used to 95 % and more: $0.000000000096 of $0.0000000001 spent"] == said[1:]
