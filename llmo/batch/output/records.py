"""Results of rows as output lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from llmo.batch.output.appended import OutputLost
from llmo.engine.results import calls, tokens
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
from llmo.types.money import usd
from llmo.types.redact import masked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.engine.results import Result
    from llmo.errors import LlmoError
    from llmo.types.jsontext import Json

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


def error(failure: LlmoError) -> dict[str, Json]:
    """A failure as in the JSON of `ask`."""
    found: dict[str, Json] = {"kind": failure.kind, "message": masked(failure.message)}
    return {**found, "hint": masked(failure.hint)} if failure.hint else found
