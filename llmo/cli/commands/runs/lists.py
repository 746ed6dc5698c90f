"""Lists runs and shows one, from what is stored on this machine; nobody is asked."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

from llmo.batch.executors.deferred.state import RunFolder
from llmo.batch.registry import Registry, RunRecord
from llmo.errors import Exit, LlmoError, UsageError
from llmo.ledger.periods import format_instant
from llmo.ledger.reports import Spending
from llmo.render.history import age
from llmo.render.json_output import money
from llmo.render.spending import cost
from llmo.render.tables import folded
from llmo.types.format import exact
from llmo.types.money import parse_usd

if TYPE_CHECKING:
    from llmo.batch.executors.deferred.state import RunState
    from llmo.cli.context import Context

ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
"""Names that nobody gave: also those of single requests."""

ENDED: dict[int, str] = {
    Exit.OK: "done",
    Exit.BUDGET: "budget reached",
    Exit.ROWS_FAILED: "rows failed",
    Exit.SIGINT: "interrupted",
    Exit.SIGTERM: "interrupted",
    Exit.SIGHUP: "interrupted",
}
"""What there is to say of runs that ended in an exit code."""


def listing(ctx: Context, *, limit: int, as_json: bool) -> int:
    """Print the latest runs; returns the exit code."""
    found = _all(ctx)
    some = found[:limit] if limit else found
    objects = [_object(ctx, record, spent) for record, spent in some]
    if as_json:
        ctx.json(objects)
        return 0
    now = ctx.clock.now()
    rows = [
        (
            one["id"] or one["name"],
            one["engine"] or "",
            one["state"],
            "" if one["rows"] is None else f"{one['rows']:,}",
            cost(spent),
            age(now - record.began) if record.began else "",
            one["output"] or "",
        )
        for one, (record, spent) in zip(objects, some, strict=True)
    ]
    head = ("RUN", "ENGINE", "STATE", "ROWS", "COST", "AGE", "OUTPUT")
    ctx.show(folded(head, rows, right=("ROWS", "COST"), width=ctx.table_width, bold=ctx.stdout_color))
    if not found:
        ctx.note("llmo: no runs; llmo batch makes one when it writes to a file, or with --deferred")
    elif len(some) < len(found):
        ctx.note(f"llmo: {len(some)} of {len(found):,} runs; show all with --limit 0")
    return 0


def show(ctx: Context, asked: str, *, as_json: bool) -> int:
    """Print one run; returns the exit code. Raises `UsageError`."""
    spending = _spending(ctx)
    try:
        record = Registry.of(ctx.env).find(asked)
    except UsageError:
        if asked not in spending:
            raise
        record = _unknown(asked)
    shown = _object(ctx, record, spending.get(record.name, Spending()))
    if as_json:
        ctx.json(shown)
        return 0
    fields = {name: value for name, value in shown.items() if name != "batches" and value is not None}
    fields |= {name: exact(parse_usd(shown[name])) for name in ("cost_usd", "held_usd")}
    if record.command:
        fields["command"] = shlex.join(["llmo", *record.command])
    wide = max(map(len, fields))
    ctx.show("".join(f"{name.removesuffix('_usd'):<{wide}}  {value}\n" for name, value in fields.items()))
    if shown["batches"]:
        head = ("BATCH", "MODEL", "ROWS", "STATE")
        rows = [(one["id"] or "", one["target"], f"{one['rows']:,}", one["state"]) for one in shown["batches"]]
        ctx.show("\n" + folded(head, rows, right=("ROWS",), width=ctx.table_width, bold=ctx.stdout_color))
    return 0


def _all(ctx: Context) -> list[tuple[RunRecord, Spending]]:
    """The runs that have a record, and those of the ledger that somebody named."""
    spending = _spending(ctx)
    found = [(one, spending.get(one.name, Spending())) for one in Registry.of(ctx.env).all()]
    known = {record.name for record, _ in found}
    others = [name for name in spending if name and name not in known and not ULID.fullmatch(name)]
    return found + [(_unknown(name), spending[name]) for name in others]


def _spending(ctx: Context) -> dict[str, Spending]:
    return {one.group[0]: one for one in ctx.ledger.spending(("run",))}


def _unknown(name: str) -> RunRecord:
    """A run of which only the ledger tells."""
    return RunRecord(id="", name=name, engine="local")


def _object(ctx: Context, record: RunRecord, spent: Spending) -> dict[str, Any]:
    state = _state(ctx, record)
    return {
        "id": record.id or None,
        "name": record.name,
        "engine": record.engine if record.id else None,
        "state": _word(record, state),
        "rows": record.rows if state is None else sum(shard.count for shard in state.shards),
        "cost_usd": money(spent.cost),
        "held_usd": money(spent.held),
        "began": format_instant(int(record.began * 1_000_000), ctx.ledger.zone) if record.began else None,
        "output": record.output,
        "command": list(record.command) or None,
        "directory": record.cwd or None,
        "batches": [
            {
                "id": shard.batch or None,
                "target": str(shard.target),
                "rows": shard.count,
                "state": _step(shard.step, shard.word, cancelled=shard.cancelled),
            }
            for shard in (state.shards if state else ())
        ],
    }


def _state(ctx: Context, record: RunRecord) -> RunState | None:
    if record.engine != "deferred" or not record.id:
        return None
    try:
        return RunFolder(Registry.of(ctx.env).folder(record.id)).load()
    except LlmoError:
        return None


def _word(record: RunRecord, state: RunState | None) -> str:
    """What there is to say of a run in a word or two."""
    if record.engine == "deferred" and record.id:
        if state is None:
            return "unreadable"
        if state.open:
            return f"{len(state.open)} of {len(state.shards)} open"
        return "done" if state.whole else "interrupted"
    if not record.id:
        return "ended"
    if record.exit is None:
        return "running" if record.running else "interrupted"
    return ENDED.get(record.exit, "failed")


def _step(step: str, word: str, *, cancelled: bool) -> str:
    told = {"sealed": "to be created", "creating": "being created", "created": word or "created", "ended": "ended"}
    found = told.get(step, word or "done")
    return f"{found}, cancelling" if cancelled and step == "created" else found
