"""Spending and limits, as objects for programs and cells for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmo.render.summary import doubt
from llmo.types.format import counted, dollars, exact
from llmo.types.money import usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from llmo.ledger.records import BudgetStatus
    from llmo.ledger.reports import Spending

NUMBERS = (
    "calls",
    "in",
    "cached",
    "out",
    "reasoning",
    "cost",
    "budget calls",
    "spent",
    "held",
    "in doubt",
    "left",
    "limit",
)
"""Columns that stand flush right."""


def known(of: Spending) -> bool:
    """Whether anything is known of the cost; calls without a price alone are not $0."""
    return of.cost > 0 or of.calls > of.unpriced or not of.unpriced


def spending(of: Spending, keys: Sequence[str] = ()) -> dict[str, Any]:
    """
    A group as an object: its keys, then its sums.

    `cost_usd` is a lower bound unless `complete`, and null when nothing is known. Up to `in_doubt_usd` may be
    billed beyond it.
    """
    return {
        **dict(zip(keys, of.group, strict=True)),
        "calls": of.calls,
        "cost_usd": usd(of.cost) if known(of) else None,
        "complete": not of.unpriced,
        "unpriced_calls": of.unpriced,
        "estimated_calls": of.estimated,
        "local_calls": of.local,
        "subscription_calls": of.subscription,
        "in_flight_calls": of.in_flight,
        "held_usd": usd(of.held),
        "in_doubt_calls": of.doubtful,
        "in_doubt_usd": usd(of.in_doubt),
        "released_attempts": of.released,
        "input_tokens": of.input_tokens,
        "cached_input_tokens": of.cached_input_tokens,
        "cache_write_tokens": of.cache_write_tokens,
        "output_tokens": of.output_tokens,
        "reasoning_tokens": of.reasoning_tokens,
    }


def cost(of: Spending) -> str:
    """What a group cost: `$1.20`, `≥ $1.20 (2 calls unpriced)`, `unknown (1 call unpriced)`."""
    if not of.unpriced:
        return dollars(of.cost)
    note = f"({calls(of.unpriced)} unpriced)"
    return f"≥ {dollars(of.cost, down=True)} {note}" if known(of) else f"unknown {note}"


def cells(of: Spending) -> tuple[str, ...]:
    """The columns after a group's keys, see `COLUMNS`."""
    tokens = (of.input_tokens, of.cached_input_tokens, of.output_tokens, of.reasoning_tokens)
    return (f"{of.calls:,}", *(f"{number:,}" for number in tokens), kind(of))


COLUMNS = ("calls", "in", "cached", "out", "reasoning", "cost")
BELOW = ("reasoning", "cached", "in", "out", "calls")
"""Columns that a narrow terminal does without, in this order."""


def kind(of: Spending) -> str:
    """The cost, or the word for calls that have no dollars."""
    return _kind(of) or cost(of) + _held(of) + doubt(of.in_doubt)


def total(of: Spending) -> str:
    """One line: dollars, all calls, and the kinds that add up to them."""
    return "total: " + "; ".join([f"{cost(of)} for {calls(of.calls)}{_kinds(of)}", *_notes(of)])


def _kinds(of: Spending) -> str:
    kinds = {
        "metered": of.calls - of.local - of.subscription,
        "local": of.local,
        "on a subscription": of.subscription,
    }
    found = {word: number for word, number in kinds.items() if number}
    if len(found) == 1:
        (word,) = found
        return "" if word == "metered" else f", {word}"
    return ": " + ", ".join(f"{number:,} {word}" for word, number in found.items()) if found else ""


def _notes(of: Spending) -> list[str]:
    """What is to be said of some of these calls."""
    notes = [f"{of.estimated:,} of them estimated"] if of.estimated else []
    notes += [f"{of.in_flight:,} in flight with {dollars(of.held)} held"] if of.in_flight else []
    return [*notes, f"{of.doubtful:,}{doubt(of.in_doubt).removeprefix(',')}"] if of.doubtful else notes


def budget(of: BudgetStatus) -> dict[str, Any]:
    """A limit as an object; null where it has no limit of that kind."""
    return {
        "name": of.name,
        "window": of.window,
        "limit_usd": None if of.limit_usd is None else usd(of.limit_usd),
        "spent_usd": usd(of.spent),
        "held_usd": usd(of.held),
        "in_doubt_usd": usd(of.in_doubt),
        "left_usd": None if of.left is None else usd(of.left),
        "limit_calls": of.limit_calls,
        "calls": of.calls,
        "left_calls": of.left_calls,
        "resets_at": of.resets_at,
        "used_up": of.used_up,
    }


def budgets(of: Iterable[BudgetStatus]) -> list[dict[str, Any]]:
    """Limits as objects."""
    return list(map(budget, of))


def used(of: BudgetStatus) -> str:
    """How far a limit is used, in words."""
    parts = (
        [f"{dollars(of.spent)} spent and {dollars(of.held)} held of {exact(of.limit_usd)}{doubt(of.in_doubt)}"]
        if of.limit_usd is not None
        else []
    )
    parts += [f"{of.calls:,} of {calls(of.limit_calls)}"] if of.limit_calls is not None else []
    return ", ".join(parts) + (f", resets {of.resets_at}" if of.resets_at else "")


BUDGET = ("budget", "window", "limit", "spent", "held", "in doubt", "left", "resets")
BUDGET_BELOW = ("resets", "in doubt", "held", "window", "spent")


def budget_cells(of: BudgetStatus) -> tuple[str, ...]:
    """The columns of a limit."""
    limit = [] if of.limit_usd is None else [exact(of.limit_usd)]
    left = [] if of.left is None else [dollars(of.left, down=True)]
    if of.limit_calls is not None:
        limit.append(calls(of.limit_calls))
        left.append(calls(of.left_calls or 0))
    spent = f"{dollars(of.spent)} ({calls(of.calls)})"
    taken = (spent, dollars(of.held), dollars(of.in_doubt))
    return (of.name, of.window, ", ".join(limit), *taken, ", ".join(left), of.resets_at or "")


def _kind(of: Spending) -> str | None:
    """The word for calls that have no dollars."""
    if not of.calls or of.cost:
        return None
    return {of.local: "local", of.subscription: "subscription"}.get(of.calls)


def _held(of: Spending) -> str:
    return f" + {dollars(of.held)} held" if of.held else ""


def calls(number: int) -> str:
    """A number of calls in words."""
    return counted(number, "calls")
