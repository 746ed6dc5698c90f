"""
A provider with limits, in virtual time, and clients that ask it as much as they may.

The provider has a token bucket for each dimension, which holds `burst` seconds of its limit, and refuses what a bucket
lacks room for. "total" charges the greater of input and output limit at admission and may give back what was not used;
"split" charges input at admission and output at the end. Its headers are as of admission and come with the answer; how
far they may be believed is the scenario's. Rows are log-normal.
"""

from __future__ import annotations

import asyncio
import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from llmo.config.profile import ProviderConfig
from llmo.engine.pace_notice import fraction
from llmo.engine.provider_limits import RateOverrides
from llmo.engine.rate_limits import RateLimits
from llmo.engine.shared_pace import Heard
from llmo.types.events import RateInfo, Usage
from tests import virtual

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llmo.engine.pace_notice import Said
    from llmo.engine.shared_pace import PaceExchange

MAX_TOKENS = 1024
WARM_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Limits are per minute: requests and total, or requests, input and output."""

    limits: Mapping[str, float]
    burst: float = 60.0
    refunds: bool = True
    other: float = 0.0
    """The part of each limit that another tenant uses, on average, in 20 s bursts."""
    told: float = 1.0
    """How many times the true limits the headers claim; 0 for none."""
    remaining: str = "bucket"
    """`bucket`: what its bucket has; `minute`: what one of a minute would have; `none`: always 0; `full`: never used."""
    reset: float | None = None
    """What the headers always say of the reset; None: the truth."""
    configured: float = 0.0
    """How many times the true limits the profile has; 0 for none."""

    @property
    def split(self) -> bool:
        """Whether it charges as Anthropic."""
        return "input" in self.limits


class Bucket:
    """Holds `seconds` of a limit."""

    def __init__(self, per_minute: float, seconds: float) -> None:
        self.rate = per_minute / 60
        self.level = self.cap = max(self.rate * seconds, 1.0)
        self.at = 0.0

    def refill(self, now: float) -> None:
        self.level = min(self.cap, self.level + (now - self.at) * self.rate)
        self.at = now

    def add(self, amount: float) -> None:
        self.level = min(self.cap, self.level + amount)


@dataclass
class Provider:
    """The limits of a scenario, enforced, and what was counted after the warm-up."""

    scenario: Scenario
    seed: int
    warm: float = WARM_S
    refused: int = 0
    early: int = 0
    rows: int = 0
    in_flight: int = 0
    peak: int = 0
    used: dict[str, float] = field(default_factory=dict)
    others: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        limits = self.scenario.limits
        self.random = random.Random(self.seed)
        self.buckets = {name: Bucket(limit, self.scenario.burst) for name, limit in limits.items()}
        self.minutes = {name: Bucket(limit, 60.0) for name, limit in limits.items()}
        self.used, self.others = dict.fromkeys(limits, 0.0), dict.fromkeys(limits, 0.0)

    def row(self) -> tuple[int, int]:
        """Input and output tokens of one more row."""
        rand = self.random
        size = max(20, int(rand.lognormvariate(math.log(600), 0.8)))
        return size, max(5, int(min(MAX_TOKENS, rand.lognormvariate(math.log(180), 0.7))))

    async def ask(self, row: tuple[int, int]) -> tuple[bool, float, RateInfo | None]:
        """Answer or refuse one request; whether it was admitted, else its Retry-After, and the headers."""
        now = asyncio.get_running_loop().time()
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            wait = self._admit(row, now)
            told = self._told()
            if wait is not None:
                self.refused += now > self.warm
                self.early += now <= self.warm
                await asyncio.sleep(0.15)
                return False, wait, told
            rand = self.random
            length = rand.lognormvariate(math.log(0.6), 0.35) + row[1] / rand.uniform(50, 90)
            await asyncio.sleep(max(0.25, length))
            self._end(row, asyncio.get_running_loop().time())
            return True, 0.0, told
        finally:
            self.in_flight -= 1

    def _charge(self, row: tuple[int, int]) -> dict[str, float]:
        if self.scenario.split:
            return {"requests": 1, "input": row[0], "output": 1}
        return {"requests": 1, "total": max(row[0], MAX_TOKENS)}

    def _admit(self, row: tuple[int, int], now: float) -> float | None:
        charge = self._charge(row)
        for bucket in (*self.buckets.values(), *self.minutes.values()):
            bucket.refill(now)
        if any(amount > self.buckets[name].level for name, amount in charge.items()):
            requests = self.buckets["requests"]
            requests.level -= min(1.0, max(0.0, requests.level))  # a refused request counts as one
            return max((amount - self.buckets[name].level) / self.buckets[name].rate for name, amount in charge.items())
        for name, amount in charge.items():
            if name != "output":
                self._take(name, amount, now)
        return None

    def _take(self, name: str, amount: float, now: float) -> None:
        for bucket in (self.buckets[name], self.minutes[name]):
            bucket.add(-amount)
        if now > self.warm:
            self.used[name] += amount

    def _end(self, row: tuple[int, int], now: float) -> None:
        self.rows += now > self.warm
        for bucket in (*self.buckets.values(), *self.minutes.values()):
            bucket.refill(now)
        if self.scenario.split:
            self._take("output", row[1], now)
        elif self.scenario.refunds:
            self._take("total", sum(row) - self._charge(row)["total"], now)

    def _told(self) -> RateInfo | None:
        scenario = self.scenario
        if not scenario.told:
            return None
        found: dict[str, Any] = {}
        for name, limit in scenario.limits.items():
            bucket = self.minutes[name] if scenario.remaining == "minute" else self.buckets[name]
            level = {"none": 0.0, "full": bucket.cap}.get(scenario.remaining, bucket.level)
            reset = (bucket.cap - bucket.level) / bucket.rate if scenario.reset is None else scenario.reset
            field = "tokens" if name == "total" else name
            found |= {
                f"limit_{field}": int(limit * scenario.told),
                f"remaining_{field}": max(0, int(level * scenario.told)),
                f"reset_{field}": reset,
            }
        return RateInfo(**found)

    async def other(self) -> None:
        """The other tenant: on for 20 s, off for 20 s."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(0.5)
            now = loop.time()
            for name, bucket in self.buckets.items():
                bucket.refill(now)
                if int(now // 20) % 2 == 0:
                    amount = min(max(0.0, bucket.level), bucket.rate * self.scenario.other)
                    bucket.level -= amount
                    if now > self.warm:
                        self.others[name] += amount

    def utilization(self, until: float) -> float:
        """The part of the tightest limit that was used after the warm-up, what others left of it being all."""
        minutes = (until - self.warm) / 60
        return max(
            self.used[name] / (limit * minutes - self.others[name]) for name, limit in self.scenario.limits.items()
        )


@dataclass(frozen=True)
class Measured:
    """How well a client did."""

    utilization: float
    refusals: float
    """429s per 1,000 answered rows, after the warm-up."""
    early: int
    """429s in the warm-up: what it costs to find the limits."""
    peak: int
    wait: float
    """Seconds in line, the 99th percentile."""


class Ours:
    """Rows through the real gates; `crowd` at once."""

    def __init__(self, scenario: Scenario, crowd: int, seed: int) -> None:
        self.crowd = crowd
        names = {"requests": "rpm", "total": "tpm", "input": "itpm", "output": "otpm"}
        limits = {names[name]: int(limit * scenario.configured) for name, limit in scenario.limits.items()}
        given: Any = limits if scenario.configured else {}
        self.config = ProviderConfig(kind="anthropic" if scenario.split else "openai", api_key_env="K", **given)
        self.rates = self.made(seed)
        self.waits: list[float] = []

    def made(self, seed: int, exchange: PaceExchange | None = None) -> RateLimits:
        wish = RateOverrides(concurrency=self.crowd)
        told = None if exchange is None else (lambda _: exchange)
        return RateLimits({"p": self.config}, wish, jitter=random.Random(seed).random, exchange=told)

    async def chosen(self) -> RateLimits:
        return self.rates

    async def row(self, provider: Provider) -> None:
        loop, row = asyncio.get_running_loop(), provider.row()
        rates = await self.chosen()
        while True:
            began = loop.time()
            permit = await rates.acquire("p", row[0], MAX_TOKENS)
            self.waits.append(loop.time() - began)
            admitted, wait, told = await provider.ask(row)
            if told is not None:
                permit.learn(told)
            if admitted:
                permit.release(Usage(*row))
                return
            permit.refuse(wait)
            permit.release()


class Board:
    """What processes say, without files."""

    leases = False

    def __init__(self, number: int, said: dict[int, Said]) -> None:
        self.number, self.said = number, said

    def now(self) -> float:
        return 1e9 + asyncio.get_running_loop().time()

    def __call__(self, mine: Said, heard: Callable[[Heard], None]) -> None:
        self.said[self.number] = mine
        others = [one for number, one in self.said.items() if number != self.number and one.until > self.now()]
        heard(Heard(others, fraction(others)))


class Several(Ours):
    """Two processes with one key; the crowd is shared out among them. The one that does not `stay` ends when it `dies`."""

    def __init__(
        self, scenario: Scenario, crowd: int, seed: int, *, dies: float = float("inf"), stays: int = 0
    ) -> None:
        super().__init__(scenario, crowd, seed)
        said: dict[int, Said] = {}
        self.all = [self.made(seed + number, Board(number, said)) for number in range(2)]
        self.dies, self.stays, self.mine = dies, stays, dict[object, RateLimits]()

    async def chosen(self) -> RateLimits:
        task = asyncio.current_task()
        if task not in self.mine:
            self.mine[task] = self.all[len(self.mine) % len(self.all)]
        if self.mine[task] is not self.all[self.stays] and asyncio.get_running_loop().time() >= self.dies:
            await asyncio.get_running_loop().create_future()
        return self.mine[task]


class Fixed:
    """So many at once; a refused row keeps its place and waits as it was told, or longer each time."""

    def __init__(self, crowd: int, seed: int, *, told: bool) -> None:
        self.crowd, self.told = crowd, told
        self.random = random.Random(seed)
        self.waits: list[float] = [0.0]

    async def row(self, provider: Provider) -> None:
        row, tries = provider.row(), 0
        while True:
            admitted, wait, _ = await provider.ask(row)
            if admitted:
                return
            backoff = min(60.0, 0.5 * 2 ** min(tries, 10)) * (0.75 + 0.5 * self.random.random())
            tries += 1
            await asyncio.sleep(wait * (1 + 0.1 * self.random.random()) + 0.05 if self.told else backoff)


Policy = Ours | Fixed


def measure(
    scenario: Scenario, policy: Callable[[], Policy], *, seconds: float = 720.0, warm: float = WARM_S, seed: int = 1
) -> Measured:
    """Ask for so many virtual seconds; what is measured begins after the warm-up."""

    async def main() -> Measured:
        provider, client = Provider(scenario, seed, warm), policy()

        async def worker() -> None:
            while True:
                await client.row(provider)

        tasks = [asyncio.create_task(worker()) for _ in range(client.crowd)]
        if scenario.other:
            tasks.append(asyncio.create_task(provider.other()))
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        waits = sorted(client.waits)
        return Measured(
            provider.utilization(seconds),
            1000 * provider.refused / max(1, provider.rows),
            provider.early,
            provider.peak,
            waits[int(0.99 * (len(waits) - 1))],
        )

    return virtual.run(main())
