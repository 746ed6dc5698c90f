"""What the ledger tells: spending by any grouping, medians of latency, cooling targets, dead owners."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from llmo.errors import UsageError
from llmo.ledger.owner import Owner, lives
from llmo.ledger.records import LOST, Latency, Settlement
from llmo.ledger.windows import local

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from llmo.ledger.booking import Clerk
    from llmo.types import Target

SAMPLES = 50
"""Calls that a median is taken over."""
QUARTER = 15 * 60 * 1_000_000
"""Microseconds; every zone's days begin at a multiple of it."""
_COLUMNS = {key: f"coalesce({key}, '')" for key in ("provider", "model", "task", "run", "billing")}
_COLUMNS["outcome"] = "coalesce(outcome, 'in flight')"
_DATES = ("day", "week", "month")


@dataclass(slots=True)
class Spending:
    """
    What a group of calls came to.

    `unpriced` are calls that surely or perhaps cost money and nobody knows how much: `cost` is then a
    lower bound. `in_flight` calls hold `held`. Released attempts cost nothing and are in no other count.
    """

    group: tuple[str, ...] = ()
    calls: int = 0
    cost: int = 0
    unpriced: int = 0
    estimated: int = 0
    local: int = 0
    subscription: int = 0
    in_flight: int = 0
    held: int = 0
    released: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0

    def add(self, other: Spending) -> None:
        """Take another group in."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))


_SUMS = {
    "calls": "count(*) FILTER (WHERE state <> 'released')",
    "cost": "coalesce(sum(cost), 0)",
    "unpriced": "count(*) FILTER (WHERE state = 'settled' AND cost IS NULL)",
    "estimated": "count(*) FILTER (WHERE state = 'settled' AND source = 'estimated')",
    "local": "count(*) FILTER (WHERE state <> 'released' AND billing = 'local')",
    "subscription": "count(*) FILTER (WHERE state <> 'released' AND billing = 'subscription')",
    "in_flight": "count(*) FILTER (WHERE state = 'held')",
    "held": "coalesce(sum(worst) FILTER (WHERE state = 'held'), 0)",
    "released": "count(*) FILTER (WHERE state = 'released')",
    **{
        key: f"coalesce(sum({key}), 0)"
        for key in ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
    },
}


class Filter(NamedTuple):
    """Which calls: held from `since` up to, not including, `until` (microseconds), of one run; None is all."""

    since: int | None = None
    until: int | None = None
    run: str | None = None


def spending(
    db: sqlite3.Connection,
    by: Sequence[str],
    where: tzinfo | None,
    only: Filter,
) -> list[Spending]:
    """
    Sums per group, in the order of the groups.

    `by` are of: day, week, month, provider, model, task, run, outcome, billing, tag:KEY.
    Raises `UsageError` for another grouping.
    """
    columns, tags = _grouping(by)
    limits = [("held_at >= ?", only.since), ("held_at < ?", only.until), ("run = ?", only.run)]
    used = [(clause, value) for clause, value in limits if value is not None]
    rows = db.execute(
        f"SELECT {', '.join([*_SUMS.values(), *columns])} FROM calls"  # noqa: S608 - constants; values are bound
        + (" WHERE " + " AND ".join(clause for clause, _ in used) if used else "")
        + (f" GROUP BY {', '.join(str(len(_SUMS) + 1 + n) for n in range(len(columns)))}" if columns else ""),
        (*tags, *(value for _, value in used)),
    )
    groups: dict[tuple[str, ...], Spending] = {}
    for row in rows:
        sums = Spending((), *row[: len(_SUMS)])
        group = tuple(_label(key, value, where) for key, value in zip(by, row[len(_SUMS) :], strict=True))
        groups.setdefault(group, Spending(group)).add(sums)
    return [groups[group] for group in sorted(groups)]


def latency(db: sqlite3.Connection, target: Target) -> Latency | None:
    """Medians over the last good calls of a target, None without any that streamed."""
    rows = db.execute(
        "SELECT first_token_s, duration_s, output_tokens FROM calls WHERE outcome = 'ok' AND provider = ? AND model = ?"
        " ORDER BY held_at DESC LIMIT ?",
        (target.provider, target.model, SAMPLES),
    ).fetchall()
    first = [row[0] for row in rows if row[0] is not None]
    timed = [(total - begun, tokens) for begun, total, tokens in rows if begun is not None and tokens and total > begun]
    if not first:
        return None
    speed = median(tokens / seconds for seconds, tokens in timed) if timed else None
    return Latency(first_token_p50_s=median(first), tokens_per_s_p50=speed, samples=len(first))


def lost(db: sqlite3.Connection, clerk: Clerk, run: str | None) -> list[tuple[str, int | None]]:
    """Book the holds of dead processes as spent; gives each call's run and amount."""
    known: dict[Owner, bool] = {}
    booked = []
    for identifier, of, worst, billing, owner in list(_open(db, run)):
        if not known.setdefault(owner, lives(owner)):
            source = {"local": "local", "subscription": "subscription"}.get(billing, "estimated")
            clerk.settle(identifier, Settlement(cost=worst, source=source, outcome=LOST))  # type: ignore[arg-type]  # one of CostSource
            booked.append((of, worst))
    return booked


def lost_rows(db: sqlite3.Connection, run: str) -> list[str]:
    """Rows of a run whose process died while they were on their way, at any time."""
    found = db.execute("SELECT DISTINCT row FROM calls WHERE run = ? AND outcome = ? AND row IS NOT NULL", (run, LOST))
    return [row for (row,) in found]


def _open(db: sqlite3.Connection, run: str | None) -> Iterator[tuple[str, str, int | None, str, Owner]]:
    rows = db.execute(
        "SELECT id, run, worst, billing, owner_pid, owner_started, owner_boot FROM calls"
        " WHERE state = 'held' AND (run = ? OR ? IS NULL)",
        (run, run),
    )
    for identifier, of, worst, billing, *process in rows:
        yield identifier, of, worst, billing, Owner(*process)


def _grouping(by: Sequence[str]) -> tuple[list[str], list[str]]:
    """Columns to group by, and the values that they bind."""
    columns, tags = [], []
    for key in by:
        if key in _DATES:
            columns.append(f"held_at / {QUARTER}")
        elif key.startswith("tag:") and key != "tag:":
            columns.append("coalesce(json_extract(tags, ?), '')")
            tags.append('$."' + key.removeprefix("tag:").replace('"', '\\"') + '"')
        elif key in _COLUMNS:
            columns.append(_COLUMNS[key])
        else:
            known = ", ".join((*_DATES, *_COLUMNS, "tag:KEY"))
            raise UsageError(f"unknown grouping: {key}", hint=f"known: {known}")
    return columns, tags


def _label(key: str, value: str | int, where: tzinfo | None) -> str:
    if key not in _DATES:
        return str(value)
    day = local(int(value) * QUARTER, where)
    if key == "week":
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02d}"
    return f"{day:%Y-%m}" if key == "month" else f"{day:%Y-%m-%d}"


def cooling(db: sqlite3.Connection, target: Target, now: int) -> tuple[float, str]:
    """Seconds that a target, or its whole provider, is to be left alone, and why."""
    rows: list[tuple[int, str]] = db.execute(
        "SELECT until, reason FROM cooling WHERE provider = ? AND model IN (?, '') AND until > ? ORDER BY until DESC",
        (target.provider, target.model, now),
    ).fetchall()
    return ((rows[0][0] - now) / 1_000_000, rows[0][1]) if rows else (0.0, "")
