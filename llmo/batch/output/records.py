"""Results of rows as output lines."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic_core import PydanticSerializationError, to_json

from llmo.batch.output.appended import OutputLost
from llmo.engine.results import calls, tokens, unsent
from llmo.errors import (
    BudgetExceeded,
    Cancelled,
    ConfigError,
    CredentialsError,
    Locked,
    QuotaExhausted,
    Unauthorized,
    Unfinished,
    UsageError,
)
from llmo.types.attempts import AttemptRecord
from llmo.types.dataclass import replace
from llmo.types.events import Usage
from llmo.types.messages import Target
from llmo.types.money import parse_usd, usd
from llmo.types.redact import masked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.engine.results import Result
    from llmo.errors import LlmoError
    from llmo.types.jsontext import Json

Line: TypeAlias = "dict[str, Json]"
Status = Literal["ok", "error", "truncated", "refused", "invalid", "unknown"]
FATAL = (
    BudgetExceeded,
    Cancelled,
    ConfigError,
    CredentialsError,
    Locked,
    OutputLost,
    QuotaExhausted,
    Unauthorized,
    UsageError,
)
"""Failures that every other row would share: they end the run, and their row is not recorded."""
KIND_STATUS: Mapping[str, Status] = {"content_refused": "refused", "invalid_output": "invalid"}
DIGITS = 3
FIELDS = 17
"""Of a line without `repaired`."""
_USAGE = (
    b'{"input_tokens": %d, "cached_input_tokens": %d, "cache_write_tokens": %d, "output_tokens": %d, '
    b'"reasoning_tokens": %d}'
)
_ANSWER = (
    b'{"id": %b, "index": %d, "key": %b, "status": %b, "text": %b, "data": null, "tool_calls": [], "provider": %b, '
    b'"model": %b, "finish_reason": %b, "usage": %b, "cost_usd": %b, "cost_source": %b, "attempts": %d, '
    b'"duration_s": %b, "error": null, "input": null}\n'
)
_BREAKS = tuple((char.encode(), f"\\u{ord(char):04x}".encode()) for char in "\u2028\u2029\x85")


def status(result: Result) -> Status:
    """The status of a row."""
    if result.finish == "length" or isinstance(result.error, Unfinished):
        # Paid for, and the same request would be cut, and cost, the same.
        return "truncated"
    if result.error is not None:
        return KIND_STATUS.get(result.error.kind, "error")
    return "refused" if result.finish in ("refusal", "content_filter") else "ok"


def line(
    identity: tuple[str, int, str], result: Result, *, data: Json = None, kept: Mapping[str, Json] | None = None
) -> dict[str, Json]:
    """
    The output row of `(id, index, key)`; its fields and their order are a promise.

    The last one, `repaired`, is only there when `data` is not what the text says as it stands.
    """
    name, index, key = identity
    word, target = status(result), result.target
    failed = word != "ok" and result.finish != "length" and result.error is not None
    return {
        "id": name,
        "index": index,
        "key": key,
        "status": word,
        "text": result.text if result.text or result.ok else None,
        "data": data,
        "tool_calls": calls(result.tool_calls),
        "provider": target.provider if target else None,
        "model": target.model if target else None,
        "finish_reason": result.finish,
        "usage": tokens(result.usage),
        "cost_usd": None if result.cost is None else usd(result.cost),
        "cost_source": result.cost_source,
        "attempts": len(result.attempts),
        "duration_s": round(result.total_s, DIGITS),
        "error": error(result.error) if failed and result.error else None,
        "input": dict(kept) if kept else None,
        **({"repaired": result.repaired} if result.repaired else {}),
    }


def spelled(row: Line) -> bytes | None:
    """
    A `line` put together from its parts, None of one that is more than the text of an answer.

    The bytes are those of `encoded`, in a quarter of the time.
    """
    text, usage, cost = row["text"], row["usage"], row["cost_usd"]
    if type(text) is not str or not isinstance(usage, dict) or cost is None or len(row) != FIELDS:
        return None
    if row["data"] is not None or row["tool_calls"] or row["error"] is not None or row["input"] is not None:
        return None
    try:
        said = _ANSWER % (
            to_json(row["id"]),
            row["index"],
            to_json(row["key"]),
            _word(row["status"]),
            to_json(text),
            _word(row["provider"]),
            _word(row["model"]),
            _word(row["finish_reason"]),
            _USAGE % (*usage.values(),),
            to_json(cost),
            _word(row["cost_source"]),
            row["attempts"],
            repr(row["duration_s"]).encode(),
        )
    except PydanticSerializationError:  # half of a surrogate pair
        return None
    if not said.isascii():
        for char, instead in _BREAKS:
            said = said.replace(char, instead)
    return said


@lru_cache(maxsize=64)
def _word(value: str | None) -> bytes:
    """What comes again in most lines."""
    return to_json(value)


def copied(
    identity: tuple[str, int, str], original: Mapping[str, Json], kept: Mapping[str, Json] | None
) -> dict[str, Json]:
    """The row of a request that another row of the run has already paid for."""
    name, index, key = identity
    return {
        **original,
        "id": name,
        "index": index,
        "key": key,
        "usage": None,
        "cost_usd": "0",
        "cost_source": "cached",
        "attempts": 0,
        "duration_s": 0.0,
        "input": dict(kept) if kept else None,
    }


def doubtful(identity: tuple[str, int, str], kept: Mapping[str, Json] | None) -> dict[str, Json]:
    """The row of a request that was sent before the run was killed, and is not sent again."""
    name, index, key = identity
    message = "sent before the run was killed; its answer is lost and --at-most-once does not send it again"
    return {
        "id": name,
        "index": index,
        "key": key,
        "status": "unknown",
        "text": None,
        "data": None,
        "tool_calls": [],
        "provider": None,
        "model": None,
        "finish_reason": None,
        "usage": None,
        "cost_usd": None,
        "cost_source": "unknown",
        "attempts": 1,
        "duration_s": 0.0,
        "error": {"kind": "incomplete", "message": message},
        "input": dict(kept) if kept else None,
    }


def recovered(row: Mapping[str, Any]) -> Result:
    """What is counted of a row whose line is all that is left of it; `row` is that line, checked."""
    used, cost = row["usage"], None if row["cost_usd"] is None else parse_usd(row["cost_usd"])
    target = Target(str(row["provider"]), str(row["model"])) if row["provider"] else None
    outcome = "ok" if row["error"] is None else row["error"]["kind"]
    attempt = AttemptRecord(
        id=row["id"],
        provider=target.provider if target else "",
        model=target.model if target else "",
        outcome=outcome,
        error=None if row["error"] is None else row["error"]["message"],
        cost_pico=cost,
        cost_source=row["cost_source"],
        duration_s=row["duration_s"],
    )
    return replace(
        unsent(row["id"], None, target),
        usage=None if used is None else Usage(**used),
        cost=cost,
        cost_source=row["cost_source"],
        total_s=row["duration_s"],
        attempts=(attempt,) * (target is not None),
    )


def error(failure: LlmoError) -> dict[str, Json]:
    """A failure as in the JSON of `ask`."""
    found: dict[str, Json] = {"kind": failure.kind, "message": masked(failure.message)}
    return {**found, "hint": masked(failure.hint)} if failure.hint else found
