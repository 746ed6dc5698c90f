"""What a batch came to, for a person: rows, each kind of failure with an example, models, cost and time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llmo.render.side_by_side import wrapped
from llmo.render.summary import doubt
from llmo.types.format import counted, dollars, rounded, span
from llmo.types.money import stated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

_HASH = re.compile(r"[0-9a-f]{32}")
SHOWN = 200
"""Characters of a message that are shown."""
INDENT = "  "
MORE = {
    "skipped": "already done",
    "failed_before": "failed earlier",
    "copied": "duplicates of another row",
    "left": "left",
    "asked_again": "sent again with the full output limit",
    "cut_by_budget": "cut off by the output limit that the budget allowed",
    "retries": "retries",
    "repairs": "repair requests",
    "repaired_locally": "repaired without a request",
    "rate_limited": "HTTP 429 responses",
    "private_rows": "private and kept on this machine",
}
"""Counts of the report that are said when they are not zero."""


def summary(
    report: Mapping[str, Any],
    elapsed: float,
    *,
    unit: str = "rows",
    retry: Callable[[str], str | None] = lambda _: None,
    width: int | None = None,
) -> list[str]:
    """
    The lines at the end of a run; `report` is that of `RunStats`.

    `retry` is the command that retries one kind of failure. Lines are folded at `width` columns, commands never: they
    are there to be copied.
    """
    lines = [_rows(report, elapsed, unit), *_failures(report, retry), *_models(report), _cost(report)]
    return [piece for text in lines for piece in _folded(text, width)]


def _more(report: Mapping[str, Any], key: str) -> str:
    """A count; how many rows are left of an input that was not read to its end is an estimate, or unknown (None)."""
    if report[key] is None:
        return "more"
    if key == "left" and report["estimated"]:
        return f"about {rounded(report[key]):,}"
    return f"{report[key]:,}"


def _rows(report: Mapping[str, Any], elapsed: float, unit: str) -> str:
    done = report["done"]
    words = [f"{count:,} {word}" for word, count in sorted(report["by_status"].items(), key=lambda item: -item[1])]
    rate = f" ({done / elapsed:,.1f} {unit}/s)" if done > 1 and elapsed > 0 else ""
    first = f"{counted(done, unit)} in {span(elapsed)}{rate}" + (f": {', '.join(words)}" if words else "")
    more = [f"{_more(report, key)} {text}" for key, text in MORE.items() if report[key] != 0]
    if report["cached"]:
        more.append(f"{report['cached']:,} from the cache, saved {dollars(stated(report['saved_usd']))}")
    return "; ".join([first, *more])


def _failures(report: Mapping[str, Any], retry: Callable[[str], str | None]) -> Iterator[str]:
    for kind, count in report["failures"].items():
        example = report["failure_examples"][kind]
        message = " ".join(example["message"].split())
        cut = message if len(message) <= SHOWN else f"{message[:SHOWN]} …"
        yield f"failed: {count:,} {kind}, as {_row(example)}: {cut}"
        if (command := retry(kind)) is not None:
            yield f"{INDENT}{command}"


def _row(example: Mapping[str, Any]) -> str:
    """The id of a row, or its number where the id is a hash that nobody has seen."""
    return f"row {example['index'] + 1:,}" if _HASH.match(example["id"]) else str(example["id"])


def _models(report: Mapping[str, Any]) -> Iterator[str]:
    for name, model in report["models"].items():
        tokens = f"{model['input_tokens']:,} → {model['output_tokens']:,} tokens"
        yield f"{name}: {counted(model['calls'], 'calls')}, {tokens}, {dollars(stated(model['cost_usd']))}"


def _cost(report: Mapping[str, Any]) -> str:
    unpriced = f" and {counted(report['unpriced_calls'], 'unpriced calls')}" if report["unpriced_calls"] else ""
    took = report["latency_p50_s"]
    latency = "" if took is None else f"; latency {span(took)} p50, {span(report['latency_p95_s'])} p95"
    used = "" if report["limit_used"] is None else f"; {report['limit_used']:.0%} of the limit used"
    unsure = doubt(stated(report["in_doubt_usd"]))
    return f"cost {dollars(stated(report['cost_usd']))}{unpriced}{unsure}{latency}{used}"


def _folded(text: str, width: int | None) -> list[str]:
    """One line of the summary, on as many of a terminal as it takes."""
    if text.startswith(INDENT):
        return [text]
    text = f"llmo: {text}"
    if width is None or len(text) <= width:
        return [text]
    first, *rest = wrapped(text, max(1, width - len(INDENT)))
    return [first, *(f"{INDENT}{piece}" for piece in rest)]
