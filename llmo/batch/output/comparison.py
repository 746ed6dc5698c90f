"""
Several models for every row: a line per answer in the journal, one per row with all answers in the output.

In the journal an answer is a row of its own, `id@provider/model`, so that resume, caps and failures hold for
each. Its key is the row's, mixed with the target: answers to different versions of a row are told apart.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

from llmo.batch.input.identity import ANSWER_MARK, answer_id, answer_key, short
from llmo.batch.output.export import cell, line_of, named
from llmo.batch.output.journal import encoded
from llmo.batch.output.latencies import Latencies
from llmo.batch.output.lines import Last, parsed
from llmo.storage.files import replaced
from llmo.storage.line_reader import LONGEST_LINE
from llmo.types.dataclass import dataclass, field
from llmo.types.money import parse_usd, usd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from llmo.batch.input.hash_table import HashTable
    from llmo.batch.output.export import Shape
    from llmo.types.jsontext import Json

    Shaper: TypeAlias = Callable[[dict[str, Any] | None], bytes]

STATUSES = ("ok", "truncated", "refused", "invalid", "unknown", "error")
"""From best to worst: a row has the status of its worst answer."""
COLUMNS = ("id", "index", "key", "status", "agree", "cost_usd")
CELLS = ("status", "text", "data", "finish_reason", "cost_usd", "cost_source", "duration_s", "error")
"""Columns of each answer in a table."""
ANSWER = (
    "status",
    "text",
    "data",
    "tool_calls",
    "finish_reason",
    "usage",
    "cost_usd",
    "cost_source",
    "attempts",
    "duration_s",
    "error",
)


def is_comparison(output: Path) -> bool:
    """Whether a file holds rows with several answers."""
    try:
        with output.open("rb") as file:
            row = parsed(file.readline(LONGEST_LINE))
    except OSError:
        return False
    return row is not None and isinstance(row.get("answers"), list)


def composed(row: str, lines: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """The line of a row; `lines` are its answers' by target."""
    first = lines[0][1]
    costs = [line["cost_usd"] for _, line in lines]
    return {
        "id": row,
        "index": first["index"],
        "key": answer_key(first["key"], lines[0][0]),
        "status": max((line["status"] for _, line in lines), key=STATUSES.index),
        "agree": _agree([line for _, line in lines]),
        "cost_usd": None if None in costs else usd(sum(map(parse_usd, costs))),
        "error": next((line["error"] for _, line in lines if line["error"]), None),
        "input": first["input"],
        "answers": [_answer(target, line) for target, line in lines],
    }


def _answer(target: str, line: Mapping[str, Any]) -> dict[str, Any]:
    provider, _, model = target.partition("/")
    return {"provider": provider, "model": model, **{name: line.get(name) for name in ANSWER}}


def _agree(lines: Sequence[Mapping[str, Any]]) -> bool | None:
    """Whether all data are equal; None unless every answer has some."""
    if any(line["status"] != "ok" or line["data"] is None for line in lines):
        return None
    return all(line["data"] == lines[0]["data"] for line in lines)


def rows(journal: Path, targets: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows that all targets have answered, in the order of the input."""
    lead = f"{ANSWER_MARK}{targets[0]}"
    last = Last(journal)
    with journal.open("rb") as file:
        for begin in last.ordered(lead):
            first = _line(file, begin)
            row = first["id"].removesuffix(lead)
            found_all = [(targets[0], first), *_others(file, last.begins, row, targets[1:])]
            if len(found_all) == len(targets) and len({answer_key(line["key"], one) for one, line in found_all}) == 1:
                yield composed(row, found_all)


def _others(
    file: BinaryIO, last: HashTable, row: str, targets: Sequence[str]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for target in targets:
        begin = last.get(short(answer_id(row, target)))
        if begin is not None:
            yield target, _line(file, begin)


def _line(file: BinaryIO, begin: int) -> dict[str, Any]:
    file.seek(begin)
    line: dict[str, Any] = json.loads(file.readline())
    return line


def write(journal: Path, output: Path, targets: Sequence[str], shaped: Shaper) -> Summary:
    """Make the output of the journal, replaced at once; what it holds."""
    summary = Summary(tuple(targets))
    with replaced(output) as out:
        out.write(shaped(None))
        for row in rows(journal, targets):
            summary.add(row)
            out.write(shaped(row))
    return summary


def shaper(shape: Shape, targets: Sequence[str], kept: Sequence[str]) -> Shaper:
    """A function from a row to its bytes, of None to what comes before all rows; columns of a table by target."""
    if shape != "csv":
        return lambda row: b"" if row is None else encoded(row)
    head = [*COLUMNS, *(f"{target} {name}" for target in targets for name in CELLS), *named(kept)]
    return lambda row: line_of(head if row is None else _flat(row, targets, kept))


def _flat(row: Mapping[str, Any], targets: Sequence[str], kept: Sequence[str]) -> list[Json]:
    answers = {f"{one['provider']}/{one['model']}": one for one in row["answers"]}
    cells = [(answers.get(target) or {}).get(name) for target in targets for name in CELLS]
    given = row["input"] or {}
    return [cell(value) for value in (*(row[name] for name in COLUMNS), *cells, *(given.get(name) for name in kept))]


class Gather:
    """
    Lines to a stream, those of a row joined into one.

    They are held until all answers of their row are there: a few, for they are sent one after the other.
    """

    def __init__(self, targets: Sequence[str], write: Callable[[dict[str, Any]], None]) -> None:
        self._targets, self._write = tuple(targets), write
        self._held: dict[str, dict[str, Mapping[str, Any]]] = {}
        self.summary = Summary(self._targets)

    def __call__(self, line: bytes) -> None:
        """Take one line."""
        found = json.loads(line)
        target = max((one for one in self._targets if found["id"].endswith(ANSWER_MARK + one)), key=len)
        row = found["id"].removesuffix(ANSWER_MARK + target)
        answers = self._held.setdefault(row, {})
        answers[target] = found
        if len(answers) == len(self._targets):
            self._put(row, self._held.pop(row))

    def close(self) -> None:
        """Write incomplete rows with the answers that are paid for."""
        for row in list(self._held):
            self._put(row, self._held.pop(row))

    def _put(self, row: str, answers: Mapping[str, Mapping[str, Any]]) -> None:
        made = composed(row, [(one, answers[one]) for one in self._targets if one in answers])
        self.summary.add(made)
        self._write(made)


@dataclass(slots=True)
class _TargetScore:
    """What one target did."""

    ok: int = 0
    failed: int = 0
    cost: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    latencies: Latencies = field(default_factory=Latencies)

    def add(self, answer: Mapping[str, Any]) -> None:
        """Count one answer."""
        good = answer["status"] == "ok"
        self.ok += good
        self.failed += not good
        self.unpriced += answer["cost_usd"] is None or answer["cost_source"] == "unknown"
        self.cost += parse_usd(answer["cost_usd"] or "0")
        used = answer["usage"] or {}
        self.input_tokens += used.get("input_tokens", 0)
        self.output_tokens += used.get("output_tokens", 0)
        if good and answer["attempts"]:
            self.latencies.add(answer["duration_s"])


class Summary:
    """What a comparison came to, row by row."""

    def __init__(self, targets: Sequence[str]) -> None:
        self._standings = {target: _TargetScore() for target in targets}
        self._agreed: Counter[bool] = Counter()
        self.rows = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one row."""
        self.rows += 1
        if row["agree"] is not None:
            self._agreed[row["agree"]] += 1
        for answer in row["answers"]:
            self._standings[f"{answer['provider']}/{answer['model']}"].add(answer)

    def report(self) -> dict[str, Json]:
        """All of it as JSON, for `--report`."""
        judged = self._agreed.total()
        return {
            "rows": self.rows,
            "agreement": round(self._agreed[True] / judged, 4) if judged else None,
            "agreement_rows": judged,
            "models": [_report(target, standing) for target, standing in self._standings.items()],
        }


def _report(target: str, of: _TargetScore) -> dict[str, Json]:
    provider, _, model = target.partition("/")
    return {
        "provider": provider,
        "model": model,
        "ok": of.ok,
        "failed": of.failed,
        "cost_usd": usd(of.cost),
        "unpriced": of.unpriced,
        "input_tokens": of.input_tokens,
        "output_tokens": of.output_tokens,
        "latency_p50_s": of.latencies.percentile(0.5),
    }
