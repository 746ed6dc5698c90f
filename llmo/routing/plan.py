"""
Which targets may answer, in which order, and why: a pure function over facts.

Hard constraints come first (privacy, readiness, context, ability), so that no preference can
undo them; then the order. Nothing is dropped silently: a target that is out says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.config.kinds import ALL, KINDS
from llmo.errors import Unbounded
from llmo.ledger.breakers import Circuit
from llmo.routing import requirements, strategies
from llmo.routing.quote import FREE, Quote, quote
from llmo.types import parameters
from llmo.types.dataclass import dataclass, field, replace
from llmo.types.format import span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmo.catalog.catalog import Model
    from llmo.ledger.breakers import Breaker
    from llmo.ledger.records import Latency
    from llmo.routing.chains import ChainStep, Tier
    from llmo.routing.requirements import Requirements
    from llmo.types.messages import Billing, CostSource, Parameter, Target
    from llmo.types.money import Pico

DEFAULT_OUTPUT = 4096
"""Output limit of a budgeted request when neither the user nor the catalogue knows one."""
LEAST_OUTPUT = 64
"""Output tokens for which a context window must have room beside the prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFacts:
    """
    What is known of a target before a request is sent.

    `num_ctx` is the window that the profile has Ollama load. `key` tells its key from others
    (`llmo.config.credentials.key_print`), `breaker` is what its failures left, `now` the instant at which that was
    looked up.
    """

    kind: str
    model: Model
    billing: Billing
    local: bool
    not_ready: str | None = None
    latency: Latency | None = None
    num_ctx: int | None = None
    key: str = ""
    breaker: Breaker | None = None
    now: float = 0.0
    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None
    parameters: frozenset[Parameter] = ALL
    searching: bool = False

    @property
    def cooling_s(self) -> float:
        """Seconds for which others are asked before it, as of `now`."""
        return 0.0 if self.breaker is None else self.breaker.open_s(self.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """
    A target with its place in the plan; `rank` is None when it is out, and `why` says why.

    `quote` is what the request may cost there, None when the price is unknown; `max_output` is the limit of its
    answer in tokens. `dropped` are parameters that it does not take, which is why it is out or what
    it is not sent; `notes` are warnings that go with its answer. With `native_schema` a schema goes into its own
    field, else into the prompt. `learned` is what its server refused while this program ran. `unpriced` names
    what the request buys there beside tokens: no limit of dollars covers it. `full_output` is the limit that
    the money left lowered to `max_output`, `least_output` a limit below which it must not be lowered;
    `refused` names the budget that would refuse it now.
    """

    target: Target
    tier: Tier
    rank: int | None
    why: str
    facts: TargetFacts
    max_output: int
    quote: Quote | None
    source: CostSource
    dropped: tuple[Parameter, ...] = ()
    native_schema: bool = True
    notes: tuple[str, ...] = ()
    learned: tuple[Parameter, ...] = ()
    full_output: int | None = None
    least_output: int | None = None
    refused: str | None = None
    unpriced: tuple[str, ...] = ()
    full: int = field(init=False, repr=False)
    """The output limit that money would be no reason against."""
    worst: Pico | None = field(init=False, repr=False)
    """What it may cost at most, which is held for it; None when the price is unknown."""
    ceiling: tuple[Pico, Pico, Pico] | None = field(init=False, repr=False)
    """The rates that money is held for, see `Price.ceiling`; None when the price is unknown."""
    circuit: Circuit = field(init=False, repr=False)
    """What its breaker guards."""

    def __post_init__(self) -> None:
        # Once for a candidate: the rows of a batch share a few, and each asks often.
        object.__setattr__(self, "full", self.max_output if self.full_output is None else self.full_output)
        object.__setattr__(self, "worst", self.worst_of(self.max_output))
        price = self.facts.model.price
        object.__setattr__(self, "ceiling", None if price is None else price.ceiling)
        object.__setattr__(self, "circuit", Circuit(self.target.provider, self.target.model, self.facts.key))

    @property
    def latency(self) -> Latency | None:
        """What past calls of the target were like."""
        return self.facts.latency

    @property
    def estimate(self) -> Pico | None:
        """What it is expected to cost, None when the price is unknown."""
        return None if self.quote is None else self.quote.expected

    def worst_of(self, output_tokens: int) -> Pico | None:
        """What it may cost at most with another output limit."""
        return None if self.quote is None else self.quote.worst(output_tokens)

    def buys(self, amount: Pico) -> int:
        """The most output tokens, up to its limit, that an amount covers; 0 when not even the prompt."""
        return self.max_output if self.quote is None else self.quote.buys(amount, self.max_output)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Which task a prompt is, and how that was found."""

    name: str
    reason: str
    scores: Mapping[str, float]
    difficulty: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    The decision: candidates in order, those that are out after them.

    `first` is the target that the chain names first, wherever it ended up. `looked_for` is what llmo looks for on a
    machine where nothing is configured, when that is why nobody is left.
    """

    task: Task
    requirements: Requirements
    candidates: tuple[Candidate, ...]
    looked_for: tuple[str, ...] = ()
    first: Target | None = None

    @property
    def ranked(self) -> tuple[Candidate, ...]:
        """The candidates that will be tried, in order."""
        candidates = self.candidates
        if not candidates or candidates[-1].rank is not None:
            return candidates  # those that are out come last
        return tuple([c for c in candidates if c.rank is not None])

    def extended(self, input_bound: int, input_estimate: int) -> Plan:
        """The same plan for a request that has grown: as much more is held for each candidate."""
        need = replace(self.requirements, input_bound=input_bound, input_estimate=input_estimate)
        limits = [min(c.max_output, output_limit(need, c.facts)) for c in self.candidates]
        candidates = tuple(
            replace(c, quote=quoted(c.facts, need, limit), max_output=limit)
            for c, limit in zip(self.candidates, limits, strict=True)
        )
        return replace(self, requirements=need, candidates=candidates)


def plan(task: Task, need: Requirements, steps: Sequence[ChainStep], facts: Mapping[Target, TargetFacts]) -> Plan:
    """Keep what can answer, in the order of the strategy; a cooling target goes last rather than away."""
    candidates = [_candidate(step, need, facts[step.target]) for step in steps]
    able = [c for c in candidates if c.rank is not None]
    able.sort(key=strategies.order(need.strategy, able))
    able.sort(key=lambda c: c.facts.cooling_s > 0)
    able, refused = _affordable(able, need)
    spare = able[1:] if need.first_only else []
    ranked = [replace(c, rank=rank, why=_why(c, need)) for rank, c in enumerate(able[: len(able) - len(spare)], 1)]
    unused = [replace(c, rank=None, why="not used: --no-fallback") for c in spare]
    out = (*unused, *refused, *(c for c in candidates if c.rank is None))
    first = steps[0].target if steps else None
    return Plan(task=task, requirements=need, candidates=(*ranked, *out), first=first)


def _affordable(able: list[Candidate], need: Requirements) -> tuple[list[Candidate], list[Candidate]]:
    """Those that limits of dollars can cover, and those that they can't; as at a budget's end, a refusal is final."""
    barred = [c for c in able if c.unpriced and c.target in need.limited]
    refused = [replace(c, rank=None, why=str(Unbounded(c.unpriced, c.target))) for c in barred]
    if barred and barred[0] is able[0] and need.when_budget_ends == "refuse":
        why = f"skipped: {barred[0].target} is refused"
        return [], refused + [replace(c, rank=None, why=why) for c in able if c not in barred]
    return [c for c in able if c not in barred], refused


def quoted(facts: TargetFacts, need: Requirements, limit: int) -> Quote | None:
    """What a request may cost there with an output limit of so many tokens; None when the price is unknown."""
    if facts.billing != "metered":
        return FREE
    return (
        quote(facts.model.price, need, strategies.expected_output(facts.latency, limit)) if facts.model.price else None
    )


def window(need: Requirements, facts: TargetFacts) -> int | None:
    """The tokens that prompt and answer may have together; None when nobody knows."""
    loaded = (need.num_ctx or facts.num_ctx) if KINDS[facts.kind].sizes_window else None
    return min((size for size in (facts.model.context, loaded) if size), default=None)


def output_limit(need: Requirements, facts: TargetFacts) -> int:
    """
    The most output tokens: those that the user allows, else those of the model that its window has room for.

    Servers refuse a limit that does not fit beside the prompt, whose length is an estimate: it may be a third more.
    """
    if need.max_output is not None:
        return need.max_output
    limit, context = facts.model.max_output or DEFAULT_OUTPUT, window(need, facts)
    return limit if context is None else max(LEAST_OUTPUT, min(limit, context - need.input_estimate * 4 // 3))


def _candidate(step: ChainStep, need: Requirements, facts: TargetFacts) -> Candidate:
    limit = output_limit(need, facts)
    out = _out(need, step.target, facts)
    dropped = () if out else tuple(name for name in need.parameters if name not in facts.parameters)
    if dropped and (not need.lenient or "image" in dropped):
        out = f"does not support {parameters.flags(dropped)}"
    return Candidate(
        target=step.target,
        tier=step.tier,
        rank=None if out else 0,
        why=out or step.why,
        facts=facts,
        max_output=limit,
        quote=quoted(facts, need, limit),
        source=_SOURCE.get(facts.billing) or ("computed" if facts.model.price else "unknown"),
        dropped=dropped,
        native_schema=_native_schema(facts),
        notes=() if out else _notes(step.target, need, facts, dropped),
        unpriced=_unpriced(step.target, need, facts),
    )


def _native_schema(facts: TargetFacts) -> bool:
    """Whether a schema has a field of its own; a model of which nobody knows is asked with it."""
    known = facts.model.abilities
    return "schema" in facts.parameters and (known is None or "schema" in known)


def _unpriced(target: Target, need: Requirements, facts: TargetFacts) -> tuple[str, ...]:
    """What is bought there beside tokens at known prices."""
    price, tier = facts.model.price, need.service_tier
    if facts.billing != "metered":
        return ()
    tiers = (f"service_tier {tier}",) if tier and (price is None or tier not in price.service) else ()
    return (*need.bought, *tiers, *((f"the searches of {target.model}",) if facts.searching else ()))


def _notes(target: Target, need: Requirements, facts: TargetFacts, dropped: tuple[Parameter, ...]) -> tuple[str, ...]:
    notes = [parameters.left_out(dropped, target)] if dropped else []
    if need.max_output and "max_tokens" not in {*facts.parameters, *need.parameters}:
        notes.append(f"{target} does not support an output limit: max_tokens of the profile is dropped")
    if (inexpressible := need.inexpressible.get(facts.kind)) is not None:
        notes.append(f"{target} does not support {inexpressible}: dropped")
    if "n" in need.bought:
        notes.append("n: every answer is billed, but only the first is kept")
    return tuple(notes)


def secluded(need: Requirements, target: Target) -> bool:
    """Whether a request may go to a target only if that is on this machine."""
    return need.private and target.provider not in need.allowed


def _out(need: Requirements, target: Target, facts: TargetFacts) -> str | None:
    """Why a target can't answer, None when it can."""
    if secluded(need, target) and not facts.local:
        found = f"{', '.join(need.private_kinds)} in the prompt" if need.private_kinds else ""
        why = "; ".join(part for part in (need.private_because, found) if part)
        return f"not on this machine, but the request is private{why and f' ({why})'}"
    if unfit := requirements.unsendable(need, facts.kind) or facts.not_ready:
        return unfit
    context, output = window(need, facts), need.max_output or LEAST_OUTPUT
    if context and need.input_estimate + output > context:
        asked = f" with {output:,} of output" if need.max_output and need.input_estimate <= context else ""
        return f"about {need.input_estimate:,} tokens{asked} is too long for its context window of {context:,} tokens"
    known = facts.model.abilities
    missing = need.abilities - known if known is not None else frozenset()
    if missing:
        return f"no {' and no '.join(sorted(missing))}"
    return None


_SOURCE: dict[str, CostSource] = {"local": "local", "subscription": "subscription"}


def _why(candidate: Candidate, need: Requirements) -> str:
    why = candidate.why
    if candidate.dropped:
        why += f", without {parameters.flags(candidate.dropped)}"
    if need.schema and not candidate.native_schema:
        why += ", schema sent in the prompt"
    if need.strategy != "profile":
        why += f", {strategies.why(need.strategy, candidate)}"
    if need.private and not candidate.facts.local:
        why += ", private data may go there"
    return why + _guarded(candidate.facts)


_GUARDED = {"rate_limited": "rate limited", "quota_exhausted": "out of credit", "timeout": "timed out"}


def _guarded(facts: TargetFacts) -> str:
    """What a breaker says of a target: that others come first, for how long and why, or that this request tries it."""
    breaker = facts.breaker
    if breaker is None:
        return ""
    reason = _GUARDED.get(breaker.reason, "failed")
    if breaker.half_open(facts.now):
        return f", tried again: {reason} before"
    if not facts.cooling_s:
        return ""
    if breaker.until <= facts.now:
        return f", last: {reason}, another request tries it now"
    return f", last: {reason}, {span(facts.cooling_s)} left"
