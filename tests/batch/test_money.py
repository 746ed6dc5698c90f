"""Money in a batch: as many rows in flight as were asked for, limits that are learned, and cut rows asked again."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmo.batch.executors.row import RowExecutor, RowSettings
from llmo.batch.resume.feed import Work
from llmo.batch.resume.intents import Intents
from llmo.batch.stats import RunStats
from llmo.catalog.catalog import Model
from llmo.engine.engine import Engine
from llmo.engine.output_lengths import ENOUGH, SAFETY, WASTE, LengthHistogram
from llmo.errors import Incomplete
from llmo.ledger.grouped import GroupedAccount
from llmo.ledger.records import MAX_COST, Limit
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.clock import SystemClock
from llmo.types.events import Finish, ServedBy, Text, Usage
from llmo.types.histogram import STEP
from llmo.types.messages import Message, Request
from tests.fakes import A, Open, Scripted, candidate, plan, price, quoted
from tests.patience import LONG
from tests.pricing import worst_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from llmo.batch.executors.executor import Answered
    from llmo.catalog.listing import ListedModel
    from llmo.types.events import Emit

OWN = 128_000
"""Output tokens that the model can write: $1.28 at $10 a million."""
BOUND = 20


def worst(tokens: int) -> int:
    return worst_of(price(), BOUND, tokens)


@dataclass
class Upstream:
    """Writes as many tokens as a row asks for, or as its limit lets it; the first `gate` requests wait for each other."""

    gate: int
    limits: list[int | None] = field(default_factory=list)
    flying: int = 0
    most: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)
    held: list[int] = field(default_factory=list)
    look: Any = None

    async def send(self, request: Request, model: str, emit: Emit) -> None:
        self.flying += 1
        self.most = max(self.most, self.flying)
        self.limits.append(request.params.max_tokens)
        self.held.append(self.look())
        if self.flying >= self.gate:
            self.open.set()
        await self.open.wait()
        self.flying -= 1
        wanted, limit = int(request.messages[-1].text), request.params.max_tokens or OWN
        emit(Text("word"))
        emit(Usage(10, min(wanted, limit)))
        emit(Finish("length" if wanted > limit else "stop"))

    async def models(self) -> Sequence[ListedModel]:
        return []

    async def check(self) -> str:
        return "up"

    async def close(self) -> None:
        return None


@dataclass
class Run:
    """What came of a batch."""

    upstream: Upstream
    answers: list[Answered]
    stats: RunStats
    spent: int

    @property
    def finishes(self) -> Counter[str | None]:
        return Counter(one.result.finish for one in self.answers)


def batch(path: Path, lengths: list[int], cap: int, *, width: int, gate: int | None = None, **need: Any) -> Run:
    """A row for each length, so many at once, under a cap."""
    one = candidate(A, 1, model=Model(id="m", price=price(), max_output=OWN))
    ready = plan(quoted(replace(one, max_output=need.get("max_output") or OWN)))
    ready = replace(ready, requirements=replace(ready.requirements, **need))
    stats = RunStats(total=len(lengths))

    async def main() -> Run:
        ledger = SQLiteLedger(path / "ledger.db", SystemClock(), "UTC")
        account = GroupedAccount(ledger, [Limit(name=MAX_COST, usd=cap, window="run")], width=width)
        upstream = Upstream(width if gate is None else gate, look=lambda: account.held)
        engine = Engine(
            providers=lambda _: upstream,
            account=account,
            rate_limits=Open(),  # type: ignore[arg-type]
            clock=SystemClock(),
        )
        settings = RowSettings(run="r", tags={}, retries=0, timeout=60.0)
        row_executor = RowExecutor(engine, lambda _: ready, settings, stats=stats, intents=Intents(None))
        rows = iter(enumerate(lengths))
        answers: list[Answered] = []

        async def worker() -> None:
            for number, length in rows:
                request = Request((Message("user", str(length)),), stream=False)
                work = Work(
                    name=f"r{number}", index=number, seq=number, key="0" * 32, request=request, model=None, fields={}
                )
                answered = await row_executor(work)
                stats.pay(answered.result)
                answers.append(answered)

        await asyncio.gather(*(worker() for _ in range(width)))
        await account.close()
        (status,) = ledger.status([Limit(name=MAX_COST, usd=cap, window="run")], "r")
        ledger.close()
        assert (0, 0) == (status.held, status.in_doubt)
        return Run(upstream, answers, stats, status.spent)

    return asyncio.run(asyncio.wait_for(main(), LONG))


DOLLARS = 10**12


def test_as_many_rows_are_in_flight_as_were_asked_for(tmp_path: Path) -> None:
    """
    Two dollars hold one full answer of $1.28; 32 rows are wanted at once, and each gets its part.
    """
    run = batch(tmp_path, [200] * 100, 2 * DOLLARS, width=32)

    assert (32, Counter({"stop": 100})) == (run.upstream.most, run.finishes)
    assert max(run.upstream.held) <= 2 * DOLLARS
    assert all(limit is not None and 1024 <= limit < OWN for limit in run.upstream.limits)
    assert (0, 0) == (run.stats.again, run.stats.cut)


def test_with_money_for_all_the_limit_is_the_models_own(tmp_path: Path) -> None:
    """
    Nothing is shortened for nothing.
    """
    run = batch(tmp_path, [200] * 8, 20 * DOLLARS, width=4)

    assert [OWN] * 8 == run.upstream.limits


def test_what_answers_need_is_learned_so_that_money_is_left_for_others(tmp_path: Path) -> None:
    """
    Answers of 1,500 tokens at most: later rows hold not much more than that.
    """
    run = batch(tmp_path, [500, 1000, 1500] * 40, 2 * DOLLARS, width=10)

    assert all(10_000 < (limit or 0) < 20_000 for limit in run.upstream.limits[:10])
    assert all(1500 <= (limit or 0) <= 1500 * SAFETY * STEP**2 for limit in run.upstream.limits[-20:])
    assert Counter({"stop": 120}) == run.finishes


def test_a_row_that_was_cut_is_asked_again_with_the_full_limit(tmp_path: Path) -> None:
    """
    It is paid twice, counted and said, and its answer is the whole one.
    """
    run = batch(tmp_path, [200] * 29 + [9000], 2 * DOLLARS, width=30)
    (long,) = [one.result for one in run.answers if len(one.result.attempts) > 1]

    assert (30, OWN) == (len(run.answers), run.upstream.limits[-1])
    assert ("stop", 9000, ["ok", "ok"]) == (
        long.finish,
        long.usage.output_tokens if long.usage else None,
        [one.outcome for one in long.attempts],
    )
    assert (1, 0, 0) == (run.stats.again, run.stats.cut, run.stats.retries)
    assert run.spent == run.stats.spent == sum(one.result.cost or 0 for one in run.answers)


def test_a_cut_row_stays_cut_where_the_cap_allows_no_more(tmp_path: Path) -> None:
    """
    What is paid is kept, the run goes on with the rows that fit, and it is counted.
    """
    cap = worst(1200)
    run = batch(tmp_path, [50_000, 10, 10], cap, width=1)

    assert ["length", None, None] == [one.result.finish for one in run.answers]
    assert [False, True, True] == [one.fatal for one in run.answers]
    assert (0, 1) == (run.stats.again, run.stats.cut)
    assert run.spent <= cap


def test_a_limit_of_the_user_is_kept_and_its_rows_stay_cut(tmp_path: Path) -> None:
    """
    Nobody asks again for what the user did not want.
    """
    run = batch(tmp_path, [50, 5000], 2 * DOLLARS, width=2, max_output=1000)

    assert [1000, 1000] == run.upstream.limits
    assert (Counter({"stop": 1, "length": 1}), 0, 0) == (run.finishes, run.stats.again, run.stats.cut)


def test_a_row_in_doubt_is_no_row_that_was_not_sent(tmp_path: Path) -> None:
    """
    It broke off with nothing spent, and the retry was refused: `--at-most-once` must not send it again.
    """
    ready = plan(quoted(candidate(A, 1, model=Model(id="m", price=price()))))
    ready = replace(ready, requirements=replace(ready.requirements, max_output=100))
    provider, intents = Scripted([ServedBy(model="m"), Incomplete("gone")]), Intents(tmp_path / "intents")

    async def main() -> Answered:
        ledger = SQLiteLedger(tmp_path / "ledger.db", SystemClock(), "UTC")
        account = GroupedAccount(ledger, [Limit(name=MAX_COST, usd=worst(100), window="run")])
        engine = Engine(
            providers=lambda _: provider,
            account=account,
            rate_limits=Open(),  # type: ignore[arg-type]
            clock=SystemClock(),
            rand=lambda: 0.0,
        )
        intents.begin(0)
        settings = RowSettings(run="r", tags={}, retries=1, timeout=60.0)
        row_executor = RowExecutor(engine, lambda _: ready, settings, stats=RunStats(total=1), intents=intents)
        request = Request((Message("user", "x"),), stream=False)
        answered = await row_executor(
            Work(name="r1", index=0, seq=0, key="0" * 32, request=request, model=None, fields={})
        )
        await account.close()
        ledger.close()
        return answered

    answered = asyncio.run(asyncio.wait_for(main(), 60))

    assert (True, ["incomplete", "budget_exceeded"], 0, worst(100)) == (
        answered.fatal,
        [one.outcome for one in answered.result.attempts],
        answered.result.cost,
        answered.result.in_doubt,
    )
    assert ["0", '+"r1"'] == (tmp_path / "intents").read_text().splitlines()


def test_the_last_money_is_used(tmp_path: Path) -> None:
    """
    Rows get shorter limits until not even 1,024 tokens can be bought; only then the run ends.
    """
    run = batch(tmp_path, [1000] * 60, worst(30_000), width=8)
    ended = [one for one in run.answers if one.fatal]

    assert len(ended) >= 1
    assert {"budget_exceeded"} == {one.result.error.kind for one in ended if one.result.error}
    assert worst(30_000) - worst(1024) < run.spent <= worst(30_000)


@pytest.mark.parametrize(
    ("lengths", "share", "limit"),
    [
        pytest.param([100] * (ENOUGH - 1), 5000, None, id="too few"),
        pytest.param([100] * ENOUGH, 5000, 208, id="a safe length"),
        pytest.param([100] * ENOUGH, 150, 150, id="the share is long enough"),
        pytest.param([100] * ENOUGH, 20, 104, id="the share would cut all"),
        pytest.param([100] * 200 + [9000], 5000, 208, id="one of many is long"),
        pytest.param([100, 200, 300, 500] * 25 + [6000] * 2, 3700, 6208, id="long ones cost more than they slow down"),
    ],
)
def test_which_limit_is_learned(lengths: list[int], share: int, limit: int | None) -> None:
    """
    The share, unless it cuts so many answers that asking them again costs too much.
    """
    seen = LengthHistogram()
    for length in lengths:
        seen.add(length)

    assert limit == seen.limit(share)


@given(st.lists(st.integers(0, 200_000), min_size=ENOUGH, max_size=200), st.integers(1, 200_000))
def test_a_learned_limit_wastes_little(lengths: list[int], share: int) -> None:
    """
    Whatever the lengths: answers that it would cut come to a tenth of all tokens at most.
    """
    seen = LengthHistogram()
    for length in lengths:
        seen.add(length)
    limit = seen.limit(share)

    assert limit is not None
    cut = sum(length > limit for length in lengths)
    assert cut * limit <= WASTE * sum(max(1, length) * STEP + 1 for length in lengths)
