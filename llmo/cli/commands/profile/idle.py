"""Budgets and prices of a profile that count or price nothing known: mostly a name with a slip in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.cli.known_providers import told_of
from llmo.config import patterns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmo.cli.context import Context


def warnings(ctx: Context) -> list[str]:
    """
    A line for each.

    Which models there are nobody knows for sure, so it is no error: a server of one's own may have any.
    """
    return [*_budgets(ctx), *_prices(ctx)]


def _budgets(ctx: Context) -> Iterator[str]:
    for budget in ctx.profile.budgets:
        pattern = budget.match.get("model")
        if pattern is None:
            continue
        providers = [one for one in told_of(ctx) if patterns.matches(budget.match.get("provider", "*"), one)]
        known = {name: ctx.names.of(name) for name in providers}
        met = any(patterns.means_model(pattern, name, model) for name, models in known.items() for model in models)
        # `vllm/llama` means a server whose models nobody listed: it may well have that one.
        if not met and not any(patterns.may_begin(pattern, f"{name}/") for name, models in known.items() if not models):
            yield f"budget {budget.name} matches no known model: model = {pattern}{_nearest(pattern, known)}"


def _prices(ctx: Context) -> Iterator[str]:
    for price in ctx.profile.prices:
        if not any(patterns.may_begin(price.model, f"{name}/") for name in told_of(ctx)):
            yield f"[[prices]] entry {price.model} matches no provider of this profile: {', '.join(told_of(ctx))}"


def _nearest(pattern: str, known: dict[str, list[str]]) -> str:
    from llmo.types.nearest import nearest

    found = [name for provider, models in known.items() for model in models for name in (model, f"{provider}/{model}")]
    return nearest(pattern, found)
