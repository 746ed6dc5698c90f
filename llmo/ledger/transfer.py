"""Reads calls that another ledger has exported as lines of JSON."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, get_args

from llmo.errors import UsageError
from llmo.ledger.records import Call, ImportedCall, Settlement
from llmo.types import jsontext
from llmo.types.events import Usage
from llmo.types.messages import Billing, CostSource
from llmo.types.money import parse_usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


USAGE = ("input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens", "reasoning_tokens")
CALL = ("id", "run", "provider", "model", "task", "attempt", "billing", "row", "prices")
END = ("outcome", "source", "served_model", "request_id", "service_tier", "duration_s", "first_token_s")
COLUMNS = (*CALL, "tags", "state", *END, "worst", "cost", "in_doubt", *USAGE, "held_at", "ended_at")
STATES = ("held", "settled", "released", "in_doubt")
BILLINGS: tuple[str, ...] = get_args(Billing)
SOURCES: tuple[str, ...] = get_args(CostSource)
TEXTS = ("id", "run", "provider", "model", "task")
FIRST, LAST = 0, 253_402_300_799_000_000
"""The range of instants that is accepted, in microseconds: the years 1970 to 9999."""


def read(text: Iterable[str], name: str) -> Iterator[ImportedCall]:
    """The calls of exported lines, without empty ones. Raises `UsageError` with file and line of an invalid one."""
    for number, line in enumerate(text, 1):
        if not line.strip():
            continue
        try:
            yield _imported(jsontext.read(line))
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            why = f"{exc.args[0]} is missing" if isinstance(exc, KeyError) else str(exc)
            raise UsageError(
                f"{name}:{number}: not an exported call: {why}", hint="llmo cost --export writes such files"
            ) from None


def _imported(facts: dict[str, Any]) -> ImportedCall:
    if not isinstance(facts, dict):
        raise TypeError("not an object")
    worst, cost = (None if facts[key] is None else parse_usd(_text(facts[key])) for key in ("worst_usd", "cost_usd"))
    # Exports of older versions, which did not record doubt, lack this field.
    in_doubt = parse_usd(_text(facts.get("in_doubt_usd", "0")))
    if in_doubt and (worst is None or cost is None or cost + in_doubt > worst):
        raise ValueError("more in doubt than was held")
    at, ended = _instant(facts["held_at"]), None if facts["ended_at"] is None else _instant(facts["ended_at"])
    return ImportedCall(call=_call(facts), worst=worst, held_at=at, ended_at=ended, end=_end(facts, cost, in_doubt))


def _call(facts: dict[str, Any]) -> Call:
    _one_of(BILLINGS, facts["billing"])
    for key in TEXTS:
        _text(facts[key])
    if not isinstance(facts["attempt"], int) or facts["attempt"] < 1:
        raise TypeError("attempt is not a number of 1 or more")
    tags = {_text(key): _text(value) for key, value in facts["tags"].items()}
    return Call(**{key: facts[key] for key in CALL}, tags=tags)


def _end(facts: dict[str, Any], cost: int | None, in_doubt: int) -> Settlement | str | None:
    state = _one_of(STATES, facts["state"])
    if state == "held":
        return None
    if state == "released":
        return _text(facts["outcome"])
    _one_of(SOURCES, facts["source"])
    _text(facts["outcome"])
    return Settlement(
        cost=cost,
        in_doubt=in_doubt if state == "in_doubt" else 0,
        **{key: facts[key] for key in END},
        usage=_usage(facts),
    )


def _usage(facts: dict[str, Any]) -> Usage | None:
    if facts["input_tokens"] is None:
        return None
    numbers = [facts[key] for key in USAGE]
    if not all(isinstance(number, int) and 0 <= number < 1 << 53 for number in numbers):
        raise ValueError("tokens are whole numbers")
    return Usage(*numbers)


def _one_of(known: tuple[str, ...], value: Any) -> str:
    if value not in known:
        raise ValueError(f"{value!r} is not one of {', '.join(known)}")
    return str(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _instant(text: Any) -> int:
    moment = datetime.fromisoformat(_text(text))
    if moment.tzinfo is None:
        raise ValueError(f"no time zone: {text}")
    at = int(moment.replace(microsecond=0).timestamp()) * 1_000_000 + moment.microsecond
    if not FIRST <= at <= LAST:
        raise ValueError(f"not a time: {text}")
    return at
