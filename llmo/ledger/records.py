"""The vocabulary of the ledger: calls, their settlements, limits. Amounts are in picodollars (`Pico`)."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from llmo.config import patterns
from llmo.config.profile import MATCHED
from llmo.errors import ConfigError
from llmo.types.dataclass import dataclass, field, replace
from llmo.types.money import parse_usd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.config.profile import BudgetConfig, Window
    from llmo.types.events import Usage
    from llmo.types.messages import Billing, CostSource
    from llmo.types.money import Pico

LOST = "lost"
"""The outcome of a call whose process crashed before it settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """
    One attempt at one target, before it is sent.

    `row` is its row in a batch; `prices` says where its price comes from (table and date, or profile).
    """

    id: str
    run: str
    provider: str
    model: str
    task: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    attempt: int = 1
    billing: Billing = "metered"
    row: str | None = None
    prices: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """
    How a call ended: a cost of None charges the held amount; `outcome` is "ok" or the kind of an error.

    `in_doubt` is the part of the hold that may still be billed beyond `cost`. It counts against every limit until it
    is resolved.
    """

    cost: Pico | None
    source: CostSource
    in_doubt: Pico = 0
    outcome: str = "ok"
    usage: Usage | None = None
    served_model: str | None = None
    request_id: str | None = None
    service_tier: str | None = None
    duration_s: float | None = None
    first_token_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A hard limit in a calendar window, in picodollars or calls; None means no such limit, 0 refuses everything."""

    name: str
    usd: Pico | None = None
    calls: int | None = None
    window: Window = "total"
    match: Mapping[str, str] = field(default_factory=dict)
    key: str = field(init=False)
    """The match as canonical JSON: limits with equal keys count the same calls."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", spelled(self.match))
        for key, pattern in self.match.items():
            tag = key.startswith("tag.")
            if key not in MATCHED and not tag:
                known = ", ".join((*MATCHED, "tag.KEY"))
                raise ConfigError(f"budget {self.name}: unknown key in match: {key}", hint=f"known keys: {known}")
            if why := patterns.wrong(pattern, free=tag):
                raise ConfigError(f"budget {self.name}: match.{key}: {why}: {pattern}")

    @classmethod
    def of(cls, config: BudgetConfig) -> Limit:
        """The limit that a profile declares. Raises `ConfigError` for a match that can't be understood."""
        return cls(
            name=config.name,
            usd=None if config.limit_usd is None else parse_usd(config.limit_usd),
            calls=config.limit_calls,
            window=config.window,
            match=dict(config.match),
        )

    def counts(self, call: Call) -> bool:
        """Whether a call counts against this limit."""
        return not self.match or counts(self.key, call.provider, call.model, call.task, spelled(call.tags))


@dataclass(frozen=True, slots=True)
class Held:
    """
    An entry that reserves the worst-case cost of a call; limits that don't count the call are ignored.

    One of a `deferred` call outlives its process: another one settles it, hours later.
    """

    call: Call
    worst: Pico | None
    limits: tuple[Limit, ...] = ()
    allow_unpriced: bool = False
    deferred: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """An entry that records the end of a call and its cost."""

    id: str
    settlement: Settlement


@dataclass(frozen=True, slots=True)
class Released:
    """An entry that cancels the hold of a call that certainly cost nothing; `outcome` is the kind of the error."""

    id: str
    outcome: str


class RecentCall(NamedTuple):
    """What a call was made for; `at` is the instant of its hold."""

    run: str
    tags: Mapping[str, str]
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A call that may have cost more than is known: `spent` for certain, and up to `in_doubt` beyond that."""

    id: str
    run: str
    provider: str
    model: str
    request_id: str | None
    ended_at: float
    spent: Pico
    in_doubt: Pico


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """What a call in doubt turned out to cost; a cost of None is its whole hold, no usage keeps the known tokens."""

    cost: Pico | None
    source: CostSource = "estimated"
    usage: Usage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedCall:
    """
    A call of another ledger; its instants are microseconds since the epoch.

    `end` is its settlement, the outcome of its release, or None when it was still held.
    """

    call: Call
    worst: Pico | None
    held_at: int
    ended_at: int | None
    end: Settlement | str | None

    @property
    def certainty(self) -> int:
        """How much is known of its end: 0 nothing, 1 a part (the rest is in doubt), 2 everything."""
        if self.end is None or isinstance(self.end, str):
            return 0 if self.end is None else 2
        return 0 if self.end.outcome == LOST else 1 if self.end.in_doubt else 2


Entry: TypeAlias = Held | Settled | Released


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetStatus:
    """
    How much of a limit is used in its current window; `calls` includes calls in flight.

    `live` is the part of `held` that belongs to running processes, which will settle it; None when it was not asked
    for.
    """

    name: str
    window: Window
    limit_usd: Pico | None
    spent: Pico
    held: Pico
    in_doubt: Pico = 0
    limit_calls: int | None
    calls: int
    resets_at: str | None
    live: Pico | None = None

    @property
    def settled(self) -> BudgetStatus:
        """The status after running processes have settled their holds at zero."""
        return replace(self, held=self.held - (self.live or 0), live=0)

    @property
    def left(self) -> Pico | None:
        """Picodollars that can still be held; None without a dollar limit."""
        return None if self.limit_usd is None else self.limit_usd - self.spent - self.held - self.in_doubt

    @property
    def left_calls(self) -> int | None:
        """Calls that can still be made; None without a limit of calls."""
        return None if self.limit_calls is None else self.limit_calls - self.calls

    @property
    def percent(self) -> int:
        """Percent of the dollars spent or in doubt, or of the calls, whichever is higher; a limit of 0 is left out."""
        of = [(self.spent + self.in_doubt, self.limit_usd), (self.calls, self.limit_calls)]
        return max((used * 100 // limit for used, limit in of if limit), default=0)

    @property
    def used_up(self) -> bool:
        """Whether every further hold is refused."""
        return (self.left is not None and self.left <= 0) or (self.left_calls is not None and self.left_calls <= 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """
    Medians over the last good calls of a target, `samples` of them.

    Seconds to the first token and output tokens per second after it are None where nothing was streamed.
    """

    first_token_p50_s: float | None
    tokens_per_s_p50: float | None
    samples: int
    duration_p50_s: float | None = None
    output_tokens_p50: float | None = None


class Sums(Protocol):
    """The sums that count against a limit."""

    @property
    def spent(self) -> Pico:
        """Cost of calls that have ended."""

    @property
    def held(self) -> Pico:
        """Amount reserved by calls in flight."""

    @property
    def in_doubt(self) -> Pico:
        """Amount that may still be billed for calls that have ended."""

    @property
    def calls(self) -> int:
        """Number of calls, released ones excluded."""


MOST = 2**62
"""Picodollars; a sum of two such amounts still fits a 64-bit integer."""


def passes(limit: Limit, sums: Sums, held: Held) -> bool:
    """Whether a hold fits a limit; limits are inclusive, and only metered calls need dollars."""
    if limit.calls is not None and sums.calls + 1 > limit.calls:
        return False
    if limit.usd is None or held.call.billing != "metered":
        return True
    if held.worst is None:
        return held.allow_unpriced
    needed = sums.spent + sums.held + sums.in_doubt + held.worst
    return needed <= limit.usd and needed < MOST


MAX_COST = "--max-cost"
"""The name of the limit that this flag sets."""


def spelled(tags: Mapping[str, str]) -> str:
    """Tags or a match as canonical JSON, the form in which they are stored and compared."""
    return _spelled(tuple(tags.items()))


@lru_cache(maxsize=4096)
def _spelled(items: tuple[tuple[str, str], ...]) -> str:
    return json.dumps(dict(items), sort_keys=True, ensure_ascii=False)


@lru_cache(maxsize=4096)
def counts(key: str, provider: str, model: str, task: str, tags: str) -> bool:
    """Whether a match (canonical JSON) counts a call; see `llmo.config.patterns`. A model may be PROVIDER/MODEL."""
    labels = {f"tag.{name}": value for name, value in json.loads(tags).items()}
    facts = {**labels, "provider": provider, "task": task}
    for name, pattern in json.loads(key).items():
        if name == "model":
            met = patterns.means_model(pattern, provider, model)
        else:
            met = name in facts and patterns.matches(pattern, facts[name])
        if not met:
            return False
    return True
