"""The facts that a plan is made of: profile, readiness, catalogue and what past calls taught, gathered per target."""

from __future__ import annotations

import time
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING

from llmo.config.addresses import on_this_machine
from llmo.config.kinds import KINDS
from llmo.errors import ConfigError
from llmo.requests import chat_body, content, extras
from llmo.routing import chains, privacy, tokens
from llmo.routing import deferred as batched
from llmo.routing import plan as router
from llmo.routing.classifier import Thresholds, classify
from llmo.routing.outline import Alike, PlanOutline, keep
from llmo.routing.plan import Plan, TargetFacts, Task
from llmo.routing.requirements import Requirements
from llmo.types import parameters
from llmo.types.dataclass import dataclass, field, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from llmo.catalog.catalog import Model
    from llmo.config.profile import Profile, ProviderConfig
    from llmo.ledger.backend import TargetHistory
    from llmo.ledger.records import Limit
    from llmo.requests.chat_body import Inexpressible
    from llmo.requests.extras import Reserved
    from llmo.routing.chains import ChainStep
    from llmo.routing.classifier import Classification
    from llmo.routing.model_names import ModelNames
    from llmo.types.jsontext import Json
    from llmo.types.messages import Ability, Parameter, Request, Strategy, Target

UNTOLD = Task(name="general", reason="not looked for, as the model is given", scores={})
"""The task of one of many requests where nothing depends on it: to tell it takes longer than all else of a plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """
    What the command line says about selection; None and empty leave it to the profile.

    `capped` says that a cap of dollars holds beside the budgets, `tags` choose among those. `private` lets nothing
    leave this machine, `because` says who wants that; `kinds` are private data of earlier turns. Providers that are
    `allowed` may have what is private only because of what it holds. `many` is for batches: the task of a row is not
    told where nothing depends on it. `deferred` requests go to the vendors' batch services. `pieces` are the texts of a
    template between which each row puts its own.
    """

    models: tuple[str, ...] = ()
    task: str | None = None
    strategy: Strategy | None = None
    private: bool = False
    kinds: tuple[str, ...] = ()
    because: str = ""
    allowed: tuple[str, ...] = ()
    first_only: bool = False
    fit: bool = False
    lenient: bool = False
    capped: bool = False
    allow_unpriced: bool = False
    many: bool = False
    pieces: tuple[str, ...] = ()
    deferred: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


class Planner:
    """Plans requests of one profile; facts of a target are gathered once."""

    def __init__(
        self,
        names: ModelNames,
        history: TargetHistory,
        *,
        now: Callable[[], float] = time.time,
        looked_for: Callable[[], tuple[str, ...]] | None = None,
    ) -> None:
        """
        `names` knows the profile, its environment and its catalog; `history` what is on record of targets until `now`.

        Where nothing is configured, `looked_for` says what llmo has looked for.
        """
        self._names = names
        self._profile, self._env, self._catalog = names.profile, names.env, names.catalog
        self._history, self._now, self._fresh_until = history, now, inf
        self._thresholds = thresholds(names.profile)
        self._looked_for = looked_for
        self._unreachable: dict[str, str] = {}
        self._facts: dict[Target, TargetFacts] = {}
        self._chains: dict[tuple[tuple[str, ...], str], list[ChainStep]] = {}
        self._alikes: dict[tuple[int, int, int], Alike] = {}

    def rule_out(self, reasons: Mapping[str, str]) -> None:
        """Count providers as not ready that were asked and did not answer: their names, and why."""
        self._unreachable.update(reasons)

    def plan(self, request: Request, choice: Selection) -> Plan:
        """
        Decide who answers a request.

        Raises `ConfigError` for unknown models, providers, tasks. A plan may have nobody left:
        see `router.require`.
        """
        self._renew()
        alike = self._alike(request, choice)
        task = alike.task or self._told(request, choice, alike.models)
        found = privacy.find(content.all_texts(request), self._profile.privacy.detect)
        private = tuple(dict.fromkeys((*choice.kinds, *found, *alike.private))) if found else alike.private
        plain, has_system = request.body is None, False
        for message in request.messages:
            plain = plain and message.verbatim is None and not message.images
            has_system = has_system or message.role == "system"
        if not plain:
            return self._plan(request, choice, (alike.models, task, private))
        key = (task.name, private, has_system)
        estimate = alike.estimate + tokens.guess_of(request.messages)
        if (known := alike.outlines.get(key)) is not None and known.fits(estimate):
            return known.plan(task, request.messages, estimate)
        plan = self._plan(request, choice, (alike.models, task, private))
        outline = PlanOutline(plan, request)
        if outline.repeats:
            keep(alike.outlines, key, outline)
        return plan

    def _alike(self, request: Request, choice: Selection) -> Alike:
        """What the request has in common with others; one with a body has nothing."""
        same = (choice, request.params, request.schema)
        key = (id(choice), id(request.params), id(request.schema))
        if request.body is None and (known := self._alikes.get(key)) is not None:
            return known
        models = choice.models or (self._profile.model,)
        models = () if models == ("auto",) else models
        name, task = choice.task or self._profile.task, None
        if name != "auto":
            chains.check_task(self._profile, name)
            task = Task(name=name, reason="asked for", scores={name: 1.0})
        elif models and choice.many and not self._counts_tasks:
            task = UNTOLD
        parts = [part for part in (*content.parts(request), request.schema) if part]
        private = tuple(dict.fromkeys((*choice.kinds, *(kind for part in parts for kind in self._found(part)))))
        made = Alike(same=same, models=models, task=task, private=private, estimate=tokens.guess_beside(request))
        if request.body is None:
            keep(self._alikes, key, made)
        return made

    def _plan(self, request: Request, choice: Selection, found: tuple[tuple[str, ...], Task, tuple[str, ...]]) -> Plan:
        models, task, private = found
        steps = self._steps(models, task.name)
        facts = {step.target: self._fact(step.target) for step in steps}
        need = self._need(request, choice, facts, private)
        if need.bought or need.service_tier or any(one.searching for one in facts.values()):
            need = replace(need, limited=self._limited(facts, task.name, choice))
        made = router.plan(task, need, steps, facts)
        made = batched.deferred(made) if choice.deferred else made
        if self._looked_for is None or models or made.ranked or need.private:
            return made
        return replace(made, looked_for=self._looked_for())

    def _limited(self, targets: Collection[Target], task: str, choice: Selection) -> frozenset[Target]:
        """The targets whose calls a limit of dollars counts, which can't cover what has no price."""
        from llmo.ledger.records import Call

        if choice.allow_unpriced:
            return frozenset()
        dollars = [limit for limit in self._limits if limit.usd is not None]

        def counted(one: Target) -> bool:
            call = Call(id="", run="", provider=one.provider, model=one.model, task=task, tags=choice.tags)
            return any(limit.counts(call) for limit in dollars)

        return frozenset(one for one in targets if choice.capped or counted(one))

    @cached_property
    def _limits(self) -> tuple[Limit, ...]:
        from llmo.ledger.allowance import limits

        return limits(self._profile)

    @cached_property
    def _counts_tasks(self) -> bool:
        """Whether a budget counts the calls of some tasks only."""
        return any("task" in limit.match for limit in self._limits)

    def _told(self, request: Request, choice: Selection, models: tuple[str, ...]) -> Task:
        """The task of a request by its texts."""
        texts = [turn.text for turn in request.messages if turn.role == "user"]
        found = self._by_template(choice.pieces, texts) or classify(*texts, thresholds=self._thresholds)
        # A profile may drop a built-in task: its chain is then that of the general one.
        known = self._profile.tasks
        if found.task in known or models or not known:
            return Task(name=found.task, reason=found.reason, scores=found.scores, difficulty=found.difficulty)
        instead = "general" if "general" in known else next(iter(known))
        reason = f"the profile has no task {found.task}"
        return Task(name=instead, reason=reason, scores=found.scores, difficulty=found.difficulty)

    def _by_template(self, pieces: tuple[str, ...], texts: Sequence[str]) -> Classification | None:
        """What the template of a batch says of its only turn, None where it says nothing."""
        if len(pieces) < 2 or len(texts) != 1:  # noqa: PLR2004 - without a field, a template is a prompt
            return None
        from llmo.routing.template_tasks import tasks_of

        return tasks_of(pieces, self._thresholds).classify(texts[0])

    def _steps(self, models: tuple[str, ...], task: str) -> list[ChainStep]:
        key = (models, task)
        if key not in self._chains:
            resolve = self._names.resolve
            explicit = chains.explicit(self._profile, models, resolve) if models else None
            self._chains[key] = explicit or chains.chain(self._profile, task, resolve)
        return self._chains[key]

    def _reserved(self, request: Request, facts: Mapping[Target, TargetFacts]) -> Mapping[str, Reserved]:
        """By provider type, the option that it can't be sent."""
        options, limit = content.options(request), request.params.max_tokens or self._profile.max_tokens
        if not options:
            return {}
        found = {kind: extras.reserved(kind, options, limit) for kind in {one.kind for one in facts.values()}}
        return {kind: reserved for kind, reserved in found.items() if reserved}

    def _need(
        self, request: Request, choice: Selection, facts: Mapping[Target, TargetFacts], private: tuple[str, ...]
    ) -> Requirements:
        options = content.options(request)
        return Requirements(
            input_estimate=tokens.guess(request),
            input_bound=max((tokens.bound(request, kind) for kind in {one.kind for one in facts.values()}), default=0),
            max_output=request.params.max_tokens or self._profile.max_tokens,
            abilities=_abilities(request),
            private=choice.private or self._profile.privacy.local_only or bool(private),
            private_kinds=private,
            private_because=choice.because or self._local_only,
            allowed=self._allowed(choice),
            strategy=choice.strategy or self._profile.strategy,
            first_only=choice.first_only,
            fit=choice.fit,
            when_budget_ends=self._profile.when_budget_ends,
            service_tier=extras.service_tier(options),
            predicted=tokens.predicted(request),
            num_ctx=extras.num_ctx(options),
            long_cache=content.asks_for_long_cache(request),
            parameters=_parameters(request),
            lenient=choice.lenient,
            schema=request.schema is not None,
            reserved=self._reserved(request, facts),
            bought=(*extras.purchases(options), *extras.unbounded_parts(request.messages)),
            inexpressible=_inexpressible(request, facts),
        )

    @cached_property
    def _found(self) -> Callable[[Mapping[str, Json]], tuple[str, ...]]:
        return content.cached_by_identity(
            lambda part: privacy.find(content.measure(part).text, self._profile.privacy.detect)
        )

    @property
    def _local_only(self) -> str:
        return "privacy.local_only of the profile" if self._profile.privacy.local_only else ""

    def _allowed(self, choice: Selection) -> tuple[str, ...]:
        """The providers that may have detected private data. Raises `ConfigError` where nobody may have anything."""
        for name in choice.allowed:
            chains.check_provider(self._profile, name)
        if choice.allowed and (choice.private or self._local_only):
            why = choice.because or self._local_only
            raise ConfigError(
                f"nothing may be sent to {', '.join(choice.allowed)}: the request is private ({why})",
                hint="--allow-private-to works only for detected data: remove it, or start a new conversation",
            )
        return choice.allowed

    def facts(self, target: Target) -> TargetFacts:
        """What is known of a target. Raises `ConfigError` for one whose provider the profile does not have."""
        chains.check_provider(self._profile, target.provider)
        return self._fact(target)

    def _fact(self, target: Target) -> TargetFacts:
        if target not in self._facts:
            self._facts[target] = found = self._gather(target)
            if found.cooling_s:
                self._fresh_until = min(self._fresh_until, found.now + found.cooling_s)
        return self._facts[target]

    def _renew(self) -> None:
        """Look again at targets that came last for a while, when that is over."""
        if self._fresh_until < inf and self._now() >= self._fresh_until:
            self._facts.clear()
            self._alikes.clear()
            self._fresh_until = inf

    def _gather(self, target: Target) -> TargetFacts:
        from llmo.config.credentials import base_url, key_print, why_not_ready
        from llmo.ledger.breakers import Circuit

        config = self._profile.providers[target.provider]
        address = base_url(target.provider, config, self._env)
        model = self._catalog.find(target, config, address)
        key = key_print(target.provider, config, self._env)
        return TargetFacts(
            kind=config.kind,
            model=model,
            billing=model.billing,
            local=on_this_machine(config, address, target.model),
            not_ready=self._unreachable.get(target.provider) or why_not_ready(target.provider, config, self._env),
            latency=self._history.latency(target),
            num_ctx=config.num_ctx,
            key=key,
            breaker=self._history.breaker(Circuit(target.provider, target.model, key)),
            now=self._now(),
            rpm=config.rpm,
            tpm=config.tpm,
            concurrency=config.concurrency,
            parameters=KINDS[config.kind].parameters,
            searching=_searching(config, model),
        )


def thresholds(profile: Profile) -> Thresholds:
    """When prompts are simple or complex under a profile."""
    return Thresholds(profile.thresholds.simple, profile.thresholds.complex)


def _inexpressible(request: Request, facts: Mapping[Target, TargetFacts]) -> Mapping[str, Inexpressible]:
    """By provider type, what its dialect can't say of a chat completion."""
    if request.body is None and all(message.verbatim is None for message in request.messages):
        return {}
    kinds = {one.kind for one in facts.values()}
    found = {kind: chat_body.inexpressible(request, kind) for kind in kinds if not KINDS[kind].chat_completions}
    return {kind: inexpressible for kind, inexpressible in found.items() if inexpressible}


def _parameters(request: Request) -> tuple[Parameter, ...]:
    pictures: tuple[Parameter, ...] = ("image",) if any(m.images for m in request.messages) else ()
    return (*parameters.given(request.params), *pictures)


def _searching(config: ProviderConfig, model: Model) -> bool:
    """Whether a model, or one that may step in for it, searches the web at a fee that nobody states."""
    stated = model.price is not None and model.price.request > 0
    return not stated and any(map(extras.searches_by_itself, (model.id, *config.routing.models)))


def _abilities(request: Request) -> frozenset[Ability]:
    return frozenset({"vision"}) if any(m.images for m in request.messages) else frozenset()
