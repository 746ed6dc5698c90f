"""Queries besides sums: latencies, calls of crashed processes, calls in doubt."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from llmo.ledger.processes import DEFERRED, Owner, abandoned, lives
from llmo.ledger.records import LOST, Doubt, Latency, RecentCall, Settlement
from llmo.ledger.reports import Times
from llmo.ledger.sql.counters import CallKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from llmo.ledger.periods import Period
    from llmo.ledger.sql.counters import Counter
    from llmo.ledger.sql.database import Database
    from llmo.ledger.sql.postings import Postings
    from llmo.types.messages import Target

SAMPLES = 50
"""Most calls that a median is taken over."""
MANY = 500
"""Most calls that quantiles of a report are taken over."""


def latency(db: Database, target: Target) -> Latency | None:
    """Medians in seconds and tokens over the last successful calls of a target; None without any."""
    rows = db.execute(
        "SELECT first_token_s, duration_s, output_tokens FROM calls WHERE outcome = 'ok' AND provider = ? AND model = ?"
        " ORDER BY held_at DESC LIMIT ?",
        (target.provider, target.model, SAMPLES),
    ).fetchall()
    if not rows:
        return None
    timed = [(total - begun, tokens) for begun, total, tokens in rows if begun is not None and tokens and total > begun]
    return Latency(
        first_token_p50_s=_median(row[0] for row in rows),
        tokens_per_s_p50=_median(tokens / seconds for seconds, tokens in timed),
        samples=len(rows),
        duration_p50_s=_median(row[1] for row in rows),
        output_tokens_p50=_median(row[2] for row in rows),
    )


def _median(values: Iterable[float | None]) -> float | None:
    # `statistics` takes longer to import than a short command should; it is for reports.
    known = sorted(value for value in values if value is not None)
    half = len(known) // 2
    if not known:
        return None
    return known[half] if len(known) % 2 else (known[half - 1] + known[half]) / 2


def times(db: Database, targets: Sequence[tuple[str, str]], span: Period) -> Iterator[Times]:
    """Quantiles in seconds for each target that has successful calls in a span."""
    from statistics import median, quantiles

    for target in targets:
        rows = db.execute(
            "SELECT duration_s, first_token_s FROM calls WHERE outcome = 'ok' AND provider = ? AND model = ?"
            " AND held_at >= ? AND held_at < ? ORDER BY held_at DESC LIMIT ?",
            (*target, *span, MANY),
        ).fetchall()
        total, first = ([row[at] for row in rows if row[at] is not None] for at in (0, 1))
        if total:
            high = quantiles(total, n=20)[18] if len(total) > 1 else total[0]
            yield Times(target, len(total), median(total), high, median(first) if first else None)


class Running(dict[Owner, bool]):
    """Which owners are running; each process is inspected once."""

    def __missing__(self, owner: Owner) -> bool:
        self[owner] = lives(owner)
        return self[owner]

    def ended(self, owner: Owner, held_at: int, now: int) -> bool:
        """Whether nobody will settle a hold any more."""
        return not self[owner] or abandoned(owner, held_at, now)


def lost(db: Database, postings: Postings, run: str | None, now: int) -> list[tuple[str, int | None]]:
    """Settle the holds of crashed processes at the held amount; returns run and amount of each call."""
    settled = []
    for identifier, of, worst, billing in list(_left(db, run, now)):
        source = {"local": "local", "subscription": "subscription"}.get(billing, "estimated")
        postings.settle(identifier, Settlement(cost=worst, source=source, outcome=LOST))  # type: ignore[arg-type]  # one of CostSource
        settled.append((of, worst))
    return settled


def stranded(db: Database, run: str | None, now: int) -> tuple[int, int]:
    """How many calls `lost` would settle, and what they hold."""
    amounts = [worst or 0 for _, _, worst, _ in _left(db, run, now)]
    return len(amounts), sum(amounts)


def live(db: Database | None, sums: Sequence[Counter], now: int) -> list[int]:
    """How much of each counter's holds belongs to running processes."""
    if db is None or not any(one.held for one in sums):
        return [0] * len(sums)
    running, found = Running(), [0] * len(sums)
    rows = db.execute(
        "SELECT worst, owner_pid, owner_started, owner_boot, run, held_at, provider, model, task, tags FROM calls"
        " WHERE state = 'held' AND worst > 0"
    )
    for worst, pid, started, boot, *key in rows:
        owner = Owner(pid, started, boot)
        if owner != DEFERRED and not running.ended(owner, key[1], now):
            for number, one in enumerate(sums):
                found[number] += worst if one.covers(CallKey(*key)) else 0
    return [min(amount, one.held) for amount, one in zip(found, sums, strict=True)]


def recent_calls(db: Database, most: int) -> Iterator[RecentCall]:
    """The latest calls, latest first."""
    rows = db.execute("SELECT run, tags, held_at FROM calls ORDER BY held_at DESC LIMIT ?", (most,))
    for run, tags, held in rows:
        yield RecentCall(run, json.loads(tags), held / 1_000_000)


def doubts(db: Database, run: str | None) -> Iterator[Doubt]:
    """Calls in doubt, of one run or of all, oldest first."""
    rows = db.execute(
        "SELECT id, run, provider, model, request_id, ended_at, cost, in_doubt FROM calls"
        " WHERE state = 'in_doubt' AND (run = ? OR CAST(? AS TEXT) IS NULL) ORDER BY held_at",
        (run, run),
    )
    for identifier, of, provider, model, request, ended, spent, in_doubt in rows:
        yield Doubt(
            id=identifier,
            run=of,
            provider=provider,
            model=model,
            request_id=request,
            ended_at=ended / 1_000_000,
            spent=spent,
            in_doubt=in_doubt,
        )


def lost_rows(db: Database, run: str) -> list[str]:
    """Rows of a run that were in flight when their process crashed."""
    found = db.execute("SELECT DISTINCT row FROM calls WHERE run = ? AND outcome = ? AND row IS NOT NULL", (run, LOST))
    return [row for (row,) in found]


def _left(db: Database, run: str | None, now: int) -> Iterator[tuple[str, str, int | None, str]]:
    """Holds of crashed processes: id, run, amount and billing of each call."""
    running = Running()
    for identifier, of, worst, billing, held_at, owner in _open(db, run):
        if owner != DEFERRED and running.ended(owner, held_at, now):
            yield identifier, of, worst, billing


def _open(db: Database, run: str | None) -> Iterator[tuple[str, str, int | None, str, int, Owner]]:
    rows = db.execute(
        "SELECT id, run, worst, billing, held_at, owner_pid, owner_started, owner_boot FROM calls"
        " WHERE state = 'held' AND (run = ? OR CAST(? AS TEXT) IS NULL)",
        (run, run),
    )
    for identifier, of, worst, billing, held_at, *process in rows:
        yield identifier, of, worst, billing, held_at, Owner(*process)
