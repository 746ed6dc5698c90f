"""`cost --reconcile`: settle reservations of crashed processes and amounts in doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from llmo.errors import LlmoError
from llmo.types.format import counted, dollars

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmo.cli.context import Context
    from llmo.ledger.records import Billed, Doubt

YOUNG_S = 600.0
"""Seconds in which a record may still be written: a call without one is asked about again."""
What: TypeAlias = Literal["all", "received"]


def reconcile(ctx: Context, run: str | None, billed: What | None) -> None:
    """
    Settle reservations of crashed processes, then what is in doubt, of one run or of all.

    Providers that keep a record are asked; what else is in doubt is taken as billed in full, unless
    the user says that only what was `received` was.
    """
    settled = ctx.ledger.reconcile(run)
    amount = sum(worst or 0 for _, worst in settled)
    doubts = ctx.ledger.doubts(run)
    if settled or not doubts:
        ctx.note(f"settled {counted(len(settled), 'calls')} of crashed processes, {dollars(amount)} as estimated")
    if doubts:
        _settle(ctx, doubts, billed)


def _settle(ctx: Context, doubts: Sequence[Doubt], billed: What | None) -> None:
    import asyncio

    from llmo.cli.commands.cost.inquiry import asked
    from llmo.ledger.records import Billed

    told = {} if billed else asyncio.run(asked(ctx, doubts))
    found: dict[str, Billed] = {}
    open_: list[str] = []
    for one in doubts:
        answer = told.get(one.id)
        if isinstance(answer, LlmoError):
            open_.append(f"{one.provider}: {answer.message}")
        elif one.id in told and answer is None and ctx.clock.now() - one.ended_at < YOUNG_S:
            open_.append(f"{one.provider}: no record yet")
        elif answer is None:
            found[one.id] = Billed(cost=one.spent if billed == "received" else None)
        else:
            found[one.id] = Billed(cost=answer.cost, source="reported", usage=answer.usage)
    ctx.ledger.resolve(found)
    _say(ctx, doubts, found, open_)


def _say(ctx: Context, doubts: Sequence[Doubt], found: Mapping[str, Billed], left: Sequence[str]) -> None:
    for source, how in (("reported", "reported by the provider"), ("estimated", "estimated")):
        of = [one for one in doubts if one.id in found and found[one.id].source == source]
        costs = [cost if (cost := found[one.id].cost) is not None else one.spent + one.in_doubt for one in of]
        if of:
            ctx.note(f"settled {counted(len(of), 'calls')} in doubt, {dollars(sum(costs))} as {how}")
    if left:
        reasons = "; ".join(dict.fromkeys(left))
        still = "stays" if len(left) == 1 else "stay"
        ctx.err(f"llmo: {counted(len(left), 'calls')} {still} in doubt: {reasons}")
        ctx.err("hint: try again later; or settle them now with --billed all or --billed received")
