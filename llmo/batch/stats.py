"""Counters of a run: memory does not grow with the rows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from llmo.batch.output.latencies import Latencies
from llmo.types.dataclass import dataclass, field
from llmo.types.money import parse_usd, usd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.batch.output.records import Status
    from llmo.engine.results import Result
    from llmo.types.jsontext import Json


UNSENT = ("budget_exceeded", "internal")
"""Outcomes of attempts that were stopped before they left: no money for them, or nowhere to put the answer."""
WARNINGS = 20
"""Different warnings that are counted."""


@dataclass(slots=True)
class RunStats:
    """
    Counters of one run.

    `total` are all rows of the input (`estimated` until they are counted), `skipped` those that earlier runs finished,
    `expected_skips` how many should be, `changed` those whose request is another one since, `resent` failed ones that
    run again; `spent` is picodollars, up to `in_doubt` may be billed beyond them, `unpriced` the rows of unknown cost,
    `copied` those that another row paid for, `cached` those that an earlier request paid for, `saved` what that cost;
    `examples` are id, index and message of the first failure of each kind;
    `again` rows were cut by the output limit that the money left had lowered and asked again without it,
    `cut` ones stayed so;
    `repairs` answers were asked for again because they did not match the schema, `mended` ones were read without that;
    `private` rows held private data and stayed on this machine; `used` is the share of the limits.
    """

    total: int = 0
    estimated: bool = False
    expected_skips: int = 0
    skipped: int = 0
    kept_failed: int = 0
    changed: int = 0
    resent: int = 0
    statuses: Counter[Status] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    examples: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    models: dict[str, Counter[str]] = field(default_factory=dict)
    latencies: Latencies = field(default_factory=Latencies)
    done: int = 0
    failed: int = 0
    copied: int = 0
    cached: int = 0
    saved: int = 0
    again: int = 0
    cut: int = 0
    retries: int = 0
    repairs: int = 0
    mended: int = 0
    throttled: int = 0
    in_flight: int = 0
    spent: int = 0
    in_doubt: int = 0
    unpriced: int = 0
    private: int = 0
    used: float | None = None
    warnings: Counter[str] = field(default_factory=Counter)

    @property
    def left(self) -> int:
        """Rows without an outcome."""
        return max(0, self.total - self.skipped - self.kept_failed - self.done)

    @property
    def finished_before(self) -> int:
        """Rows that earlier runs finished, also those that this one has not met yet: no more than it may still meet."""
        met = self.skipped + self.kept_failed
        if self.estimated or not self.total:
            return max(met, self.expected_skips)
        return max(met, min(self.expected_skips, self.total - self.done - self.in_flight))

    @property
    def recorded(self) -> int:
        """Rows of the input that were already in the output."""
        return self.skipped + self.kept_failed + self.changed + self.resent

    def count(self, status: Status, failure: str | None, example: tuple[str, int, str] = ("", 0, "")) -> None:
        """Count a row that has its line; of a failure, `example` is its id, index and message."""
        self.done += 1
        self.statuses[status] += 1
        if failure is not None:
            self.failed += 1
            self.failures[failure] += 1
            self.examples.setdefault(failure, example)

    def pay(self, result: Result) -> None:
        """Add the cost, attempts and time of a row."""
        sent = 0
        for attempt in result.attempts:
            cost = attempt.cost_pico or 0
            if not cost and attempt.outcome in UNSENT:
                continue
            sent += 1
            self.throttled += attempt.outcome == "rate_limited"
            self.spent += cost
            self.in_doubt += attempt.in_doubt_pico
            self.unpriced += attempt.cost_pico is None or attempt.cost_source == "unknown"
            model = self._model(f"{attempt.provider}/{attempt.model}")
            model["calls"] += 1
            model["cost"] += cost
        self.retries += max(0, sent - 1 - result.repairs)
        self.repairs += result.repairs
        self.mended += result.repaired == "local"
        if sent and result.ok:
            self.latencies.add(result.total_s)
        for warning in result.warnings:
            if warning in self.warnings or len(self.warnings) < WARNINGS:
                self.warnings[warning] += 1
        if result.target is not None and result.usage is not None:
            model = self._model(str(result.target))
            model["input_tokens"] += result.usage.input_tokens
            model["output_tokens"] += result.usage.output_tokens

    def recall(self, row: Mapping[str, Any]) -> None:
        """Count a row by its line, which another process may have paid for."""
        error = row["error"]
        example = (row["id"], row["index"], error["message"]) if error else ("", 0, "")
        self.count(row["status"], error["kind"] if error else None, example)
        if not row["attempts"]:
            return
        self.unpriced += row["cost_usd"] is None or row["cost_source"] == "unknown"
        self.mended += row.get("repaired") == "local"
        cost = 0 if row["cost_usd"] is None else parse_usd(row["cost_usd"])
        self.spent += cost
        if row["provider"] is None:
            return
        model, used = self._model(f"{row['provider']}/{row['model']}"), row["usage"] or {}
        model["calls"] += 1
        model["cost"] += cost
        for name in ("input_tokens", "output_tokens"):
            model[name] += used.get(name, 0)

    def _model(self, name: str) -> Counter[str]:
        # A Counter takes too long to make for one that is there already.
        if name not in self.models:
            self.models[name] = Counter()
        return self.models[name]

    def report(self) -> dict[str, Json]:
        """All of it as JSON, for `--report`."""
        models: Mapping[str, Json] = {
            name: {
                "calls": counts["calls"],
                "cost_usd": usd(counts["cost"]),
                "input_tokens": counts["input_tokens"],
                "output_tokens": counts["output_tokens"],
            }
            for name, counts in sorted(self.models.items())
        }
        return {
            "rows": self.total,
            "skipped": self.skipped,
            "failed_before": self.kept_failed,
            "done": self.done,
            "failed": self.failed + self.kept_failed,
            "left": self.left,
            "estimated": self.estimated,
            "by_status": {str(word): count for word, count in self.statuses.items()},
            "failures": dict(self.failures.most_common()),
            "failure_examples": {
                kind: {"id": name, "index": index, "message": message}
                for kind, (name, index, message) in self.examples.items()
            },
            "copied": self.copied,
            "cached": self.cached,
            "saved_usd": usd(self.saved),
            "asked_again": self.again,
            "cut_by_budget": self.cut,
            "retries": self.retries,
            "repairs": self.repairs,
            "repaired_locally": self.mended,
            "rate_limited": self.throttled,
            "cost_usd": usd(self.spent),
            "in_doubt_usd": usd(self.in_doubt),
            "unpriced_calls": self.unpriced,
            "models": models,
            "latency_p50_s": self.latencies.percentile(0.5),
            "latency_p95_s": self.latencies.percentile(0.95),
            "limit_used": None if self.used is None else round(self.used, 3),
            "private_rows": self.private,
        }
