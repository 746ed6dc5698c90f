"""What a request asks of a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.types.dataclass import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.config.profile import BudgetEnd
    from llmo.requests.chat_body import Inexpressible
    from llmo.requests.extras import Reserved
    from llmo.types.messages import Ability, Parameter, Strategy, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """
    What a request asks of a target.

    `input_bound` is a proven upper bound of its tokens, `input_estimate` a guess for
    choosing; `max_output` the limit that the user set. `private` says that nothing may leave
    this machine, `private_kinds` what was found in the prompt that made it so,
    `private_because` whatever else did. Providers that are `allowed` may have it all the same. `fit` allows a
    shorter answer when the budget buys no longer one, `when_budget_ends` says what follows a refusal.
    `service_tier` is what the user asks for, `long_cache` whether the prompt may be cached for an hour: both
    change the price.
    `parameters` are those that the user gave; `lenient` lets a target be asked without them. `reserved` is the
    option that a provider type can't be sent, `bought` names those that are billed apart from tokens, `predicted`
    are tokens that may be billed as output beside the answer. A limit of dollars holds for the targets in `limited`
    (filled in where that decides). `num_ctx` is the option that sets Ollama's window. `inexpressible` is what a
    provider type can't say of a chat completion.
    """

    input_estimate: int
    input_bound: int
    max_output: int | None = None
    abilities: frozenset[Ability] = frozenset()
    private: bool = False
    private_kinds: tuple[str, ...] = ()
    private_because: str = ""
    allowed: tuple[str, ...] = ()
    strategy: Strategy = "profile"
    first_only: bool = False
    fit: bool = False
    when_budget_ends: BudgetEnd = "refuse"
    service_tier: str | None = None
    long_cache: bool = False
    parameters: tuple[Parameter, ...] = ()
    lenient: bool = False
    schema: bool = False
    reserved: Mapping[str, Reserved] = field(default_factory=dict)
    bought: tuple[str, ...] = ()
    predicted: int = 0
    num_ctx: int | None = None
    limited: frozenset[Target] = frozenset()
    inexpressible: Mapping[str, Inexpressible] = field(default_factory=dict)


def unsendable(need: Requirements, kind: str) -> str | None:
    """Why a request can't be sent to a provider type, whatever its model."""
    if reserved := need.reserved.get(kind):
        return str(reserved)
    inexpressible = need.inexpressible.get(kind)
    if inexpressible and (inexpressible.parts or not need.lenient):
        return f"{kind} does not support {inexpressible}"
    return None
